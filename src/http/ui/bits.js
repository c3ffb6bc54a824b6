// The bits of a package: upload, download, and what is in the archive.
import * as api from './api.js';
import { card, fill, h, icon, note } from './dom.js';
import { bytes, count, counted, visible } from './format.js';
import * as session from './session.js';
import * as zip from './zip.js';

/** How many entries of an archive are shown before the viewer asks for all. */
const MAX_ENTRIES = 200;

/** Returns the section about the bits. `changed` runs after an upload, which is offered if the viewer may write. */
export function bitsSection(item, path, mayWrite, changed) {
  if (item.state === 'AWAITING_UPLOAD' && mayWrite) return card('Bits', uploadForm(path, changed));
  if (item.state !== 'READY') return card('Bits', h('p', { class: 'quiet' }, WHY[item.state] ?? 'There are no bits.'));
  const content = h('div', {});
  const download = h('button', { type: 'button', onclick: () => save(item, path, download) }, icon('download'), 'Download');
  const section = card('Bits', content, download);
  showEntries(content, path, download);
  return section;
}

const WHY = {
  AWAITING_UPLOAD: 'The package waits for its bits.',
  PROCESSING_UPLOAD: 'The upload is being processed.',
  COPYING: 'The bits are being copied.',
  FAILED: 'The upload failed: there are no bits, and there will be none.',
  EXPIRED: 'The bits have expired.',
};

function uploadForm(path, changed) {
  const file = h('input', { type: 'file', accept: '.zip,application/zip', 'aria-label': 'Zip archive', onchange: () => { button.disabled = !file.files.length; } });
  const button = h('button', { class: 'primary', type: 'submit', disabled: true }, icon('upload'), 'Upload');
  const progress = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Upload' });
  const error = h('p', { class: 'error', role: 'alert', hidden: true });
  const form = h('form', { class: 'upload', onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    progress.hidden = false;
    try {
      await upload(path, file.files[0], (part) => { progress.value = part; });
      note('The archive is uploaded.');
      changed();
    } catch (failure) {
      error.textContent = failure.message;
      error.hidden = false;
      progress.hidden = true;
      button.disabled = false;
    }
  } }, h('p', {}, 'This package waits for its bits: a zip archive. It can be uploaded once.'), h('div', { class: 'row' }, file, button), progress, error);
  form.addEventListener('dragover', (event) => { event.preventDefault(); form.classList.add('over'); });
  form.addEventListener('dragleave', () => form.classList.remove('over'));
  form.addEventListener('drop', (event) => {
    event.preventDefault();
    form.classList.remove('over');
    if (event.dataTransfer.files.length) {
      file.files = event.dataTransfer.files;
      button.disabled = false;
    }
  });
  return form;
}

/** Sends a file. Only `XMLHttpRequest` reports how much of it has been sent. */
async function upload(path, file, report) {
  // A token that has expired is replaced before the file is sent, not after.
  await api.get(path);
  const form = new FormData();
  form.append('bits', file, file.name);
  await new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', api.urlOf(`${path}/upload`));
    request.setRequestHeader('X-Vcap-Request-Id', api.REQUEST_ID);
    if (session.token()) request.setRequestHeader('Authorization', `bearer ${session.token()}`);
    request.upload.addEventListener('progress', (event) => { if (event.lengthComputable) report(event.loaded / event.total); });
    request.addEventListener('load', () => (request.status < 400 ? resolve() : reject(api.errorOf(request.status, request.responseText))));
    request.addEventListener('error', () => reject(new Error('The upload broke off.')));
    request.send(form);
  });
}

/** Downloads the bits. The request needs the token, so that it cannot be a link. */
async function save(item, path, button) {
  button.disabled = true;
  try {
    const blob = await (await api.send('GET', `${path}/download`)).blob();
    const url = URL.createObjectURL(blob);
    h('a', { href: url, download: `${item.guid}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (failure) {
    note(failure.message, 'error');
  } finally {
    button.disabled = false;
  }
}

async function showEntries(element, path, download) {
  fill(element, h('p', { class: 'quiet' }, 'Reading the list of files …'));
  try {
    const { size, entries } = await zip.list((first, last) => range(path, first, last));
    drawEntries(element, size, entries, MAX_ENTRIES);
  } catch (failure) {
    download.hidden = failure instanceof api.ApiError;
    fill(element, h('p', { class: 'quiet' }, failure.message));
  }
}

async function range(path, first, last) {
  const wanted = first < 0 ? `bytes=${first}` : `bytes=${first}-${last}`;
  const response = await api.send('GET', `${path}/download`, { headers: { Range: wanted } });
  const content = new Uint8Array(await response.arrayBuffer());
  const size = Number(response.headers.get('Content-Range')?.split('/')[1] ?? content.length);
  return { bytes: content, size };
}

function drawEntries(element, size, entries, limit) {
  const files = entries.filter((entry) => !entry.isFolder);
  const whole = files.reduce((sum, entry) => sum + entry.size, 0);
  const kind = (entry) => (entry.isLink ? ' → link' : entry.isEncrypted ? ' (encrypted)' : '');
  fill(element,
    h('p', { class: 'quiet' }, `${counted(files.length, 'file')}, ${bytes(whole)}; the archive has ${bytes(size)}.`),
    entries.length > 0 && h('div', { class: 'table', role: 'region', 'aria-label': 'Files of the archive', tabindex: 0 }, h('table', { class: 'entries' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'File'), h('th', { scope: 'col', class: 'number' }, 'Size'),
        h('th', { scope: 'col', class: 'number' }, 'Packed'), h('th', { scope: 'col' }, 'Changed'))),
      h('tbody', {}, entries.slice(0, limit).map((entry) => h('tr', {},
        h('td', { class: 'mono' }, visible(entry.name), kind(entry) && h('span', { class: 'quiet' }, kind(entry))),
        h('td', { class: 'number' }, entry.isFolder ? '' : bytes(entry.size)),
        h('td', { class: 'number', title: entry.method }, entry.isFolder ? '' : bytes(entry.packed)),
        h('td', { class: 'quiet' }, entry.changed)))))),
    entries.length > limit && h('button', { type: 'button', onclick: () => drawEntries(element, size, entries, Math.min(entries.length, limit * 10)) },
      `Show more of ${count(entries.length)}`));
}
