// Two charts of the list: states by space, and when its packages were created. The API counts: each number is the total of a
// page of one package, so that a chart costs some dozens of small requests, however long the list is. Where one of them takes
// long, counting stops, and the viewer decides whether it goes on.
import * as api from './api.js';
import { announce, fill, h, refill } from './dom.js';
import { STATES, apiTime, count, counted } from './format.js';
import * as parents from './parents.js';

/** How many spaces or apps the chart of states has. */
const MAX_BARS = 6;
/** How many bars the timeline has. */
const MAX_TIMES = 30;
/** How many counts are asked for at the same time: the list that the viewer chooses next waits for no more than these. */
const AT_ONCE = 2;
/** How long the states, and both charts together, may be counted before the viewer is asked, in milliseconds. */
const MAX_STATES_TIME = 2500;
const MAX_TIME = 5000;
const OPEN = 'cf-packages charts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The widths of the bars of the timeline. Those of months are of the calendar. */
const WIDTHS = [1000, 5000, 15_000, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const MONTHS = [1, 3, 6, 12, 24, 60, 120];

/** Makes the charts. Returns the element, how to update and close it, and how to stop counting until the next update. */
export function openCharts(server, change) {
  const states = h('section', { class: 'card', 'aria-labelledby': 'states-title' });
  const times = h('section', { class: 'card', 'aria-labelledby': 'times-title' });
  const summary = h('summary', {}, 'Charts');
  const more = h('button', { type: 'button', onclick: () => {
    summary.focus();
    announce('Counting the rest');
    draw(Infinity);
  } }, 'Count the rest');
  const rest = h('p', { class: 'rest', hidden: true }, h('span', { class: 'hint' }, 'Counting takes long, and was stopped. '), more);
  const element = h('details', { class: 'charts', open: isOpen() }, summary, h('div', {}, states, times), rest);
  let latest = null;
  let drawing = new AbortController();
  let timer = 0;
  const setBusy = (isBusy) => (isBusy ? element.setAttribute('aria-busy', 'true') : element.removeAttribute('aria-busy'));

  const draw = async (limit = MAX_TIME) => {
    drawing.abort();
    drawing = new AbortController();
    const { signal } = drawing;
    setBusy(element.open && latest !== null);
    rest.hidden = true;
    if (!element.open || !latest) return;
    const start = performance.now();
    let isAll = true;
    // What is left of the time when a chart begins.
    const counting = (end) => counter(latest.known, signal, Math.max(0, end - (performance.now() - start)));
    try {
      await parents.loadApps(server, latest.page.resources.map(parents.appOf), signal);
      const ofStates = counting(limit === Infinity ? limit : MAX_STATES_TIME);
      await drawStates(states, latest, server, ofStates, summary);
      const ofTimes = counting(limit);
      await drawTimes(times, latest, server, ofTimes, change, summary);
      isAll = ofStates.isAll() && ofTimes.isAll();
    } catch (failure) {
      if (signal.aborted) return;
      fill(times, h('p', { class: 'quiet' }, failure.message));
    }
    rest.hidden = isAll;
    setBusy(false);
  };
  const stop = () => {
    clearTimeout(timer);
    drawing.abort();
  };
  element.addEventListener('toggle', () => {
    remember(element.open);
    draw();
  });
  return {
    element,
    update(next) {
      // An error and an empty page have no charts.
      latest = next?.page.resources.length ? { ...next, known: new Map() } : null;
      setBusy(element.open && latest !== null);
      element.hidden = latest === null;
      stop();
      // The viewer may still be choosing filters.
      timer = setTimeout(draw, 300);
    },
    stop,
    close: stop,
  };
}

/**
 * Returns how to ask for counts until `limit` milliseconds have passed. What was asked before is in `known`, so that counting
 * goes on where it stopped.
 */
function counter(known, signal, limit) {
  const time = new AbortController();
  const end = () => time.abort();
  signal.addEventListener('abort', end, { once: true });
  if (limit !== Infinity) setTimeout(end, limit);
  let isAll = true;
  /** Returns what `pick` takes of the first package and the total of a list; null if there is no time. Fails if `signal` is aborted. */
  const ask = async (query, pick) => {
    signal.throwIfAborted();
    const next = new URLSearchParams(query);
    next.set('per_page', 1);
    const key = next.toString();
    try {
      if (!known.has(key)) {
        time.signal.throwIfAborted();
        known.set(key, await api.get('v3/packages', { query: next, signal: time.signal }));
      }
      return pick(known.get(key));
    } catch (failure) {
      if (failure.name !== 'AbortError' || signal.aborted) throw failure;
      isAll = false;
      return null;
    }
  };
  return { ask, isAll: () => isAll };
}

function isOpen() {
  try {
    return (localStorage.getItem(OPEN) ?? (innerWidth >= 900 ? 'open' : 'closed')) === 'open';
  } catch {
    return innerWidth >= 900;
  }
}

function remember(open) {
  try {
    localStorage.setItem(OPEN, open ? 'open' : 'closed');
  } catch {
    // Storage is disabled: the choice lives as long as the view.
  }
}

/** Returns whether the page holds the whole list, so that nothing has to be counted. */
function isWhole({ page }) {
  return page.resources.length === page.pagination.total_results;
}

/** Returns the parameters that narrow the list, without those that choose a page of it. */
function narrowing(query) {
  const rest = new URLSearchParams(query);
  for (const name of ['page', 'per_page', 'order_by']) rest.delete(name);
  return rest;
}

/** Returns how many packages a list has with these parameters changed; null if there is no time. */
function total(counting, query, changes) {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) next.set(name, value);
  return counting.ask(next, (page) => page.pagination.total_results);
}

function tally(items, keyOf) {
  const counts = new Map();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

// States

async function drawStates(element, list, server, counting, summary) {
  const isCurrent = server.edition === 'current';
  const { resources } = list.page;
  const keyOf = (item) => (isCurrent ? parents.ofApp(parents.appOf(item)).space?.guid : parents.appOf(item)) ?? '';
  const onPage = [...tally(resources, keyOf)].filter(([guid]) => guid).sort((a, b) => b[1] - a[1]);
  const guids = onPage.slice(0, MAX_BARS).map(([guid]) => guid);
  const whole = isWhole(list);
  const query = narrowing(list.query);
  let counts;
  if (whole || !isCurrent) {
    counts = guids.map((guid) => {
      const items = resources.filter((item) => keyOf(item) === guid);
      return { counts: tally(items, (item) => item.state), sum: items.length };
    });
  } else {
    if (!element.firstChild) fill(element, h('p', { class: 'quiet' }, 'Counting …'));
    counts = await api.each(guids, AT_ONCE, (guid) => statesOfSpace(query, guid, counting));
  }
  const rows = guids.map((guid, at) => ({ guid, ...counts[at] })).filter((row) => row.sum !== null).sort((a, b) => b.sum - a.sum);
  const most = Math.max(...rows.map((row) => row.sum), 1);
  const noun = isCurrent ? 'space' : 'app';
  const which = onPage.length > guids.length ? `The ${guids.length} ${noun}s with the most packages on this page` : `The ${noun}s of this page`;
  const covers = whole ? 'all packages of the list' : !isCurrent ? 'this page only'
    : counting.isAll() ? 'all pages of the list, counted by the API' : `${rows.length} of them counted by the API so far`;
  const used = STATES.filter((state) => rows.some((row) => row.counts.get(state)));
  refill(element, () => summary, h('h2', { id: 'states-title' }, `States by ${noun}`),
    h('table', { class: 'bars' }, h('caption', { class: 'unseen' }, `Packages by ${noun} and state`),
      h('tbody', {}, rows.map((row) => barRow(row, most, query, isCurrent)))),
    h('p', { class: 'legend' }, used.map((state) => h('span', { class: `state ${state.toLowerCase()}` }, h('span', { class: 'dot' }), state))),
    h('p', { class: 'hint' }, `${which}; ${covers}.`));
}

/** Counts the packages of a space by state, the usual states first, until none is left. What there is no time for is missing. */
async function statesOfSpace(query, guid, counting) {
  const counts = new Map();
  const inSpace = { space_guids: guid };
  const chosen = (query.get('states') ?? '').split(',').filter(Boolean);
  const states = chosen.length ? STATES.filter((state) => chosen.includes(state)) : STATES;
  const sum = await total(counting, query, inSpace);
  let rest = sum ?? 0;
  for (const state of states) {
    if (rest === 0) break;
    const isLast = state === states.at(-1);
    const number = isLast ? rest : await total(counting, query, { ...inSpace, states: state });
    if (number === null) break;
    if (number) counts.set(state, number);
    rest -= number;
  }
  return { counts, sum };
}

/** Returns the whole name of a space, which others may share in part, and its guid. */
function titleOf(guid, isCurrent) {
  const organization = isCurrent && parents.ofSpace(guid).organization;
  return organization ? `${organization.name} / ${parents.nameOf('spaces', guid)} · ${guid}` : guid;
}

function barRow({ guid, counts, sum }, most, query, isCurrent) {
  const name = (isCurrent ? parents.nameOf('spaces', guid) : parents.nameOf('apps', guid)) ?? guid.slice(0, 8);
  const link = (changes, attributes, ...children) => {
    const next = isCurrent ? new URLSearchParams(query) : new URLSearchParams();
    for (const [key, value] of Object.entries(changes)) next.set(key, value);
    return h('a', { href: `#/packages?${next}`, ...attributes }, children);
  };
  const place = isCurrent ? { space_guids: guid } : { app: guid };
  const bar = h('div', { class: 'bar' }, STATES.filter((state) => counts.get(state)).map((state) => {
    const text = `${name}: ${counts.get(state)} ${state}`;
    const part = isCurrent
      ? link({ ...place, states: state }, { class: state.toLowerCase(), title: text, 'aria-label': text })
      : h('span', { class: state.toLowerCase(), title: text, role: 'img', 'aria-label': text });
    part.style.flexGrow = counts.get(state);
    return part;
  }));
  const rest = [...counts.values()].reduce((left, number) => left - number, sum);
  if (rest > 0) {
    const text = `${name}: ${rest} not yet counted by state`;
    const part = h('span', { class: 'uncounted', title: text, role: 'img', 'aria-label': text });
    part.style.flexGrow = rest;
    bar.append(part);
  }
  bar.style.width = `${Math.max(2, (100 * sum) / most)}%`;
  return h('tr', {}, h('th', { scope: 'row' }, link(place, { title: titleOf(guid, isCurrent) }, name)), h('td', {}, bar), h('td', { class: 'number' }, count(sum)));
}

// Times

async function drawTimes(element, list, server, counting, change, summary) {
  const isCurrent = server.edition === 'current';
  const { resources } = list.page;
  const isCounted = isCurrent && !isWhole(list);
  const query = narrowing(list.query);
  const createdOf = (item) => Date.parse(item.created_at);
  let first;
  let last;
  if (isCounted) {
    if (!element.firstChild) fill(element, h('p', { class: 'quiet' }, 'Counting …'));
    const end = (order) => {
      const next = new URLSearchParams(query);
      next.set('order_by', order);
      return counting.ask(next, (page) => createdOf(page.resources[0]));
    };
    [first, last] = await Promise.all([end('created_at'), end('-created_at')]);
    if (first === null || last === null) {
      refill(element, () => summary, h('h2', { id: 'times-title' }, 'Created'), h('p', { class: 'quiet' }, 'Not yet counted.'));
      return;
    }
  } else {
    const created = resources.map(createdOf);
    first = created.reduce((least, time) => Math.min(least, time), Infinity);
    last = created.reduce((most, time) => Math.max(most, time), -Infinity);
  }
  const edges = edgesOf(first, last);
  const spans = edges.slice(0, -1).map((start, at) => [start, edges[at + 1]]);
  // A bar may not reach beyond what the filter of the list allows.
  const limits = ([start, end]) => ({
    'created_ats[gte]': apiTime(Math.max(start, Date.parse(query.get('created_ats[gte]') ?? apiTime(start)))),
    'created_ats[lt]': apiTime(Math.min(end, Date.parse(query.get('created_ats[lt]') ?? apiTime(end)))),
  });
  const counts = isCounted
    ? await api.each(spans, AT_ONCE, (span) => total(counting, query, limits(span)))
    : spans.map(([start, end]) => resources.filter((item) => createdOf(item) >= start && createdOf(item) < end).length);
  const most = Math.max(...counts, 1);
  const done = counts.filter((number) => number !== null).length;
  const covers = done < counts.length ? `${done} of ${counts.length} bars counted by the API so far.`
    : isCounted ? 'All pages of the list, counted by the API.' : isWhole(list) ? 'All packages of the list.' : 'This page only.';
  refill(element, () => summary, h('h2', { id: 'times-title' }, 'Created', h('span', { class: 'quiet' }, ` · at most ${count(most)} a bar`)),
    h('ol', { class: 'times' }, spans.map((span, at) => timeBar(span, counts[at], most, isCurrent && (() => change(limits(span)))))),
    h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, labelOf(edges[0])), h('span', {}, labelOf(edges.at(-1)))),
    h('p', { class: 'hint' }, `${covers}${isCurrent ? ' A bar narrows the list to its time.' : ''}`));
}

function timeBar([start, end], number, most, choose) {
  const text = `${labelOf(start)} to ${labelOf(end)}: ${number === null ? 'not yet counted' : counted(number, 'package')}`;
  const fillElement = h('span', { class: 'fill' });
  fillElement.style.height = number ? `${Math.max(3, (100 * number) / most)}%` : '0';
  return h('li', {}, choose && number
    ? h('button', { type: 'button', title: text, 'aria-label': text, onclick: choose }, fillElement)
    : h('span', { class: 'bar', title: text }, fillElement, h('span', { class: 'unseen' }, text)));
}

/** Returns the borders of the bars: the smallest width that needs no more than `MAX_TIMES` of them. */
function edgesOf(first, last) {
  const width = WIDTHS.find((candidate) => last / candidate - first / candidate < MAX_TIMES - 1);
  const edges = [];
  if (width) {
    for (let edge = Math.floor(first / width) * width; edges.length < 2 || edges.at(-1) <= last; edge += width) edges.push(edge);
    return edges;
  }
  const monthOf = (time) => new Date(time).getUTCFullYear() * 12 + new Date(time).getUTCMonth();
  const months = MONTHS.find((candidate) => (monthOf(last) - monthOf(first)) / candidate < MAX_TIMES - 1) ?? MONTHS.at(-1);
  for (let month = Math.floor(monthOf(first) / months) * months; edges.length < 2 || edges.at(-1) <= last; month += months) {
    edges.push(Date.UTC(Math.floor(month / 12), month % 12));
  }
  return edges;
}

function labelOf(time) {
  const text = new Date(time).toISOString();
  if (time % DAY === 0) return text.slice(0, 10);
  return time % MINUTE === 0 ? text.slice(0, 16).replace('T', ' ') : text.slice(0, 19).replace('T', ' ');
}
