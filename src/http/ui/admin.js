// The admin API: the clock, the fault rules, the requests that the server received, and the reset.
import * as api from './api.js';
import { requestsCard } from './admin_requests.js';
import { card, dialog, field, fill, h, note } from './dom.js';
import { setServerTime } from './format.js';
import * as parents from './parents.js';
import * as session from './session.js';

/** How often the clock is read, in milliseconds. */
const CLOCK = 5000;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** What a fault rule can do, the field that says so, and its value unless the viewer gives one. */
const EFFECTS = [
  ['status', 'Answer with an error', 'Status', '503', Number],
  ['delay', 'Answer late', 'Delay', '2s', String],
  ['kind', 'Rate limit (429)', null, 'rate_limit'],
  ['kind', 'Expired token (401)', null, 'expired_token'],
  ['cut', 'Close the connection', null, true],
  ['warning', 'Answer with a warning', 'Warning', 'This is a test.', String],
];

/** Opens the view. */
export function open(main, route, server) {
  document.title = 'Admin · cf-packages';
  const clock = clockCard();
  const faults = faultsCard();
  const requests = requestsCard();
  const user = server.authentication !== 'none' && userCard();
  fill(main, h('div', { class: 'title' }, h('h1', { tabindex: -1 }, 'Admin'), h('span', { class: 'grow' }),
    h('button', { type: 'button', class: 'danger', onclick: () => reset([clock, faults, requests]) }, 'Reset the server')),
  h('div', { class: 'columns even' }, h('div', {}, clock.element, user), faults.element), requests.element);
  return { close: () => [clock, faults, requests].forEach((one) => one.close()) };
}

function reset(cards) {
  dialog('Reset the server?', h('p', {}, 'Data, clock and fault rules become what they were when the server started. The list of requests is emptied.'), {
    action: 'Reset',
    danger: true,
    send: async () => {
      await api.send('POST', 'admin/reset');
      parents.forget();
      cards.forEach((one) => one.load());
      note('The server is as it was at its start.');
    },
  });
}

/** Runs a change and shows its error beside the form that asked for it. */
async function attempt(error, work) {
  error.hidden = true;
  try {
    await work();
  } catch (failure) {
    error.textContent = failure.message;
    error.hidden = false;
  }
}

function errorLine() {
  return h('p', { class: 'error', role: 'alert', hidden: true });
}

/** Gets a token that is valid by the new time, so that the viewer stays signed in. */
async function renewToken() {
  const { user_id: user } = session.claims();
  if (!user) return;
  // Without one, the viewer has to sign in again, which the next refused request says.
  const made = await api.send('POST', 'admin/token', { json: { user, ttl: '12h' } }).catch(() => null);
  if (made) session.setToken((await made.json()).token);
}

function clockCard() {
  const error = errorLine();
  const time = h('p', { class: 'clock mono' }, '–');
  const input = h('input', { type: 'datetime-local', step: 1 });
  const duration = h('input', { type: 'text', placeholder: '90s, 2h, 7d', autocomplete: 'off', spellcheck: 'false' });
  let previous = null;
  const show = (text) => {
    const stands = previous !== null && previous.time === text && Date.now() - previous.at > 2000;
    if (previous?.time !== text) previous = { time: text, at: Date.now() };
    setServerTime(text, stands);
    time.textContent = text.replace('T', ' ').replace('Z', ' UTC');
  };
  const load = () => attempt(error, async () => show((await api.get('admin/clock')).time));
  const change = (json) => attempt(error, async () => {
    show((await (await api.send('PUT', 'admin/clock', { json })).json()).time);
    await renewToken();
    note('The clock is set.');
  });
  const timer = setInterval(() => { if (!document.hidden) load(); }, CLOCK);
  load();
  const advance = (text) => h('button', { type: 'button', onclick: () => change({ advance: text }) }, `+ ${text}`);
  const element = card('Clock', [time,
    h('div', { class: 'row' }, ['1m', '10m', '1h', '1d', '30d'].map(advance)),
    h('form', { class: 'line', onsubmit: (event) => { event.preventDefault(); change({ advance: duration.value.trim() }); } },
      field('Advance by', duration), h('button', { type: 'submit' }, 'Advance')),
    h('form', { class: 'line', onsubmit: (event) => {
      event.preventDefault();
      change({ time: `${input.value.length === 16 ? `${input.value}:00` : input.value}Z` });
    } }, field('Set to (UTC)', input), h('button', { type: 'submit' }, 'Set')),
    error, h('p', { class: 'hint' }, 'Tokens expire by this clock.')]);
  return { element, load, close: () => clearInterval(timer) };
}

/** Returns the form that shows the page as another user sees it. */
function userCard() {
  const error = errorLine();
  const name = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' });
  const show = () => attempt(error, async () => {
    const made = await (await api.send('POST', 'admin/token', { json: { user: name.value.trim() } })).json();
    session.actAs(made.token);
    parents.forget();
    location.hash = '#/packages';
    dispatchEvent(new Event('viewer'));
  });
  return card('See it as another user', [h('form', { class: 'line', onsubmit: (event) => { event.preventDefault(); show(); } },
    field('User', name), h('button', { type: 'submit' }, 'Show')), error, h('p', { class: 'hint' }, 'The guid of a user, or a name that one user has.')]);
}

function faultsCard() {
  const error = errorLine();
  const rules = h('div', {});
  const method = h('select', {}, METHODS.map((name) => h('option', {}, name)));
  const path = h('input', { type: 'text', value: '/v3/packages', spellcheck: 'false', autocomplete: 'off', class: 'mono' });
  const times = h('input', { type: 'number', min: 1, value: 1 });
  const effect = h('select', { onchange: () => draw() }, EFFECTS.map(([, text], at) => h('option', { value: at }, text)));
  const value = h('input', { type: 'text', autocomplete: 'off' });
  const valueField = field('Status', value);
  const draw = () => {
    const [, , label, usual] = EFFECTS[effect.value];
    valueField.hidden = label === null;
    if (label === null) return;
    valueField.querySelector('label').textContent = label;
    value.value = usual;
  };
  draw();
  const load = () => attempt(error, async () => drawRules(rules, (await api.get('admin/faults')).faults));
  const add = () => attempt(error, async () => {
    const [name, , label, usual, type] = EFFECTS[effect.value];
    const rule = { method: method.value, path: path.value.trim(), times: Number(times.value), [name]: label === null ? usual : type(value.value.trim()) };
    await api.send('POST', 'admin/faults', { json: rule });
    note('The fault rule is added.');
    await load();
  });
  const clear = () => attempt(error, async () => {
    await api.send('DELETE', 'admin/faults');
    note('All fault rules are removed.');
    await load();
  });
  const timer = setInterval(() => { if (!document.hidden) load(); }, CLOCK);
  load();
  const element = card('Fault rules', [rules,
    h('form', { class: 'rule', onsubmit: (event) => { event.preventDefault(); add(); } },
      field('Method', method), field('Path', path), field('Times', times), field('Effect', effect), valueField,
      h('button', { type: 'submit', class: 'primary' }, 'Add')),
    error, h('p', { class: 'hint' }, 'The next requests of this path fail in this way, those of this page too. A * at the end of the path stands for any rest.')],
  h('button', { type: 'button', onclick: clear }, 'Remove all'));
  return { element, load, close: () => clearInterval(timer) };
}

function drawRules(element, rules) {
  const { length } = rules;
  if (!length) {
    fill(element, h('p', { class: 'quiet' }, 'No rule waits for requests.'));
    return;
  }
  const effectOf = ({ method, path, times, ...effect }) => Object.entries(effect).map(([name, value]) => `${name}: ${value}`).join(', ');
  fill(element, h('div', { class: 'table', role: 'region', 'aria-label': 'The fault rules', tabindex: 0 }, h('table', {},
    h('thead', {}, h('tr', {}, ['Method', 'Path', 'Effect', 'Times'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, rules.map((rule) => h('tr', {}, h('td', {}, rule.method), h('td', { class: 'mono' }, rule.path),
      h('td', {}, effectOf(rule)), h('td', { class: 'number' }, rule.times)))))));
}
