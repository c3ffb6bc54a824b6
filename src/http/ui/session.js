// The viewer's token. It is kept for this tab only, and never in the address.
const here = new URL('../', import.meta.url);
const KEY = `cf-packages session ${here.pathname}`;

let current = load();
let refreshing = null;
let onRefused = () => {};

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function store(next) {
  current = next;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage is disabled: the token lives as long as the page.
  }
}

/** Returns whether a text has the form of a token: three parts with a point between them. */
export function isToken(text) {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/**
 * Takes the token that the fragment of the address carries, and removes it from the address, also if it is not a token. Returns
 * `taken`, `damaged`, or `none`.
 */
export function takeFromAddress() {
  const found = location.hash.match(/^#token=([^&]*)/);
  if (!found) return 'none';
  clearAddress();
  const token = decoded(found[1]);
  if (token === null || !isToken(token)) return 'damaged';
  store({ token });
  return 'taken';
}

/** Removes the fragment from the address. */
export function clearAddress() {
  history.replaceState(null, '', location.pathname + location.search);
}

/** Returns a percent-encoded text as it was before; null if it is damaged. */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Returns the token, if there is one. */
export function token() {
  return current.token;
}

/** Replaces the token. */
export function setToken(text) {
  store({ ...current, token: text });
}

/** Forgets the token. */
export function end() {
  store({});
}

/** Uses another user's token until `comeBack`. */
export function actAs(text) {
  store({ token: text, own: current.own ?? current });
}

/** Returns whether the token is another user's. */
export function isActing() {
  return current.own !== undefined;
}

/** Uses the viewer's own token again. */
export function comeBack() {
  store(current.own);
}

/** Calls `listener` with the API's text when a token is refused. */
export function whenRefused(listener) {
  onRefused = listener;
}

/** Ends the session because the API refused its token. Another user's token gives way to the viewer's own. */
export function refused(message) {
  if (isActing()) {
    comeBack();
    dispatchEvent(new Event('viewer'));
    return;
  }
  const had = current.token !== undefined;
  end();
  onRefused(had ? message : null);
}

/** Returns what the token says of its bearer. The page believes it only to show it. */
export function claims() {
  try {
    const part = current.token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** The scopes of which a token needs one to write (`docs/reference/access.md#scopes`). */
const WRITING_SCOPES = ['cloud_controller.admin', 'cloud_controller.write'];

/**
 * Returns whether the token may allow its bearer to write. Only the API knows the bearer's roles, and only it reads a token that
 * the page cannot read.
 */
export function mayWrite(server) {
  if (server.authentication === 'none') return true;
  const { scope } = claims();
  return !Array.isArray(scope) || scope.some((held) => WRITING_SCOPES.includes(held));
}

/** Logs in as `cf` does. Fails with the text of the login. */
export async function logIn(username, password) {
  store(await grant({ grant_type: 'password', username, password }));
}

/** Gets another token with the refresh token. Returns whether there is one. */
export function refresh() {
  if (!current.refresh) return Promise.resolve(false);
  refreshing ??= grant({ grant_type: 'refresh_token', refresh_token: current.refresh })
    .then((next) => { store({ refresh: current.refresh, ...next }); return true; }, () => false)
    .finally(() => { refreshing = null; });
  return refreshing;
}

async function grant(form) {
  const response = await fetch(new URL('oauth/token', here), {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa('cf:')}` },
    body: new URLSearchParams(form),
    credentials: 'omit',
  });
  const document = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(document.error_description ?? document.errors?.[0]?.detail ?? `The login answered with status ${response.status}.`);
  }
  const next = { token: document.access_token };
  if (document.refresh_token) next.refresh = document.refresh_token;
  return next;
}
