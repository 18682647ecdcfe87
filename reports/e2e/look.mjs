// Looks at pages in a headless Chromium, as people would: on a desktop and on a
// phone, light and dark, on paper, and by keyboard alone.
//
//   node look.mjs CHROMIUM FOLDER
//
// FOLDER holds *.html; a picture of each view is put beside them. What is wrong
// is written to stdout, one finding a line; the exit code is 1 if there is any.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { audit, findings, finish, fits, inView, launch, screens, views } from './browser.mjs';

const [executablePath, folder] = process.argv.slice(2);
const large = 500_000; // bytes: of these, axe reads every one on every screen for minutes

const browser = await launch(executablePath);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.html'))) {
  if (statSync(path.join(folder, file)).size > large) {
    await look(file, { viewport: screens.phone }, path.parse(file).name, []);
    continue;
  }
  for (const [screen, colorScheme] of views) {
    await look(file, { viewport: screens[screen], colorScheme }, `${path.parse(file).name}-${screen}-${colorScheme}`);
  }
  await withoutScript(file);
}
await browser.close();
finish();

// look opens a page, takes a picture, and runs axe on it, closed and with a
// proof open.
async function look(file, options, view, checks = [audit]) {
  const context = await browser.newContext(options);
  const page = await open(context, file, view);
  await page.screenshot({ path: path.join(folder, `${view}.png`), fullPage: true });
  await fits(page, view);
  await listsFit(page, view);
  for (const check of checks) await check(page, view);
  const cell = page.locator('.matrix summary').last();
  if (await cell.count()) {
    await cell.click();
    await inView(page, cell, view);
    for (const check of checks) await check(page, `${view}, with a proof open`);
  }
  await context.close();
}

// listsFit finds fault with the lists below the matrix if they scroll sideways, also when
// they are open.
async function listsFit(page, view) {
  const wide = await page.evaluate(() => {
    document.querySelectorAll('details.list').forEach((list) => { list.open = true; });
    const scrolls = [...document.querySelectorAll('.scroll:has(> .long)')].filter((box) => box.scrollWidth > box.clientWidth);
    document.querySelectorAll('details.list').forEach((list) => { list.open = false; });
    return scrolls.map((box) => box.getAttribute('aria-label'));
  });
  if (page.viewportSize().width < 704) wide.forEach((label) => findings.push(`${view}: ${label} scrolls sideways`));
}

// withoutScript goes through a page by keyboard, in a browser that runs none.
async function withoutScript(file) {
  const view = `${path.parse(file).name} by keyboard`;
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: screens.desktop });
  const page = await open(context, file, view);
  const cell = page.locator('.matrix summary').first();
  if (await cell.count()) {
    await cell.focus();
    await page.keyboard.press('Enter');
    await inView(page, cell, view);
    await page.keyboard.press('Enter');
    if (await page.locator('.matrix details[open]').count()) findings.push(`${view}: a proof does not close`);
  }
  await page.emulateMedia({ media: 'print' });
  await page.pdf({ path: path.join(folder, `${path.parse(file).name}.pdf`), format: 'A4', printBackground: true });
  await context.close();
}

async function open(context, file, view) {
  const page = await context.newPage();
  const address = pathToFileURL(path.join(folder, file)).href;
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) findings.push(`${view}: asks for ${request.url()}`);
  });
  page.on('console', (message) => findings.push(`${view}: ${message.text()}`));
  page.on('pageerror', (error) => findings.push(`${view}: ${error}`));
  await page.goto(address);
  return page;
}
