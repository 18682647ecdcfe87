// What looking at any page takes: a headless Chromium, screens, axe, and a list of
// what is wrong.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };
export const views = [['desktop', 'light'], ['desktop', 'dark'], ['phone', 'light'], ['phone', 'dark'], ['small', 'light']];
export const findings = [];

export const launch = (executablePath) => chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
  timeout: 60_000,
});

// audit runs axe on a page.
export async function audit(page, view) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run(document));
  if (passes.length < 10) findings.push(`${view}: axe looked at hardly anything`);
  for (const { id, help, nodes } of violations) {
    findings.push(`${view}: ${id}: ${help}: ${nodes.length} times, as in ${nodes[0].html.slice(0, 200)}`);
  }
}

// fits finds fault with a page that is wider than its screen.
export async function fits(page, view) {
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (excess > 0) findings.push(`${view}: the page is ${excess} pixels wider than the screen`);
}

// inView finds fault with a proof that is not to be seen, or is cut off.
export async function inView(page, cell, view) {
  const proof = cell.locator('xpath=following-sibling::div');
  const box = (await proof.isVisible()) && (await proof.boundingBox());
  const width = page.viewportSize().width;
  if (!box) findings.push(`${view}: the proof is not shown`);
  else if (box.x < 0 || box.x + box.width > width) findings.push(`${view}: the proof is cut off, from ${box.x} to ${box.x + box.width} of ${width}`);
}

// finish writes what is wrong to stdout, one finding a line; the exit code is 1 if there
// is any.
export function finish() {
  findings.forEach((finding) => console.log(finding));
  process.exit(findings.length > 0 ? 1 : 0);
}
