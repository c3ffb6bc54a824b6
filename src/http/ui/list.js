// The list of packages: its filters, charts, table and pages. Each change of the address asks the API for one page.
import * as api from './api.js';
import { openCharts } from './charts.js';
import { showCommands } from './commands.js';
import { announce, fill, h, icon, refill } from './dom.js';
import { createPackage } from './changes.js';
import { FILTERS, filters } from './filters.js';
import { ageElement, count, counted, stateElement } from './format.js';
import * as parents from './parents.js';
import * as session from './session.js';

const ORDERS = [['-created_at', 'Newest first'], ['created_at', 'Oldest first'], ['-updated_at', 'Changed last'],
  ['updated_at', 'Changed first'], ['', 'As stored']];
const SIZES = [20, 50, 100, 200, 500];
const DEFAULT_SIZE = 50;
const DEFAULT_ORDER = '-created_at';

/** The address of the list that was shown last. */
export let lastAddress = '#/packages';

/** Returns the path and the query of the list that an address names. */
function target(params, server) {
  const query = new URLSearchParams(params);
  if (!query.has('per_page')) query.set('per_page', DEFAULT_SIZE);
  if (server.edition === '2015') {
    const app = query.get('app');
    query.delete('app');
    return { path: app ? `v3/apps/${encodeURIComponent(app)}/packages` : 'v3/packages', query };
  }
  if (!query.has('order_by')) query.set('order_by', DEFAULT_ORDER);
  if (!query.get('order_by')) query.delete('order_by');
  return { path: 'v3/packages', query };
}

/** Returns the address of the list with these parameters. */
function addressOf(params) {
  const text = params.toString();
  return text ? `#/packages?${text}` : '#/packages';
}

/** Opens the view. */
export function open(main, route, server) {
  let { params } = route;
  let loading = new AbortController();

  const change = (changes) => {
    const next = new URLSearchParams(params);
    if (!('page' in changes)) next.delete('page');
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === undefined) next.delete(name);
      else next.set(name, value);
    }
    location.hash = addressOf(next);
  };
  const refresh = () => {
    parents.forget();
    load();
  };

  const total = h('span', { class: 'total' });
  const chosen = filters(server, change);
  const charts = openCharts(server, change);
  const table = h('div', { class: 'table', role: 'region', 'aria-label': 'Packages', tabindex: 0 });
  const pages = h('div', { class: 'pages' });
  const order = server.edition === 'current' && select('Order', ORDERS, (value) => change({ order_by: value === DEFAULT_ORDER ? null : value }));
  const size = select('Rows', SIZES.map((number) => [String(number), String(number)]), (value) => change({ per_page: Number(value) === DEFAULT_SIZE ? null : value }));
  fill(main,
    h('div', { class: 'title' }, h('h1', { tabindex: -1 }, 'Packages'), total, h('span', { class: 'grow' }),
      h('button', { type: 'button', onclick: refresh }, icon('refresh'), 'Refresh'),
      h('button', { type: 'button', onclick: () => showCommands(server, target(params, server), true) }, icon('copy'), 'Copy as …'),
      session.mayWrite(server) && h('button', { type: 'button', class: 'primary', onclick: () => createPackage(server, params) }, icon('plus'), 'New package')),
    chosen.element, charts.element, table,
    h('div', { class: 'foot' }, pages, h('span', { class: 'grow' }), order && order.element, size.element));

  async function load() {
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    lastAddress = addressOf(params);
    // The list does not wait for the counts of the one before.
    charts.stop();
    chosen.update(params);
    order?.set?.(params.get('order_by') ?? DEFAULT_ORDER);
    size.set(params.get('per_page') ?? String(DEFAULT_SIZE));
    document.title = 'Packages · cf-packages';
    table.setAttribute('aria-busy', 'true');
    const { path, query } = target(params, server);
    try {
      const page = await api.get(path, { query, signal });
      let isNamed = false;
      const named = parents.loadApps(server, page.resources.map(parents.appOf), signal).then(() => { isNamed = true; }, () => {});
      // Usually the names are there before anybody would read the guids.
      await Promise.race([named, api.wait(250)]);
      if (signal.aborted) return;
      const isDrawnAgain = !isNamed;
      draw(page, query);
      await named;
      if (signal.aborted) return;
      if (isDrawnAgain) drawRows(page, query);
      charts.update({ page, query });
    } catch (failure) {
      if (failure.name === 'AbortError') return;
      total.textContent = '';
      refill(table, () => table, h('p', { class: 'empty error', role: 'alert' }, failure.message));
      refill(pages, () => table);
      charts.update(null);
    } finally {
      if (!signal.aborted) table.removeAttribute('aria-busy');
    }
  }

  function draw(page, query) {
    const { total_results: results } = page.pagination;
    const perPage = Number(query.get('per_page'));
    const last = Math.max(1, Math.ceil(results / perPage));
    const number = Number(query.get('page') ?? 1);
    total.textContent = count(results);
    drawRows(page, query);
    drawPages(number, last);
    announce(`${counted(results, 'package')}, page ${number} of ${last}`);
  }

  function drawRows(page, query) {
    if (!page.resources.length) {
      const isFiltered = FILTERS.some((name) => params.has(name));
      refill(table, () => table, h('p', { class: 'empty' }, page.pagination.total_results ? 'There is no such page.'
        : isFiltered ? 'No package matches these filters.' : 'There are no packages that you may see.'));
      return;
    }
    refill(table, () => table, tableOf(page.resources, query, server, change));
  }

  function drawPages(number, last) {
    const link = (text, page, label) => (page >= 1 && page <= last && page !== number
      ? h('a', { class: 'button', href: hrefOf(page), 'aria-label': label }, text)
      : h('span', { class: 'button off', 'aria-hidden': 'true' }, text));
    const input = h('input', { type: 'number', min: 1, max: last, value: number, 'aria-label': 'Page', inputmode: 'numeric' });
    refill(pages, () => input, h('nav', { 'aria-label': 'Pages' },
      link('«', 1, 'First page'), link('‹', number - 1, 'Previous page'),
      h('form', { onsubmit: (event) => { event.preventDefault(); if (input.value) change({ page: input.value === '1' ? null : input.value }); } },
        input, h('span', {}, `of ${count(last)}`)),
      link('›', number + 1, 'Next page'), link('»', last, 'Last page')));
  }

  function hrefOf(page) {
    const next = new URLSearchParams(params);
    if (page === 1) next.delete('page');
    else next.set('page', page);
    return addressOf(next);
  }

  load();
  return {
    update(next) {
      params = next;
      load();
    },
    close() {
      loading.abort();
      chosen.close();
      charts.close();
    },
  };
}

function tableOf(items, query, server, change) {
  const isCurrent = server.edition === 'current';
  const sort = query.get('order_by');
  const direction = { created_at: 'ascending', '-created_at': 'descending' }[sort];
  // The newest package has the smallest age.
  const ageHead = isCurrent
    ? h('th', { scope: 'col', class: 'age', 'aria-sort': direction ? (direction === 'descending' ? 'ascending' : 'descending') : null },
      h('button', { type: 'button', class: 'sort', 'data-keep': 'sort', onclick: () => change({ order_by: direction === 'descending' ? 'created_at' : null }) },
        'Age', direction && h('span', { 'aria-hidden': 'true' }, direction === 'descending' ? ' ↑' : ' ↓')))
    : h('th', { scope: 'col', class: 'age' }, 'Age');
  const head = (text, name) => h('th', { scope: 'col', class: name }, text);
  return h('table', {},
    h('thead', {}, h('tr', {}, head('Package', 'package'), head('Type', 'type'), head('State', 'status'), head('App', 'app'),
      head('Space', 'space'), isCurrent && head('Organization', 'organization'), ageHead)),
    h('tbody', {}, items.map((item) => row(item, isCurrent))));
}

function row(item, isCurrent) {
  const guid = parents.appOf(item);
  const { app, space, organization } = parents.ofApp(guid);
  const named = (parent) => (parent === null ? h('span', { class: 'quiet' }, '–') : parent.name ?? h('span', { class: 'mono quiet', title: parent.guid }, parent.guid.slice(0, 8)));
  const place = [organization?.name, space?.name].filter(Boolean).join(' / ');
  const href = `#/packages/${encodeURIComponent(item.guid)}`;
  const open = (event) => {
    if (event.target.closest('a, button') || String(getSelection())) return;
    location.hash = href;
  };
  return h('tr', { onclick: open },
    h('td', { class: 'package' }, h('a', { href, class: 'mono', title: item.guid }, item.guid), h('span', { class: 'below' }, item.type)),
    h('td', { class: 'type' }, item.type),
    h('td', { class: 'status' }, stateElement(item.state), h('span', { class: 'below' }, ageElement(item.created_at))),
    h('td', { class: 'app' }, app?.name ?? h('span', { class: 'mono quiet', title: guid }, guid.slice(0, 8)), place && h('span', { class: 'below' }, place)),
    h('td', { class: 'space' }, named(space)),
    isCurrent && h('td', { class: 'organization' }, named(organization)),
    h('td', { class: 'age' }, ageElement(item.created_at)));
}

function select(label, options, change) {
  const control = h('select', { onchange: () => change(control.value) }, options.map(([value, text]) => h('option', { value }, text)));
  return {
    element: h('label', { class: 'inline' }, h('span', {}, label), control),
    set(value) {
      if (![...control.options].some((option) => option.value === value)) control.append(h('option', { value }, value));
      control.value = value;
    },
  };
}
