// Makes elements. All text of the server becomes text nodes: nothing here parses HTML.

/** Returns an element. Attributes whose name begins with `on` are listeners; `true` sets an attribute without a value. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else if (value === true) element.setAttribute(name, '');
    else element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Replaces the children of an element. If one of them has the focus, the new control of the same name gets it: that of the
 * same `data-keep`, label, target or text. If there is none, what `otherwise` returns gets it.
 */
export function refill(element, otherwise, ...children) {
  const focused = document.activeElement;
  const name = element !== focused && element.contains(focused) ? nameOfControl(focused) : null;
  fill(element, ...children);
  if (name === null) return element;
  const control = [...element.querySelectorAll('a, button, input')].find((candidate) => nameOfControl(candidate) === name) ?? otherwise();
  control?.focus({ preventScroll: true });
  return element;
}

function nameOfControl(control) {
  return control.dataset.keep ?? control.getAttribute('aria-label') ?? control.getAttribute('href') ?? control.textContent;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

const ICONS = {
  copy: 'M6 6V3h8v9h-3M2 6h9v8H2z',
  sun: 'M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13.5 9.8A6 6 0 1 1 6.2 2.5a5 5 0 0 0 7.3 7.3z',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  back: 'M9.5 3.5L5 8l4.5 4.5M5 8h9',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3',
  download: 'M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11',
  upload: 'M8 11V3M4.5 6.5L8 3l3.5 3.5M2.5 13.5h11',
  bin: 'M3 4.5h10M6 4.5V2.5h4v2M4.5 4.5l.6 9h5.8l.6-9',
};

/** Returns an icon that screen readers pass over. */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** Tells screen readers what has changed. */
export function announce(text) {
  const live = document.getElementById('live');
  live.textContent = '';
  // A change in a later task is read even if the text is the same as before.
  setTimeout(() => { live.textContent = text; }, 50);
}

/** Shows a message in the corner. An error stays until it is closed. */
export function note(text, kind = 'done') {
  const notes = document.getElementById('notes');
  const close = () => {
    item.remove();
    if (!notes.firstChild) notes.hidePopover();
  };
  const item = h('div', { class: `note ${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    h('p', {}, text),
    h('button', { type: 'button', class: 'plain', 'aria-label': 'Close the message', onclick: close }, icon('close')));
  notes.append(item);
  // Shown again, it lies above a dialog that was opened meanwhile.
  if (notes.matches(':popover-open')) notes.hidePopover();
  notes.showPopover();
  while (notes.children.length > 4) notes.firstChild.remove();
  if (kind !== 'error') setTimeout(close, 5000);
}

/** Copies text, and says so. Where the clipboard is not available (plain HTTP elsewhere than on this machine), says that. */
export async function copy(text, what = 'Copied') {
  try {
    await navigator.clipboard.writeText(text);
    note(what);
  } catch {
    const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true', value: text });
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (copied) note(what);
    else note('The browser does not allow this page to copy; select the text and copy it.', 'error');
  }
}

/** Returns a small button that copies a text. */
export function copyButton(text, what) {
  return h('button', {
    type: 'button', class: 'plain', title: `Copy ${what}`, 'aria-label': `Copy ${what}`,
    onclick: () => copy(text, `Copied ${what}`),
  }, icon('copy'));
}

let ids = 0;

/** Returns an id that no other element has. */
export function newId(prefix = 'id') {
  ids += 1;
  return `${prefix}-${ids}`;
}

/** Returns a control with its label above it, and perhaps a hint below it. */
export function field(label, control, hint) {
  if (!control.id) control.id = newId('field');
  const parts = [h('label', { for: control.id }, label), control];
  if (hint) {
    const id = newId('hint');
    control.setAttribute('aria-describedby', id);
    parts.push(h('p', { class: 'hint', id }, hint));
  }
  return h('div', { class: 'field' }, parts);
}

/** Returns a section with a heading and perhaps a control beside it. */
export function card(name, content, control) {
  return h('section', { class: 'card', 'aria-label': name }, h('div', { class: 'head' }, h('h2', {}, name), control), content);
}

/**
 * Opens a dialog with a form, and returns it. `send` runs when the form is sent; if it fails, the dialog shows the error and
 * stays. `send` is left out for a dialog that shows something, which may have a `button` of its own.
 */
export function dialog(title, content, { action, send, danger, wide, button } = {}) {
  const id = newId('dialog');
  const error = h('p', { class: 'error', role: 'alert', hidden: true });
  const submit = send && h('button', { class: danger ? 'danger' : 'primary', type: 'submit' }, action);
  const close = () => box.close();
  const form = h('form', { method: 'dialog', novalidate: true }, content, error,
    h('div', { class: 'buttons' },
      h('button', { type: 'button', onclick: close }, send ? 'Cancel' : 'Close'), submit ?? button));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!send) return;
    submit.disabled = true;
    error.hidden = true;
    try {
      await send(form);
      box.close();
    } catch (failure) {
      error.textContent = failure.message;
      error.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  const box = h('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : null },
    h('div', { class: 'head' }, h('h2', { id }, title),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: close }, icon('close'))),
    form);
  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
  (form.querySelector('input, select, textarea') ?? form.querySelector('.buttons button')).focus();
  return box;
}
