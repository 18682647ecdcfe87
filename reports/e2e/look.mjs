// Looks at pages in a headless Chromium, as people would: on a desktop and on a
// phone, light and dark, on paper, and by keyboard alone.
//
//   node look.mjs CHROMIUM FOLDER
//
// FOLDER holds *.html; a picture of each view is put beside them. What is wrong
// is written to stdout, one finding a line; the exit code is 1 if there is any.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [executablePath, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };
const views = [['desktop', 'light'], ['desktop', 'dark'], ['phone', 'light'], ['phone', 'dark'], ['small', 'light']];
const large = 500_000; // bytes: of these, axe reads every one on every screen for minutes
const findings = [];

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
  timeout: 60_000,
});
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
findings.forEach((finding) => console.log(finding));
process.exitCode = findings.length > 0 ? 1 : 0;

// look opens a page, takes a picture, and runs axe on it, closed and with a
// proof open.
async function look(file, options, view, checks = [audit]) {
  const context = await browser.newContext(options);
  const page = await open(context, file, view);
  await page.screenshot({ path: path.join(folder, `${view}.png`), fullPage: true });
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (excess > 0) findings.push(`${view}: the page is ${excess} pixels wider than the screen`);
  for (const check of checks) await check(page, view);
  const cell = page.locator('.matrix summary').last();
  if (await cell.count()) {
    await cell.click();
    await inView(page, cell, view);
    for (const check of checks) await check(page, `${view}, with a proof open`);
  }
  await context.close();
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

// inView finds fault with a proof that is not to be seen, or is cut off.
async function inView(page, cell, view) {
  const proof = cell.locator('xpath=following-sibling::div');
  const box = (await proof.isVisible()) && (await proof.boundingBox());
  const width = page.viewportSize().width;
  if (!box) findings.push(`${view}: the proof is not shown`);
  else if (box.x < 0 || box.x + box.width > width) findings.push(`${view}: the proof is cut off, from ${box.x} to ${box.x + box.width} of ${width}`);
}

async function audit(page, view) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run(document));
  if (passes.length < 10) findings.push(`${view}: axe looked at hardly anything`);
  for (const { id, help, nodes } of violations) {
    findings.push(`${view}: ${id}: ${help}: ${nodes.length} times, as in ${nodes[0].html.slice(0, 200)}`);
  }
}
