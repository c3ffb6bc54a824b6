// Requests to the API, with the viewer's token. Paths are relative to where this page is, also behind a proxy.
import { note } from './dom.js';
import * as session from './session.js';

/** How requests of this page begin their id, so that a test which looks at what was requested can tell them apart. */
export const REQUEST_ID = 'page';

/** Where the API is: the folder above that of this module. */
const base = new URL('../', import.meta.url);

/** Why a request was refused, in the API's own words. */
export class ApiError extends Error {
  constructor(status, message, title) {
    super(title ? `${message} (${status} ${title})` : message);
    this.status = status;
    this.title = title;
  }
}

/** Returns the URL of a path of the API, such as `v3/packages`. Fails if it has a part that no URL can have. */
export function urlOf(path, query) {
  // A URL parser removes these parts, also if they are percent-encoded (https://url.spec.whatwg.org/#path-state).
  const removed = path.split('/').find((part) => part === '.' || part === '..');
  if (removed) throw new ApiError(0, `A browser cannot ask for the guid “${removed}”, because it removes it from every address.`);
  const url = new URL(path, base);
  const text = query ? new URLSearchParams(query).toString() : '';
  if (text) url.search = text;
  return url;
}

/**
 * Sends a request and returns its response. If the token is refused and the login granted a refresh token, gets another token
 * and tries once more. Fails with an `ApiError` for every status of an error.
 */
export async function send(method, path, { query, json, body, headers = {}, signal } = {}) {
  const url = urlOf(path, query);
  const attempt = () => {
    const all = { 'X-Vcap-Request-Id': REQUEST_ID, ...headers };
    if (session.token()) all.Authorization = `bearer ${session.token()}`;
    if (json !== undefined) all['Content-Type'] = 'application/json';
    return fetch(url, { method, headers: all, body: json === undefined ? body : JSON.stringify(json), signal, credentials: 'omit' });
  };
  let response = await reached(attempt);
  if (response.status === 401 && await session.refresh()) response = await reached(attempt);
  showWarnings(response);
  if (response.ok) return response;
  const error = errorOf(response.status, await response.text());
  if (response.status === 401) session.refused(error.message);
  throw error;
}

/** Returns the document of a response. */
export async function get(path, options) {
  return (await send('GET', path, options)).json();
}

async function reached(attempt) {
  try {
    return await attempt();
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    throw new ApiError(0, 'The server does not answer. Is it still running?');
  }
}

/** Returns the error that a body describes: that of either edition, or of the login. */
export function errorOf(status, text) {
  let document = {};
  try {
    document = JSON.parse(text);
  } catch {
    // Not an answer of the API, as of a proxy.
  }
  const first = document.errors?.[0];
  if (first) return new ApiError(status, document.errors.map((error) => error.detail).join('; '), first.title);
  if (document.description) return new ApiError(status, document.description, document.error_code);
  if (document.error_description) return new ApiError(status, document.error_description, document.error);
  return new ApiError(status, `The server answered with status ${status}.`);
}

function showWarnings(response) {
  for (const warning of (response.headers.get('X-Cf-Warnings') ?? '').split(',')) {
    if (warning) note(decodeURIComponent(warning), 'warning');
  }
}

/** Runs `work` for each item, at most `limit` of them at the same time. Returns the results in order. */
export async function each(items, limit, work) {
  const results = new Array(items.length);
  let next = 0;
  const runner = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await work(items[at], at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  return results;
}

/** Waits. */
export function wait(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
