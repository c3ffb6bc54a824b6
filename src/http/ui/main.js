// The frame of the page: who is signed in, which view is shown. The fragment of the address names the view and its state.
import * as admin from './admin.js';
import * as api from './api.js';
import { fill, h, icon, note, refill } from './dom.js';
import * as detail from './detail.js';
import { setServerTime } from './format.js';
import * as list from './list.js';
import * as parents from './parents.js';
import * as session from './session.js';
import * as signIn from './sign_in.js';

const top = document.getElementById('top');
const main = document.getElementById('main');

/** What the page knows of the server: its edition, how it identifies callers, whether this viewer may use the admin API. */
const server = { edition: 'current', authentication: 'token', admin: false };
let view = null;
let shown = '';
/** What was wrong with the address, until it is shown. */
let fault = null;

/** Returns the view that a fragment names, and its argument and parameters. A damaged fragment is removed and names the list. */
function parse(fragment) {
  const [path, query = ''] = fragment.replace(/^#?\/?/, '').split(/\?(.*)/s);
  const [name, ...rest] = path.split('/');
  const params = new URLSearchParams(query);
  if (name === 'packages' && rest[0]) {
    const guid = session.decoded(rest.join('/'));
    if (guid !== null) return { name: 'package', guid, params };
    session.clearAddress();
    fault = 'The address of a package was damaged: its guid is not percent-encoded UTF-8. This is the list of packages.';
    return { name: 'packages', params: new URLSearchParams() };
  }
  if (name === 'admin' && server.admin) return { name: 'admin', params };
  return { name: 'packages', params };
}

/** Takes the token of the address. Returns whether there was one. */
function takeToken() {
  const result = session.takeFromAddress();
  if (result === 'damaged') fault = 'The token in the address was damaged, and is removed. Open the whole link.';
  return result === 'taken';
}

async function loadConfig() {
  const config = await (await fetch(new URL('config', import.meta.url), { cache: 'no-store' })).json();
  Object.assign(server, { edition: config.edition, authentication: config.authentication, hasAdmin: config.admin_api });
  setServerTime(config.time, config.time_stands_still);
}

/** Learns whether the viewer may use the admin API, by asking it. */
async function probeAdmin() {
  server.admin = false;
  if (!server.hasAdmin) return;
  const headers = session.token() ? { Authorization: `bearer ${session.token()}` } : {};
  const response = await fetch(api.urlOf('admin/clock'), { headers, credentials: 'omit' });
  server.admin = response.ok;
}

function header(route) {
  const link = (href, text, isCurrent) => h('a', { href, 'aria-current': isCurrent ? 'page' : null }, text);
  const { user_name: name, user_id: id, client_id: client } = session.claims();
  const who = server.authentication === 'none' ? 'no token needed' : name ?? id ?? client ?? 'signed in';
  const isSignedIn = session.token() !== undefined;
  refill(top, () => main,
    h('a', { class: 'brand', href: '#/packages', 'data-keep': 'brand' }, h('img', { src: new URL('icon.svg', import.meta.url), alt: '', width: 22, height: 22 }), h('span', {}, 'cf-packages')),
    h('span', { class: 'badge', title: 'The edition of the API' }, server.edition),
    route && h('nav', { 'aria-label': 'Views' },
      link('#/packages', 'Packages', route.name !== 'admin'),
      server.admin && link('#/admin', 'Admin', route.name === 'admin')),
    h('span', { class: 'grow' }),
    route && h('span', { class: 'who', title: id ?? null }, who),
    route && session.isActing() && h('button', { type: 'button', onclick: () => { session.comeBack(); parents.forget(); start(); } }, 'Back to my token'),
    route && isSignedIn && !session.isActing() && h('button', { type: 'button', onclick: signOut }, 'Sign out'),
    themeButton());
}

function themeButton() {
  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  };
  const button = h('button', { type: 'button', class: 'plain', onclick: () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem('cf-packages theme', theme);
    } catch {
      // Storage is disabled: the theme lives as long as the page.
    }
    draw();
  } });
  const draw = () => {
    button.setAttribute('aria-label', isDark() ? 'Light theme' : 'Dark theme');
    button.title = button.getAttribute('aria-label');
    fill(button, icon(isDark() ? 'sun' : 'moon'));
  };
  draw();
  return button;
}

function signOut() {
  session.end();
  parents.forget();
  note('Signed out.');
  showSignIn();
}

/** Shows the form for a token or a login, with the reason why it is needed. */
function showSignIn(reason) {
  view?.close?.();
  view = null;
  shown = 'sign-in';
  header(null);
  document.title = 'Sign in · cf-packages';
  signIn.show(main, server, reason, start);
}

const VIEWS = { packages: list, package: detail, admin };

/** Shows the view that the address names. A view that is shown already gets its new parameters. */
function route() {
  if (takeToken()) {
    start();
    return;
  }
  if (server.authentication !== 'none' && !session.token()) {
    const reason = fault;
    fault = null;
    showSignIn(reason);
    return;
  }
  const next = parse(location.hash);
  if (fault) note(fault, 'error');
  fault = null;
  const key = `${next.name} ${next.guid ?? ''}`;
  header(next);
  if (view && shown === key) {
    view.update?.(next.params);
    return;
  }
  view?.close?.();
  const isFirst = shown === '' || shown === 'sign-in';
  shown = key;
  main.className = next.name;
  view = VIEWS[next.name].open(main, next, server);
  if (!isFirst) {
    scrollTo(0, 0);
    main.querySelector('h1')?.focus();
  }
}

/** Asks the server what it is, and shows what the address names. */
async function start() {
  try {
    await loadConfig();
    await probeAdmin();
  } catch {
    fill(main, h('p', { class: 'empty', role: 'alert' }, 'The server does not answer. Start it, and load this page again.'));
    return;
  }
  shown = '';
  route();
}

document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', route);
// Another user sees the page, who may not be an admin.
addEventListener('viewer', start);
session.whenRefused((message) => {
  if (shown !== 'sign-in') showSignIn(message && `The token was refused: ${message}`);
});
takeToken();
start();
