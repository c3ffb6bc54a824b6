// Writes pictures of the views into a folder. `ui.png` is the one of the README.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { archive, launch, open, serve, total } from './support.mjs';

const folder = resolve(process.argv[2]);
mkdirSync(folder, { recursive: true });
const ends = [];
const test = { after: (end) => ends.unshift(end) };
const browser = await launch();
const url = await serve(test, '--api', 'current', '--seed', 'demo', '--no-auth');
const edition2015 = await serve(test, '--seed', 'demo', '--no-auth');
const login = await serve(test, '--api', 'current', '--login', '--login-password', 'x');

/** Creates a package that waits for its bits, and returns its guid. */
async function newPackage() {
  const apps = await (await fetch(`${url}/v3/apps?lifecycle_type=buildpack&per_page=1`)).json();
  const body = { type: 'bits', relationships: { app: { data: { guid: apps.resources[0].guid } } }, metadata: { labels: { env: 'prod', team: 'checkout' }, annotations: { contact: 'shop@example.com' } } };
  const made = await fetch(`${url}/v3/packages`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return (await made.json()).guid;
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    await fetch(`${url}/admin/reset`, { method: 'POST' });
    const page = await open(test, browser, url, { colorScheme, viewport: { width, height: 860 } });
    const shot = (name) => page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png`, fullPage: width < 900 });
    await total(page, 300);
    await page.locator('td.app .quiet').first().waitFor({ state: 'detached' });
    if (width < 900) await page.getByText('Charts', { exact: true }).click();
    await page.locator('.times li').first().waitFor();
    await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
    await page.screenshot({ path: `${folder}/list-${colorScheme}-${width}.png` });
    if (width > 900 && colorScheme === 'light') await page.screenshot({ path: `${folder}/ui.png`, clip: { x: 0, y: 0, width, height: 760 } });
    if (width < 640) await page.getByText('Filters', { exact: true }).click();
    await page.getByRole('checkbox', { name: 'READY' }).check();
    await page.getByRole('checkbox', { name: 'bits' }).check();
    await page.getByRole('button', { name: 'Remove all filters' }).waitFor();
    await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
    await page.screenshot({ path: `${folder}/filtered-${colorScheme}-${width}.png` });
    await page.getByRole('button', { name: 'Copy as …' }).click();
    await shot('commands');
    await page.keyboard.press('Escape');
    await page.locator('.packages .table tbody tr').nth(2).click();
    await page.getByRole('heading', { name: 'JSON' }).waitFor();
    await shot('package');
    await page.goto(`${url}/#/packages/${await newPackage()}`);
    await page.getByLabel('Zip archive').waitFor();
    await shot('upload');
    await page.getByLabel('Zip archive').setInputFiles({ name: 'shop.zip', mimeType: 'application/zip', buffer: archive() });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.locator('.entries').waitFor();
    await shot('files');
    await page.getByRole('link', { name: 'Admin' }).click();
    await page.getByLabel('Those of this page too').check();
    await page.locator('.requests td').first().waitFor();
    await shot('admin');
    const old = await open(test, browser, edition2015, { colorScheme, viewport: { width, height: 860 } });
    await total(old, 300);
    if (width > 900) await old.locator('.times li').first().waitFor();
    await old.screenshot({ path: `${folder}/2015-${colorScheme}-${width}.png` });
    const form = await open(test, browser, login, { colorScheme, viewport: { width, height: 860 } });
    await form.getByLabel('Password').waitFor();
    await form.screenshot({ path: `${folder}/login-${colorScheme}-${width}.png` });
  }
}
for (const end of ends) await end();
await browser.close();
