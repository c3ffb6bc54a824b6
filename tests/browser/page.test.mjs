// The page in a browser: what its viewers see and do.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createServer, request as httpRequest } from 'node:http';
import { add, archive, check, launch, open, serve, token, total } from './support.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const admin = () => `#token=${token('--admin')}`;
const CURRENT = ['--api', 'current', '--seed', 'demo'];

test('the token of the link is kept for the tab and not in the address', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/${admin()}`);
  await total(page, 300);
  assert.equal(page.url(), `${url}/`);
  assert.equal(await page.evaluate(() => history.length), 2);
  await page.reload();
  await total(page, 300);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => localStorage[key].includes('eyJ')).length), 0);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  await page.getByLabel('Token').fill('nothing');
  await page.getByRole('button', { name: 'Use this token' }).click();
  assert.match(await page.getByRole('alert').innerText(), /three parts/);
  await page.getByLabel('Token').fill(`bearer ${token('--user', 'nobody')}`);
  await page.getByRole('button', { name: 'Use this token' }).click();
  await page.getByText('There are no packages that you may see.').waitFor();
});

test('a token that the API refuses leads to the form, with the reason', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/#token=${token('--admin').slice(0, -4)}AAAA`);
  await page.getByText('The token was refused: Invalid Auth Token').waitFor();
  await check(page, 'refused');
});

test('filters, order and pages are those of the API, and are in the address', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, url);
  await total(page, 300);
  const api = async (query) => (await (await fetch(`${url}/v3/packages?${query}`)).json());
  const rows = () => page.locator('tbody td.package a').evaluateAll((links) => links.map((link) => link.title));
  const same = async (query) => {
    const { resources, pagination } = await api(query);
    await total(page, pagination.total_results);
    assert.deepEqual(await rows(), resources.map((item) => item.guid), query);
  };
  await same('order_by=-created_at');
  await page.getByRole('checkbox', { name: 'FAILED' }).press('Space');
  await same('order_by=-created_at&states=FAILED');
  await page.getByRole('checkbox', { name: 'docker' }).check();
  await same('order_by=-created_at&states=FAILED&types=docker');
  assert.equal(new URLSearchParams(page.url().split('?')[1]).get('states'), 'FAILED');
  await page.getByRole('button', { name: 'Remove all filters' }).click();
  await total(page, 300);
  await page.getByLabel('Space', { exact: true }).fill('dev');
  await page.getByLabel('Space', { exact: true }).press('Enter');
  await page.getByRole('button', { name: 'space: dev (remove)' }).waitFor();
  const spaces = (await (await fetch(`${url}/v3/spaces?names=dev`)).json()).resources.map((space) => space.guid).join(',');
  await same(`order_by=-created_at&space_guids=${spaces}`);
  await page.getByRole('button', { name: 'space: dev (remove)' }).click();
  await page.getByLabel('Labels').fill('env=prod');
  await page.getByLabel('Labels').press('Enter');
  await same('order_by=-created_at&label_selector=env%3Dprod');
  await page.getByLabel('Labels').fill('env in[');
  await page.getByLabel('Labels').press('Enter');
  await page.getByText('Invalid label_selector value').waitFor();
  await page.getByRole('button', { name: 'Remove all filters' }).click();
  await total(page, 300);
  await page.getByRole('button', { name: 'Age', exact: true }).click();
  await same('order_by=created_at');
  assert.equal(await page.locator('th.age').getAttribute('aria-sort'), 'descending');
  await page.getByRole('link', { name: 'Next page' }).click();
  await same('order_by=created_at&page=2');
  await page.getByLabel('Rows').selectOption('20');
  await same('order_by=created_at&per_page=20');
  await page.getByLabel('Page', { exact: true }).fill('15');
  await page.getByLabel('Page', { exact: true }).press('Enter');
  await same('order_by=created_at&per_page=20&page=15');
  await page.reload();
  await same('order_by=created_at&per_page=20&page=15');
  await page.goBack();
  await same('order_by=created_at&per_page=20');
});

test('the charts say what the API counts', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, url);
  await page.locator('.charts[aria-busy]').waitFor({ state: 'detached' });
  // A busy machine may count for longer than the charts do without being asked.
  const rest = page.getByRole('button', { name: 'Count the rest' });
  if (await rest.isVisible()) await rest.click();
  await page.getByText('; all pages of the list, counted by the API').waitFor();
  await page.getByText(/^All pages of the list, counted by the API/).waitFor();
  const bars = await page.locator('.bars a[aria-label]').evaluateAll((links) => links.map((link) => [link.getAttribute('aria-label'), link.hash]));
  assert(bars.length > 6, String(bars.length));
  for (const [text, address] of bars.slice(0, 8)) {
    const { pagination } = await (await fetch(`${url}/v3/packages${address.slice(address.indexOf('?'))}`)).json();
    assert.equal(Number(text.match(/: (\d+) /)[1]), pagination.total_results, text);
  }
  const times = await page.locator('.times [title]').evaluateAll((items) => items.map((item) => Number(item.title.match(/: (\d+) package/)[1])));
  assert.equal(times.reduce((sum, number) => sum + number, 0), 300);
  const most = times.indexOf(Math.max(...times));
  await page.locator('.times li').nth(most).getByRole('button').click();
  await total(page, times[most]);
});

test('a package is created, uploaded, listed, downloaded, labelled, copied and deleted', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/${admin()}`);
  await total(page, 300);
  await page.getByRole('button', { name: 'New package' }).click();
  await page.getByRole('dialog').getByLabel('App').fill('no-such-app');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('App is invalid. Ensure it exists and you have access to it.').waitFor();
  await page.getByRole('dialog').getByLabel('App').fill('recommendations');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText(/apps have the name|Cannot create bits package for a Docker app/).waitFor();
  const list = await (await fetch(`${url}/v3/apps?lifecycle_type=buildpack&per_page=2`, { headers: { Authorization: `bearer ${token('--admin')}` } })).json();
  await page.getByRole('dialog').getByLabel('App').fill(list.resources[0].guid);
  await page.getByRole('dialog').getByLabel('Labels').fill('env=test\nowner=me');
  await check(page, 'the form for a new package');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('This package waits for its bits').waitFor();
  const guid = page.url().split('/').at(-1);
  await page.getByLabel('Zip archive').setInputFiles({ name: 'shop.zip', mimeType: 'application/zip', buffer: archive() });
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await page.getByText('2 files, 24 B').waitFor();
  const files = await page.locator('.entries tbody td:first-child').allInnerTexts();
  assert.deepEqual(files, ['index.html', 'assets/', 'assets/größe.css']);
  await check(page, 'a package with bits');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download', exact: true }).click()]);
  assert.equal(download.suggestedFilename(), `${guid}.zip`);
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Value of the label').first().fill('prod');
  await page.getByRole('button', { name: 'Remove the label owner' }).click();
  await check(page, 'the form for labels and annotations');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.facts dd', { hasText: 'prod' }).waitFor();
  assert.equal(await page.getByText('owner').count(), 0);
  assert.match(await page.locator('.json').innerText(), /"env": "prod"/);
  await page.getByRole('button', { name: 'Copy to an app' }).click();
  await page.getByRole('dialog').getByLabel('App').fill(list.resources[1].guid);
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.waitForURL((other) => other.hash.includes('packages/') && !other.hash.includes(guid));
  await page.getByText('2 files, 24 B').waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await total(page, 301);
});

test('only what the viewer changes in labels and annotations is sent', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const labels = { env: 'prod', tier: 'web' };
  const annotations = { lines: 'first\nsecond', padded: '  x  ', equals: 'a=1\nb=2\n', returns: 'one\r\ntwo\r', gone: 'g' };
  const guid = await add(url, { annotations, labels });
  const page = await open(t, browser, `${url}/#/packages/${guid}`);
  const sent = [];
  page.on('request', (request) => { if (request.method() === 'PATCH') sent.push(request.postDataJSON()); });
  const edit = page.getByRole('button', { name: 'Edit' });
  const save = page.getByRole('button', { name: 'Save' });
  await edit.click();
  await save.click();
  await page.getByText('Nothing was changed.').waitFor();
  await edit.click();
  const texts = page.getByLabel('Text of the annotation');
  assert.equal(await texts.count(), 5);
  await page.getByRole('button', { name: 'Add an annotation' }).click();
  await page.getByLabel('Key of the annotation').last().fill('constructor');
  await texts.last().fill('first\nsecond');
  await page.getByRole('button', { name: 'Remove the annotation gone' }).click();
  await page.getByRole('button', { name: 'Add a label' }).click();
  await page.getByLabel('Key of the label').last().fill('tier');
  await page.getByLabel('Value of the label').last().fill('db');
  await save.click();
  await page.getByText('The key “tier” is there twice among the labels.').waitFor();
  await page.getByRole('button', { name: 'Remove the label', exact: true }).click();
  await save.click();
  await page.locator('.facts dt', { hasText: 'constructor' }).waitFor();
  assert.deepEqual(sent, [{ metadata: { annotations: { constructor: 'first\nsecond', gone: null } } }]);
  const { gone, ...kept } = annotations;
  const { metadata } = await (await fetch(`${url}/v3/packages/${guid}`)).json();
  assert.deepEqual(metadata, { labels, annotations: { ...kept, constructor: 'first\nsecond' } });
});

test('a viewer who may not write sees the reason of the API', async (t) => {
  const url = await serve(t, ...CURRENT);
  const users = await (await fetch(`${url}/v3/roles?types=space_auditor&include=user`, { headers: { Authorization: `bearer ${token('--admin')}` } })).json();
  const page = await open(t, browser, `${url}/#token=${token('--user', users.included.users[0].guid)}`);
  await page.locator('.packages .table tbody tr').first().click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('You are not authorized to perform the requested action').first().waitFor();
});

test('a viewer whose token has no scope to write sees nothing that writes', async (t) => {
  const url = await serve(t, ...CURRENT);
  const user = token('--user', 'reader', '--scope', 'cloud_controller.admin_read_only');
  const writing = ['New package', 'Copy to an app', 'Delete', 'Edit', 'Upload'];
  const list = `${url}/#/packages?states=AWAITING_UPLOAD`;
  const shown = async (page) => {
    const found = [];
    const buttons = async () => {
      for (const name of writing) if (await page.getByRole('button', { name, exact: true }).count()) found.push(name);
    };
    await page.goto(list);
    await page.locator('.packages .table tbody tr').first().waitFor();
    await buttons();
    await page.locator('.packages .table tbody tr').first().click();
    await page.getByRole('heading', { name: 'JSON' }).waitFor();
    await buttons();
    return found;
  };
  const page = await open(t, browser, `${url}/#token=${user}`);
  assert.deepEqual(await shown(page), []);
  await page.getByText('The package waits for its bits.').waitFor();
  await page.getByRole('button', { name: 'Copy as …' }).waitFor();
  await check(page, 'a package that the viewer may only read');
  const writer = await open(t, browser, `${url}/${admin()}`);
  assert.deepEqual(await shown(writer), writing);
});

test('commands to copy never hold the token unless the viewer wants it', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/${admin()}`);
  await page.getByRole('checkbox', { name: 'READY' }).check();
  await page.getByRole('button', { name: 'Copy as …' }).click();
  const command = page.locator('.command');
  assert.equal(await command.innerText(), `curl --fail '${url}/v3/packages?states=READY&per_page=50&order_by=-created_at' \\\n  -H "Authorization: bearer $TOKEN"`);
  await check(page, 'commands');
  await page.getByLabel('cf curl').check();
  assert.equal(await command.innerText(), "cf curl '/v3/packages?states=READY&per_page=50&order_by=-created_at'");
  await page.getByLabel('Python').check();
  assert.match(await command.innerText(), /os\.environ\["TOKEN"\]/);
  assert.doesNotMatch(await command.innerText(), /eyJ/);
  await page.getByLabel(/Write my token/).check();
  assert.match(await command.innerText(), /bearer eyJ/);
});

test('a command to copy is quoted for the shell', async (t) => {
  const url = await serve(t, '--seed', 'demo', '--no-auth');
  const page = await open(t, browser, `${url}/#/packages?app=it's`);
  await page.getByRole('button', { name: 'Copy as …' }).click();
  const command = await page.locator('.command').innerText();
  const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(words, ['curl', '--fail', `${url}/v3/apps/it's/packages?per_page=50`]);
});

test('a viewer logs in, and stays logged in when the token expires', async (t) => {
  // Tokens end at whole seconds, so that one of 3 s is valid for more than 2 s.
  const url = await serve(t, ...CURRENT, '--login', '--login-password', 'secret', '--login-ttl', '3s');
  const page = await open(t, browser, url);
  await check(page, 'the login');
  await page.getByLabel('User').fill('admin');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  await page.getByLabel('Password').fill('secret');
  await page.getByLabel('Password').press('Enter');
  await total(page, 300);
  await page.waitForTimeout(3500);
  await page.getByRole('checkbox', { name: 'READY' }).check();
  await page.getByRole('button', { name: 'Remove all filters' }).waitFor();
  await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
  assert.equal(await page.locator('h1').innerText(), 'Packages');
  assert(await page.locator('.packages .table tbody tr').count() > 1);
});

test('the edition 2015 has the list, one app, pages, and bits', async (t) => {
  const url = await serve(t, '--seed', 'demo', '--no-auth');
  const page = await open(t, browser, url);
  await total(page, 300);
  await page.getByText('this page only').first().waitFor();
  await check(page, 'the list of 2015');
  assert.equal(await page.getByLabel('Order').count(), 0);
  await page.getByRole('link', { name: 'Last page' }).click();
  await page.waitForURL(/page=6/);
  await page.locator('.packages .table tbody tr').nth(1).click();
  await page.getByRole('heading', { name: 'JSON' }).waitFor();
  await check(page, 'a package of 2015');
  await page.locator('.facts dd a').first().click();
  await page.waitForURL(/app=/);
  await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
  assert(Number(await page.locator('.title .total').innerText()) < 300);
});

test('an admin moves the clock, adds faults, reads requests, and resets', async (t) => {
  const url = await serve(t, ...CURRENT, '--clock', '2030-01-01T00:00:00Z');
  const page = await open(t, browser, `${url}/#token=${token('--admin', '--clock', '2030-01-01T00:00:00Z')}`);
  await page.getByRole('link', { name: 'Admin' }).click();
  await page.getByText('2030-01-01 00:00:00 UTC').waitFor();
  await check(page, 'admin');
  await page.getByRole('button', { name: '+ 30d' }).click();
  await page.getByText('2030-01-31 00:00:00 UTC').waitFor();
  await page.getByLabel('Advance by').fill('soon');
  await page.getByRole('button', { name: 'Advance', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'soon' }).waitFor();
  await page.locator('.rule').getByLabel('Effect').selectOption({ label: 'Rate limit (429)' });
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('cell', { name: 'kind: rate_limit' }).waitFor();
  await page.getByRole('link', { name: 'Packages', exact: true }).click();
  // The token has been renewed, or this would be the form for another one.
  await page.getByText(/rate limit/i).first().waitFor();
  await page.getByRole('link', { name: 'Admin' }).click();
  await page.getByText('No rule waits for requests.').waitFor();
  await page.getByLabel('Those of this page too').check();
  await page.locator('.requests td', { hasText: '429' }).first().waitFor();
  await page.getByLabel('Those of this page too').uncheck();
  await page.locator('.requests td', { hasText: '429' }).waitFor({ state: 'detached' });
  await fetch(`${url}/v3/live`);
  await page.locator('.requests td', { hasText: '/v3/live' }).first().waitFor();
  await check(page, 'admin with requests');
  await page.getByRole('button', { name: 'Reset the server' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click();
  await page.getByText('2030-01-01 00:00:00 UTC').waitFor();
  assert.equal(await page.locator('.requests').count(), 0);
});

test('an admin sees the page as another user', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/${admin()}`);
  await page.getByRole('link', { name: 'Admin' }).click();
  await page.getByRole('textbox', { name: 'User' }).fill('nobody-at-all');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'nobody-at-all' }).waitFor();
  await page.getByRole('textbox', { name: 'User' }).fill('alice.moreau');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.locator('.who', { hasText: 'alice.moreau' }).waitFor();
  await page.locator('td.package').first().waitFor();
  assert(Number(await page.locator('.title .total').innerText()) < 300);
  assert.equal(await page.getByRole('link', { name: 'Admin' }).count(), 0);
  await page.getByRole('button', { name: 'Back to my token' }).click();
  await total(page, 300);
  await page.getByRole('link', { name: 'Admin' }).waitFor();
});

test('text of the data is text', async (t) => {
  const url = await serve(t, '--api', 'current', '--seed', 'demo', '--no-auth');
  const name = '<img src=x onerror="document.title=1"><b>';
  const seed = { organizations: [{ name: `${name}o` }], spaces: [{ name: `${name}s`, organization: `${name}o` }], apps: [{ name: `${name}a`, space: `${name}s`, lifecycle: 'docker' }],
    packages: [{ app: `${name}a`, type: 'docker', image: `${name}i`, annotations: { x: name } }] };
  assert.equal((await fetch(`${url}/admin/seed`, { method: 'POST', body: JSON.stringify(seed) })).status, 200);
  const page = await open(t, browser, url);
  await total(page, 301);
  await page.locator('td.app', { hasText: `${name}a` }).first().click();
  await page.getByText(`${name}i`).first().waitFor();
  assert.equal(await page.locator('main img, main b').count(), 0);
});

test('the page works below the path prefix of a proxy', async (t) => {
  const url = new URL(await serve(t, ...CURRENT, '--trust-proxy'));
  const proxy = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith('/cf/packages/')) {
      outgoing.writeHead(404).end();
      return;
    }
    const headers = { ...incoming.headers, 'x-forwarded-prefix': '/cf/packages' };
    const sent = httpRequest({ host: url.hostname, port: url.port, method: incoming.method, path: incoming.url.slice('/cf/packages'.length), headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(sent);
  });
  await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  t.after(() => proxy.close());
  const page = await open(t, browser, `http://127.0.0.1:${proxy.address().port}/cf/packages/${admin()}`);
  await total(page, 300);
  await page.locator('.packages .table tbody tr').first().click();
  await page.getByRole('heading', { name: 'JSON' }).waitFor();
  assert.match(page.url(), /\/cf\/packages\/#\/packages\//);
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    test(`every view passes in ${colorScheme} at ${width} pixels`, async (t) => {
      const url = await serve(t, ...CURRENT, '--no-auth');
      const page = await open(t, browser, url, { colorScheme, viewport: { width, height: 800 } });
      await total(page, 300);
      if (width < 900) await page.getByText('Charts', { exact: true }).click();
      if (width < 640) await page.getByText('Filters', { exact: true }).click();
      await page.locator('.times li').first().waitFor();
      await page.getByText('Guids and times').click();
      await page.getByRole('checkbox', { name: 'READY' }).check();
      await page.getByRole('button', { name: 'Remove all filters' }).waitFor();
      await page.locator('.times li').first().waitFor();
      await check(page, 'the list');
      await page.locator('.packages .table tbody tr').first().click();
      await page.getByRole('heading', { name: 'JSON' }).waitFor();
      await check(page, 'a package');
      await page.getByRole('button', { name: 'Delete' }).click();
      await check(page, 'a dialog');
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'Admin' }).click();
      await page.getByLabel('Those of this page too').check();
      await page.locator('.requests td').first().waitFor();
      await check(page, 'admin');
    });
  }
}

test('the keyboard alone reaches everything, and sees where it is', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, url);
  await total(page, 300);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.locator('td.package a').first().focus();
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'JSON' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
  const remove = page.getByRole('button', { name: 'Delete' });
  await remove.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Delete');
});

test('the focus stays on the control that was used, in the new list', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, url);
  await total(page, 300);
  // The list comes some time after the address. If the focus never gets there, this fails.
  const focuses = (name) => page.waitForFunction((wanted) => {
    const { activeElement: element } = document;
    const names = [element.getAttribute('aria-label'), element.value, element.textContent];
    return names.some((one) => one?.startsWith(wanted));
  }, name);
  const press = async (control, key, address) => {
    await control.focus();
    await page.keyboard.press(key);
    await page.waitForURL(address);
    await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
  };
  await press(page.getByRole('link', { name: 'Next page' }), 'Enter', /page=2/);
  await focuses('Next page');
  await page.keyboard.press('Enter');
  await page.waitForURL(/page=3/);
  await press(page.getByRole('link', { name: 'Last page' }), 'Enter', /page=6/);
  await focuses('Page');
  await press(page.getByRole('button', { name: 'Age', exact: true }), 'Enter', /order_by=created_at/);
  await focuses('Age');
  await press(page.getByRole('checkbox', { name: 'READY' }), 'Space', /states=READY/);
  await press(page.getByRole('button', { name: 'Remove all filters' }), 'Enter', (address) => !address.hash.includes('states'));
  await focuses('READY');
});

for (const width of [1280, 360]) {
  test(`long names and keys fit into ${width} pixels`, async (t) => {
    const url = await serve(t, ...CURRENT, '--no-auth');
    const name = 'w'.repeat(250);
    const labels = { [`${'w'.repeat(60)}.${'w'.repeat(60)}.example.com/${'w'.repeat(63)}`]: 'w'.repeat(63) };
    const guid = await add(url, { labels, annotations: { ['w'.repeat(63)]: 'w'.repeat(4000) } }, name);
    const { relationships } = await (await fetch(`${url}/v3/packages/${guid}`)).json();
    const page = await open(t, browser, `${url}/#/packages?app_guids=${relationships.app.data.guid}`, { viewport: { width, height: 800 } });
    await total(page, 1);
    await page.getByRole('button', { name: `app: ${name} (remove)` }).waitFor();
    await check(page, 'the list');
    await page.locator('.packages .table tbody tr').first().click();
    await page.getByRole('heading', { name: 'JSON' }).waitFor();
    await check(page, 'a package');
    await page.getByRole('button', { name: 'Edit' }).click();
    await check(page, 'the form for labels and annotations');
    const [inside, outside] = await page.locator('dialog').evaluate((box) => [box.scrollWidth, box.clientWidth]);
    assert(inside <= outside, `${inside} > ${outside}`);
  });
}

test('the theme can be changed in the first row of a narrow window', async (t) => {
  const url = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${url}/${admin()}`, { viewport: { width: 360, height: 800 } });
  await total(page, 300);
  const [first, theme] = await Promise.all([page.locator('.brand'), page.getByRole('button', { name: /theme/ })].map((one) => one.boundingBox()));
  assert(theme.y < first.y + first.height, `${theme.y} ${first.y}`);
});

test('a damaged address is removed, and shows the list or the form with an error', async (t) => {
  const unlocked = await serve(t, ...CURRENT, '--no-auth');
  for (const fragment of ['#/packages/%E0%A4%A', '#token=%', '#token=a%zz', '#token=']) {
    const page = await open(t, browser, `${unlocked}/${fragment}`);
    await total(page, 300);
    await page.getByRole('alert').filter({ hasText: 'was damaged' }).waitFor();
    assert.equal(page.url(), `${unlocked}/`);
  }
  const closed = await serve(t, ...CURRENT);
  const page = await open(t, browser, `${closed}/#token=a%zz`);
  await page.getByRole('alert').filter({ hasText: 'The token in the address was damaged' }).waitFor();
  await page.getByLabel('Token').waitFor();
  assert.equal(page.url(), `${closed}/`);
  await page.goto(`${closed}/${admin()}`);
  await total(page, 300);
  await page.goto(`${closed}/#/packages/%E0%A4%A`);
  await page.getByRole('alert').filter({ hasText: 'not percent-encoded' }).waitFor();
  assert.equal(page.url(), `${closed}/`);
  await page.goto(`${closed}/#/packages/..`);
  await page.getByRole('alert').filter({ hasText: 'A browser cannot ask for the guid “..”' }).waitFor();
});

test('after a package is deleted, the list has the filters that it had', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, `${url}/#/packages?states=FAILED`);
  const before = (await (await fetch(`${url}/v3/packages?states=FAILED`)).json()).pagination.total_results;
  await total(page, before);
  await page.locator('.packages .table tbody tr').first().click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await total(page, before - 1);
  assert.match(page.url(), /#\/packages\?states=FAILED$/);
});

test('charts stop counting after a while and for a new list, and go on when they are asked to', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, `${url}/ui/config`);
  let answers = 4;
  const isCount = (address) => address.pathname === '/v3/packages' && address.searchParams.get('per_page') === '1';
  await page.route(isCount, async (route) => {
    answers -= 1;
    // The others are not answered.
    if (answers >= 0) await route.continue();
  });
  const stopped = [];
  page.on('requestfailed', (request) => { if (isCount(new URL(request.url()))) stopped.push(request.url()); });
  await page.goto(url);
  await total(page, 300);
  const rest = page.getByRole('button', { name: 'Count the rest' });
  await rest.waitFor();
  await page.getByText('of them counted by the API so far').waitFor();
  await check(page, 'charts that stopped');
  const before = stopped.length;
  const asked = page.waitForRequest((request) => isCount(new URL(request.url())));
  await rest.click();
  await asked;
  await page.getByRole('checkbox', { name: 'FAILED' }).check();
  await page.waitForURL(/states=FAILED/);
  await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
  assert(stopped.length > before, String(stopped));
  answers = Infinity;
  await page.getByRole('button', { name: 'Remove all filters' }).click();
  await total(page, 300);
  await page.locator('.charts[aria-busy]').waitFor({ state: 'detached' });
  while (await rest.isVisible()) {
    await rest.click();
    await page.locator('.charts[aria-busy]').waitFor({ state: 'detached' });
  }
  await page.getByText('; all pages of the list, counted by the API').waitFor();
});

test('the theme that the viewer chose stays', async (t) => {
  const url = await serve(t, ...CURRENT, '--no-auth');
  const page = await open(t, browser, url, { colorScheme: 'light' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', { name: 'Dark theme' }).click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark);
});
