// What the tests share: a server, a browser, and the checks that hold for every page.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const program = process.env.PROGRAM;
assert(program, 'PROGRAM names the program; .ci/browser sets it');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The key of all servers, so that any token can be made. */
const KEY = 'browser';
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser'];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Starts a browser with an empty profile. */
export function launch() {
  const executablePath = process.env.BROWSER || BROWSERS.find((path) => existsSync(path));
  assert(executablePath, `none of ${BROWSERS.join(', ')} exists; BROWSER names another`);
  return chromium.launch({ executablePath, args: FLAGS });
}

/** Returns a token: `--admin`, or `--user` and a name. */
export function token(...caller) {
  return execFileSync(program, ['token', ...caller, '--token-key', KEY], { encoding: 'utf8' }).trim();
}

/** Starts a server of the demo's data with these flags, and stops it at the end of the test. */
export async function serve(test, ...flags) {
  const folder = mkdtempSync(join(tmpdir(), 'cf-packages-browser-'));
  const child = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--ephemeral', '--token-key', KEY, '--exit-with-stdin', ...flags],
    { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { child.on('exit', resolve); });
  test.after(async () => {
    child.stdin.end();
    await ended;
    rmSync(folder, { recursive: true });
  });
  for await (const line of createInterface(child.stdout)) return line.replace('listening on ', '');
  throw new Error('the server did not start');
}

/**
 * Opens a page of its own, which is closed at the end of the test. Whatever a page does, it asks no other server, breaks no
 * rule of its policy, and writes no error to the console but the browser's own lines about responses with an error.
 */
export async function open(test, browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:')) faults.push(`requested ${request.url()}`);
  });
  test.after(async () => {
    await context.close();
    assert.deepEqual(faults, []);
  });
  await page.goto(url);
  return page;
}

/** Fails if axe-core finds anything, or if the page is wider than the window. */
export async function check(page, what) {
  // What is not yet drawn, or still fades in, has another contrast.
  await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`);
  assert.deepEqual(found, [], what);
  const [width, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert(width <= window, `${what}: ${width} > ${window}`);
}

/** Waits until the list says how many packages it has. */
export async function total(page, number) {
  await page.locator('.title .total', { hasText: new RegExp(`^${number}$`) }).waitFor();
  await page.locator('.table[aria-busy]').waitFor({ state: 'detached' });
}

/** Adds a docker package with these labels and annotations, in an app, a space and an organization of this name. Returns its guid. */
export async function add(url, metadata, app = 'added') {
  const seed = { organizations: [{ name: app }], spaces: [{ name: app, organization: app }],
    apps: [{ name: app, space: app, lifecycle: 'docker' }], packages: [{ app, guid: 'added', type: 'docker', image: 'example.com/i', ...metadata }] };
  const answer = await fetch(`${url}/admin/seed`, { method: 'POST', body: JSON.stringify(seed) });
  assert.equal(answer.status, 200, await answer.text());
  return 'added';
}

/** Returns a zip archive of two files and a folder, not compressed. */
export function archive() {
  const crc32 = (bytes) => {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
    }
    return ~crc >>> 0;
  };
  const local = [];
  const central = [];
  let offset = 0;
  for (const [name, text] of [['index.html', '<h1>shop</h1>'], ['assets/', ''], ['assets/größe.css', 'h1{margin:0']]) {
    const [path, content] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    // 2026-11-27 05:40
    common.writeUInt16LE((5 << 11) | (40 << 5), 6);
    common.writeUInt16LE((46 << 9) | (11 << 5) | 27, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const head = Buffer.concat([Buffer.from('PK\x03\x04'), common]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, rest, path]));
    local.push(head, path, content);
    offset += head.length + path.length + content.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(3, 4);
  end.writeUInt16LE(3, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\x05\x06'), end]);
}
