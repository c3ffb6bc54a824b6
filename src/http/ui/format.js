// How values are written: times, sizes, counts, states.
import { h } from './dom.js';

/** The states of packages, in the order in which charts and filters name them. */
export const STATES = ['READY', 'AWAITING_UPLOAD', 'PROCESSING_UPLOAD', 'COPYING', 'FAILED', 'EXPIRED'];
/** The types of packages. */
export const TYPES = ['bits', 'docker'];

const UNITS = [['y', 31557600], ['mo', 2629800], ['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];

let offset = 0;
let stands = null;

/** Sets the time that the server's clock shows, by which ages are computed. It may stand still. */
export function setServerTime(text, standsStill) {
  const time = Date.parse(text);
  offset = time - Date.now();
  stands = standsStill ? time : null;
}

/** Returns the time that the server's clock shows, in milliseconds. */
function serverTime() {
  return stands ?? Date.now() + offset;
}

/** Returns how long ago a time was, in its largest unit: `3 d`. */
export function age(text) {
  const seconds = Math.round((serverTime() - Date.parse(text)) / 1000);
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
  const count = Math.trunc(seconds / length);
  return seconds < 0 ? `in ${-count} ${unit}` : `${count} ${unit}`;
}

/** Returns the age of something as an element that also has the time. */
export function ageElement(text) {
  return h('time', { datetime: text, title: text }, age(text));
}

/** Returns a time without the letters between its parts, and how long ago it was. */
export function longTime(text) {
  const ago = age(text);
  return h('span', {}, h('time', { datetime: text }, text.replace('T', ' ').replace('Z', ' UTC')),
    h('span', { class: 'quiet' }, ` · ${ago.startsWith('in') ? ago : `${ago} ago`}`));
}

/** Returns a number with spaces between groups of three digits. */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Returns a count and its noun: `1 package`, `2 packages`. */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Returns a text in which control and format characters are escaped, such as those that change the direction of what follows. */
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16).toUpperCase()}}`);
}

/** Returns a number of bytes in its largest unit. */
export function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = number;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Returns a state as a coloured dot and its word, which may break at its underscore. */
export function stateElement(state) {
  const words = state.split('_').flatMap((word, at) => (at === 0 ? [word] : ['_', h('wbr'), word]));
  return h('span', { class: `state ${state.toLowerCase()}` }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', {}, words));
}

/** Returns the beginning of a guid that tells packages apart in most lists. */
export function shortGuid(guid) {
  return guid.length > 12 ? guid.slice(0, 8) : guid;
}

/** Returns a time as the API takes it, in whole seconds. */
export function apiTime(milliseconds) {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
