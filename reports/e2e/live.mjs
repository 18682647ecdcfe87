// Operates the page of a run under way in a headless Chromium, as people would.
//
//   node live.mjs CHROMIUM FOLDER URL watch
//   node live.mjs CHROMIUM FOLDER URL answer EYES
//
// watch looks on, pauses the run and resumes it by keyboard alone, and loses the
// connection once. answer answers each question by a click: the URL EYES says "yes" if
// what a person would try works, or "no". Both stay until the run ends, and leave a
// picture of each view of each moment in FOLDER. What is wrong is written to stdout, one
// finding a line; the exit code is 1 if there is any. If there is none, stdout is the
// matrix that the page shows in the end: for each destination its verdicts.
import net from 'node:net';
import path from 'node:path';
import { audit, findings, finish, fits, inView, launch, screens, views } from './browser.mjs';

const [executablePath, folder, url, task, eyes] = process.argv.slice(2);
const patience = 120_000; // milliseconds: the machine may be busy

const browser = await launch(executablePath);
const context = await browser.newContext({ viewport: screens.desktop });
context.setDefaultTimeout(patience);
const page = await context.newPage();
page.on('pageerror', (error) => findings.push(`script: ${error}`));
page.on('console', (message) => {
  const expected = /net::ERR_|origin was untrustworthy|status of 503/; // of lost connections, a page without TLS, and one that has nothing to show yet
  if (!expected.test(message.text())) findings.push(`console: ${message.text()}`);
});
try {
  await ({ watch, answer })[task]();
  const verdicts = await ended();
  if (findings.length === 0) console.log(JSON.stringify(verdicts));
} catch (error) {
  findings.push(`${error.stack}`);
  await page.screenshot({ path: path.join(folder, `live-${task}-wrong.png`), fullPage: true });
}
await browser.close();
finish();

async function watch() {
  const wire = await wireTo(new URL(url));
  await page.goto(wire.url);
  await page.locator('.ends .tried').first().waitFor();
  await press('Pause: everything reachable');
  await page.getByText('Paused: everything is reachable').waitFor();
  if (await page.locator('.ends .cut, .ends .tried').count()) findings.push('paused: something is still shown as blocked');
  await look('paused');
  await press('Resume');
  await page.getByText('Paused: everything is reachable').waitFor({ state: 'detached' });

  await page.evaluate(() => { window.sameDocument = true; });
  const before = await decided();
  wire.cut();
  await page.locator('#lost').waitFor();
  await page.waitForTimeout(3000); // the run goes on meanwhile
  wire.mend();
  await page.locator('#lost').waitFor({ state: 'hidden' });
  await page.waitForFunction((before) => [...document.querySelectorAll('.matrix .v .word')].filter((v) => v.textContent !== 'undecided').length > before, before);
  await look('going-on');
  await page.locator('#stopped').waitFor();
  if (!(await page.evaluate(() => window.sameDocument))) findings.push('the page was loaded again, and not kept up to date');
  wire.close();
}

// decided counts the verdicts that the page shows.
function decided() {
  return page.locator('.matrix .v .word').filter({ hasNotText: 'undecided' }).count();
}

async function answer() {
  await page.goto(url);
  const question = page.locator('#ask input[name=question]');
  for (let asked = 0; ; asked++) {
    await question.or(page.locator('#stopped:not([hidden])')).waitFor({ state: 'attached' });
    if (await page.locator('#stopped').isVisible()) break;
    const id = await question.getAttribute('value');
    if (!(await page.locator('.question img').evaluate((picture) => picture.decode().then(() => picture.naturalWidth)))) findings.push('the picture of the question is not shown');
    if (asked === 0) await look('asking');
    const works = (await (await fetch(eyes)).text()).trim();
    await page.locator(`.answer.${works}`).click();
    await page.waitForFunction((id) => document.querySelector('#ask input[name=question]')?.value !== id, id);
  }
}

// ended looks at the page that a run leaves, and returns the verdicts by destination.
async function ended() {
  if (!(await page.locator('#now .result').isVisible())) findings.push('ended: the page does not show what came of the run');
  if ((await page.locator('#now').textContent()).includes('still running')) findings.push('ended: the page says that the run is still running');
  await look('ended');
  const cell = page.locator('.matrix summary').first();
  await cell.evaluate((summary) => { summary.dataset.wanted = ''; });
  await tabTo(() => 'wanted' in document.activeElement.dataset, 'the first verdict');
  await page.keyboard.press('Enter');
  await inView(page, cell, 'ended');
  return page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.matrix tbody tr')].map((row) =>
    [row.querySelector('.name').textContent, [...row.querySelectorAll('.v .word')].map((v) => v.textContent)])));
}

// look takes pictures of one moment, and runs axe on it.
async function look(moment) {
  for (const [screen, colorScheme] of views) {
    const view = `live-${task}-${moment}-${screen}-${colorScheme}`;
    await page.setViewportSize(screens[screen]);
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(folder, `${view}.png`), fullPage: true });
    await fits(page, view);
    await audit(page, view);
  }
  await page.setViewportSize(screens.desktop);
}

// press operates a button by keyboard alone.
async function press(label) {
  await tabTo((label) => document.activeElement.textContent === label, label);
  await page.keyboard.press('Enter');
}

async function tabTo(there, label) {
  const way = [];
  for (let i = 0; i < 100; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(there, label)) return;
    way.push(await page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.textContent.trim().slice(0, 20)}`));
  }
  throw new Error(`no key leads to ${label}: ${way.join(', ')}`);
}

// wireTo passes connections on to a server, until it is cut.
async function wireTo(to) {
  const ends = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = net.connect(Number(to.port), to.hostname);
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.on('close', () => { ends.delete(end); other.destroy(); });
      end.on('error', () => {});
      end.pipe(other);
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${server.address().port}${to.pathname}`,
    cut() { whole = false; ends.forEach((end) => end.destroy()); },
    mend() { whole = true; },
    close() { server.close(); ends.forEach((end) => end.destroy()); },
  };
}
