// One package: its facts, its labels, its links, its JSON, and what can be done with it.
import * as api from './api.js';
import { bitsSection } from './bits.js';
import { copyPackage, deletePackage, editMetadata } from './changes.js';
import { showCommands } from './commands.js';
import { announce, card, copyButton, fill, h, icon } from './dom.js';
import { longTime, stateElement } from './format.js';
import { lastAddress } from './list.js';
import * as parents from './parents.js';
import * as session from './session.js';

/** How long the page waits before it looks again at a package whose state will change, in milliseconds. */
const LOOK_AGAIN = 1500;

/** Opens the view. */
export function open(main, route, server) {
  const { guid } = route;
  const path = `v3/packages/${encodeURIComponent(guid)}`;
  let loading = new AbortController();
  let timer = 0;
  const heading = h('h1', { tabindex: -1 }, 'Package');
  const actions = h('div', { class: 'contents' });
  const body = h('div', { class: 'columns' });
  let shown = null;

  fill(main, h('p', { class: 'back' }, h('a', { href: lastAddress }, icon('back'), 'Packages')),
    h('div', { class: 'title' }, heading, actions), body);
  document.title = `Package ${guid} · cf-packages`;

  async function load() {
    clearTimeout(timer);
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const response = await api.send('GET', path, { signal });
      const text = await response.text();
      const item = JSON.parse(text);
      await parents.loadApps(server, [parents.appOf(item)], signal).catch(() => {});
      if (signal.aborted) return;
      if (text !== shown) {
        if (shown !== null) announce(`The package is ${item.state}`);
        shown = text;
        draw(item);
      }
      if (['PROCESSING_UPLOAD', 'COPYING'].includes(item.state)) timer = setTimeout(load, LOOK_AGAIN);
    } catch (failure) {
      if (failure.name === 'AbortError') return;
      fill(actions);
      fill(body, h('p', { class: 'empty error', role: 'alert' }, failure.message));
    }
  }

  function draw(item) {
    const isCurrent = server.edition === 'current';
    const mayWrite = session.mayWrite(server);
    const { app } = parents.ofApp(parents.appOf(item));
    fill(heading, app?.name ? `${app.name} ` : 'Package ', h('span', { class: 'quiet' }, item.type));
    const button = (name, text, onclick, kind) => h('button', { type: 'button', onclick, class: kind ?? null }, icon(name), text);
    fill(actions, stateElement(item.state), h('span', { class: 'grow' }),
      button('copy', 'Copy as …', () => showCommands(server, { path }, false)),
      mayWrite && button('plus', 'Copy to an app', () => copyPackage(server, item)),
      mayWrite && button('bin', 'Delete', () => deletePackage(item, lastAddress), 'danger'));
    fill(body,
      h('div', {},
        card('Facts', facts(item, isCurrent)),
        isCurrent && card('Labels and annotations', metadata(item), mayWrite && h('button', { type: 'button', onclick: () => editMetadata(item, load) }, 'Edit')),
        item.type === 'bits' && bitsSection(item, path, mayWrite, load),
        card('Links', links(item))),
      h('div', {}, card('JSON', json(item), copyButton(JSON.stringify(item, null, 2), 'the JSON'))));
  }

  load();
  return {
    close() {
      clearTimeout(timer);
      loading.abort();
    },
  };
}

function facts(item, isCurrent) {
  const appGuid = parents.appOf(item);
  const { app, space, organization } = parents.ofApp(appGuid);
  const narrowed = (name, guid, text) => h('a', { href: `#/packages?${new URLSearchParams({ [name]: guid })}`, title: guid }, text ?? guid);
  const guid = (text, what) => h('span', { class: 'copied' }, h('span', { class: 'mono' }, text), copyButton(text, what));
  const { checksum, hash, error, image, username, credentials } = item.data;
  const sum = checksum ?? hash;
  const rows = [
    ['Guid', guid(item.guid, 'the guid')],
    ['App', narrowed(isCurrent ? 'app_guids' : 'app', appGuid, app?.name)],
    ['Space', space && (isCurrent ? narrowed('space_guids', space.guid, space.name) : h('span', { class: 'mono' }, space.guid))],
    ['Organization', organization && narrowed('organization_guids', organization.guid, organization.name)],
    ['Image', image && guid(image, 'the name of the image')],
    ['Registry user', username ?? credentials?.user],
    ['Created', longTime(item.created_at)],
    ['Updated', item.updated_at && item.updated_at !== item.created_at ? longTime(item.updated_at) : h('span', { class: 'quiet' }, 'never')],
    [sum?.type?.toUpperCase().replace('SHA', 'SHA-') ?? 'Checksum', sum?.value && guid(sum.value, 'the checksum')],
    ['Error', error && h('span', { class: 'error' }, error)],
  ];
  return h('dl', { class: 'facts' }, rows.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function metadata(item) {
  const table = (name, map) => {
    const keys = Object.entries(map);
    return [h('h3', {}, name), keys.length
      ? h('dl', { class: 'facts' }, keys.map(([key, value]) => [h('dt', { class: 'mono' }, key), h('dd', { class: 'mono' }, value === null || value === '' ? h('span', { class: 'quiet' }, 'empty') : value)]))
      : h('p', { class: 'quiet' }, 'none')];
  };
  return h('div', {}, table('Labels', item.metadata.labels), table('Annotations', item.metadata.annotations));
}

function links(item) {
  return h('ul', { class: 'links' }, Object.entries(item.links).map(([name, { href, method }]) => h('li', {},
    h('span', { class: 'name' }, name), h('span', { class: 'method' }, method ?? 'GET'),
    h('span', { class: 'mono href' }, href), copyButton(href, `the link ${name}`))));
}

/** Returns a document with its keys, texts and other values in different colours. */
function json(item) {
  const text = JSON.stringify(item, null, 2);
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b/g;
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(from, match.index));
    const [whole, string, colon, word] = match;
    if (colon) parts.push(h('span', { class: 'key' }, string), colon);
    else parts.push(h('span', { class: word ? 'word' : 'text' }, whole));
    from = match.index + whole.length;
  }
  parts.push(text.slice(from));
  return h('pre', { class: 'json', tabindex: 0, 'aria-label': 'The JSON of the package' }, parts);
}
