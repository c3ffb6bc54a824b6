// Writes pictures of the views into a folder. `ui.png` is the one of the README.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { launch, open, serve, total } from './support.mjs';

const folder = resolve(process.argv[2]);
mkdirSync(folder, { recursive: true });
const ends = [];
const test = { after: (end) => ends.unshift(end) };
const browser = await launch();
const url = await serve(test, '--api', 'current', '--seed', 'demo', '--no-auth');
const edition2015 = await serve(test, '--seed', 'demo', '--no-auth');
const login = await serve(test, '--api', 'current', '--login', '--login-password', 'x');

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    const page = await open(test, browser, url, { colorScheme, viewport: { width, height: 860 } });
    const shot = (name) => page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png`, fullPage: width < 900 });
    await total(page, 300);
    await page.locator('td.app .quiet').first().waitFor({ state: 'detached' });
    if (width < 900) await page.getByText('Charts', { exact: true }).click();
    await page.locator('.times li').first().waitFor();
    await page.screenshot({ path: `${folder}/list-${colorScheme}-${width}.png` });
    if (width > 900 && colorScheme === 'light') await page.screenshot({ path: `${folder}/ui.png`, clip: { x: 0, y: 0, width, height: 760 } });
    await page.getByLabel('READY').check();
    await page.getByLabel('bits', { exact: true }).check();
    await page.getByRole('button', { name: 'Remove all filters' }).waitFor();
    await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
    await page.screenshot({ path: `${folder}/filtered-${colorScheme}-${width}.png` });
    await page.getByRole('button', { name: 'Copy as …' }).click();
    await shot('commands');
    await page.keyboard.press('Escape');
    await page.locator('tbody tr').nth(2).click();
    await page.getByRole('heading', { name: 'JSON' }).waitFor();
    await shot('package');
    await page.getByRole('link', { name: 'Admin' }).click();
    await page.locator('.requests td').first().waitFor();
    await shot('admin');
    await page.goto(`${edition2015}/`);
    await total(page, 300);
    await page.locator('.times li').first().waitFor();
    await page.screenshot({ path: `${folder}/2015-${colorScheme}-${width}.png` });
    await page.goto(login);
    await page.getByLabel('Password').waitFor();
    await page.screenshot({ path: `${folder}/login-${colorScheme}-${width}.png` });
  }
}
await browser.close();
for (const end of ends) await end().catch((error) => console.error(error.message));
