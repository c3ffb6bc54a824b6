// The requests that the server received, while they come.
import * as api from './api.js';
import { card, field, fill, h, note } from './dom.js';
import { count, counted } from './format.js';

/** How often the server is asked whether there are more, in milliseconds. */
const POLL = 1500;
/** How many of the requests are shown, the newest first. */
const MAX_ROWS = 200;

/** Returns the section. */
export function requestsCard() {
  const table = h('div', {});
  const summary = h('p', { class: 'quiet' });
  const path = h('input', { type: 'text', placeholder: '/v3/packages*', spellcheck: 'false', autocomplete: 'off', class: 'mono', onchange: () => load() });
  const method = h('select', { onchange: () => load() }, ['any', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((name) => h('option', { value: name === 'any' ? '' : name }, name)));
  const status = h('input', { type: 'number', min: 100, max: 599, placeholder: 'any', onchange: () => load() });
  const own = h('input', { type: 'checkbox', onchange: () => load() });
  const live = h('button', { type: 'button', 'aria-pressed': 'true', onclick: () => {
    const isLive = live.getAttribute('aria-pressed') === 'true';
    live.setAttribute('aria-pressed', String(!isLive));
    if (!isLive) poll();
  } }, 'Live');
  let seen = '';
  let timer = 0;
  let isClosed = false;

  const query = () => Object.fromEntries([['path', path.value.trim()], ['method', method.value], ['status', status.value]].filter(([, value]) => value));
  const fail = (failure) => fill(summary, h('span', { class: 'error', role: 'alert' }, failure.message));

  async function load() {
    seen = '';
    await look().catch(fail);
  }

  /** Asks for the requests if their number has changed. The list may be long, the number is not. */
  async function look() {
    const wanted = query();
    const number = await api.get('admin/requests/count', { query: wanted });
    const key = JSON.stringify([number, wanted]);
    if (key === seen) return;
    const { requests, forgotten } = await api.get('admin/requests', { query: wanted });
    seen = key;
    draw(requests.filter((request) => own.checked || !request.request_id.startsWith(`${api.REQUEST_ID}::`)), forgotten);
  }

  function poll() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (isClosed || live.getAttribute('aria-pressed') !== 'true') return;
      if (!document.hidden) await look().catch(fail);
      if (!isClosed) poll();
    }, POLL);
  }

  function draw(requests, forgotten) {
    const rows = requests.slice(-MAX_ROWS).reverse();
    const older = forgotten ? `; ${count(forgotten)} older ones are not remembered` : '';
    const part = rows.length < requests.length ? `, the last ${MAX_ROWS} of them here` : '';
    summary.textContent = `${counted(requests.length, 'request')}${part}${older}.`;
    fill(table, rows.length > 0 && h('div', { class: 'table requests', role: 'region', 'aria-label': 'The requests', tabindex: 0 }, h('table', {},
      h('thead', {}, h('tr', {}, ['Time', 'Method', 'Path', 'Status', 'ms', 'Caller'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, rows.map(row)))));
  }

  async function clear() {
    try {
      await api.send('DELETE', 'admin/requests');
      note('The requests are forgotten.');
      await load();
    } catch (failure) {
      fail(failure);
    }
  }

  load();
  poll();
  const element = card('Requests received', [
    h('form', { class: 'line', 'aria-label': 'Which requests', onsubmit: (event) => { event.preventDefault(); load(); } },
      field('Path', path), field('Method', method), field('Status', status), h('label', { class: 'check' }, own, ' Those of this page too')),
    summary, table,
    h('p', { class: 'hint' }, 'Requests for the admin API and for the files of this page are not remembered.')],
  h('div', { class: 'row' }, live, h('button', { type: 'button', onclick: clear }, 'Forget all')));
  const close = () => {
    isClosed = true;
    clearTimeout(timer);
  };
  return { element, load, close };
}

/** Returns a query with its brackets, commas and colons. */
function readable(query) {
  try {
    return decodeURIComponent(query);
  } catch {
    return query;
  }
}

function row({ time, method, path, query, status, milliseconds, caller }) {
  const kind = status === null ? 'failed' : status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'good';
  return h('tr', {},
    h('td', { class: 'mono quiet' }, time.slice(11, 23)), h('td', {}, method),
    h('td', { class: 'mono target' }, path, query && h('span', { class: 'quiet', title: query }, `?${readable(query)}`)),
    h('td', { class: `answer ${kind}` }, status ?? 'closed'), h('td', { class: 'number' }, milliseconds.toFixed(1)),
    h('td', { class: 'quiet' }, caller ?? '–'));
}
