// What a viewer can change: create, copy, upload, label and delete packages. The API says who may; its text is shown.
import * as api from './api.js';
import { dialog, field, fill, h, icon, newId, note } from './dom.js';
import { elements } from './filters.js';
import * as parents from './parents.js';

const openPackage = (guid) => { location.hash = `#/packages/${encodeURIComponent(guid)}`; };

/** Returns a control for an app, and how to get its guid. */
function appControl(server, given) {
  const isCurrent = server.edition === 'current';
  const options = h('datalist', { id: newId('options') });
  const input = h('input', { type: 'text', required: true, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', list: options.id, value: given ?? '' });
  if (isCurrent) {
    input.addEventListener('focus', async () => {
      const { items } = await parents.suggest('apps', {}).catch(() => ({ items: [] }));
      fill(options, items.map((app) => {
        const { space, organization } = parents.ofApp(app.guid);
        return h('option', { value: app.guid }, `${app.name} · ${[organization?.name, space?.name].filter(Boolean).join(' / ')}`);
      }));
    }, { once: true });
  }
  const guid = async () => {
    const text = input.value.trim();
    if (!text) throw new Error(isCurrent ? 'Name the app, or give its guid.' : 'Give the guid of the app.');
    if (!isCurrent) return text;
    const found = await parents.find('apps', text, {});
    if (found.length > 1) throw new Error(`${found.length} apps have the name ${text}; give the guid of one of them.`);
    // The API refuses what it does not know, in its own words.
    return found[0]?.guid ?? text;
  };
  const hint = isCurrent ? 'Its name, if only one app has it, or its guid.' : 'Its guid.';
  return { element: [field('App', input, hint), options], guid };
}

/** Opens the form for a new package. */
export function createPackage(server, params) {
  const isCurrent = server.edition === 'current';
  const given = isCurrent ? elements(params, 'app_guids') : [params.get('app')].filter(Boolean);
  const app = appControl(server, given.length === 1 ? given[0] : null);
  const type = h('select', { onchange: () => draw() }, h('option', { value: 'bits' }, 'bits: a zip archive, uploaded next'), h('option', { value: 'docker' }, 'docker: an image of a registry'));
  const image = h('input', { type: 'text', placeholder: 'registry.example.com/shop:1', autocomplete: 'off', spellcheck: 'false' });
  const user = h('input', { type: 'text', autocomplete: 'off' });
  const password = h('input', { type: 'password', autocomplete: 'new-password' });
  const labels = h('textarea', { rows: 2, spellcheck: 'false', placeholder: 'env=prod' });
  const docker = h('div', {}, field('Image', image), isCurrent && [field('User of the registry', user), field('Password of the registry', password)]);
  const draw = () => { docker.hidden = type.value === 'bits'; };
  draw();
  dialog('New package', [app.element, field('Type', type), docker, isCurrent && field('Labels', labels, 'One in each line.')], {
    action: 'Create',
    send: async () => {
      const guid = await app.guid();
      const body = { type: type.value };
      if (type.value === 'docker') {
        body.data = { image: image.value.trim() };
        if (isCurrent && user.value) Object.assign(body.data, { username: user.value, password: password.value });
      }
      if (isCurrent && labels.value.trim()) body.metadata = { labels: pairs(labels.value) };
      if (isCurrent) body.relationships = { app: { data: { guid } } };
      const path = isCurrent ? 'v3/packages' : `v3/apps/${encodeURIComponent(guid)}/packages`;
      const made = await (await api.send('POST', path, { json: body })).json();
      note('The package is created.');
      openPackage(made.guid);
    },
  });
}

/** Opens the form for a copy of a package to another app. */
export function copyPackage(server, item) {
  const app = appControl(server);
  dialog('Copy to another app', app.element, {
    action: 'Copy',
    send: async () => {
      const guid = await app.guid();
      const made = server.edition === 'current'
        ? await api.send('POST', 'v3/packages', { query: { source_guid: item.guid }, json: { relationships: { app: { data: { guid } } } } })
        : await api.send('POST', `v3/apps/${encodeURIComponent(guid)}/packages`, { query: { source_package_guid: item.guid }, json: {} });
      note('The package is copied.');
      openPackage((await made.json()).guid);
    },
  });
}

/** Opens the form for the labels and annotations of a package. `changed` runs after a change. */
export function editMetadata(item, changed) {
  const labels = pairRows('label', 'Labels', item.metadata.labels);
  const annotations = pairRows('annotation', 'Annotations', item.metadata.annotations);
  dialog('Labels and annotations', [labels.element, annotations.element], {
    action: 'Save',
    wide: true,
    send: async () => {
      const all = Object.entries({ labels: labels.changes(), annotations: annotations.changes() });
      const metadata = Object.fromEntries(all.filter(([, changes]) => Object.keys(changes).length > 0));
      if (Object.keys(metadata).length === 0) {
        note('Nothing was changed.');
        return;
      }
      await api.send('PATCH', `v3/packages/${encodeURIComponent(item.guid)}`, { json: { metadata } });
      note('Labels and annotations are saved.');
      changed();
    },
  });
}

/**
 * Returns a row of controls for each key of `map`, and how to learn what to send so that `map` becomes what they hold: only
 * what the viewer has changed; null removes a key.
 */
function pairRows(noun, title, map) {
  const list = h('ul', { class: 'pairs' });
  const rows = [];
  const add = h('button', { type: 'button', onclick: () => append('', '').key.focus() }, icon('plus'), `Add ${noun === 'label' ? 'a label' : 'an annotation'}`);
  const append = (key, value) => {
    const keyInput = h('input', { type: 'text', class: 'mono', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none', placeholder: 'key', 'aria-label': `Key of the ${noun}`, value: key });
    // Only annotations may have several lines.
    const valueInput = noun === 'label'
      ? h('input', { type: 'text', class: 'mono', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none', placeholder: 'value', 'aria-label': 'Value of the label', value })
      : h('textarea', { class: 'mono', spellcheck: 'false', rows: Math.min(8, Math.ceil(value.length / 50) + value.split('\n').length - 1) || 1, placeholder: 'text', 'aria-label': 'Text of the annotation', value });
    // A control may hold another text than it was given, since it has line ends of its own. Untouched, it still has this one.
    const row = { key: keyInput, value: valueInput, given: { key, value }, held: { key: keyInput.value, value: valueInput.value } };
    const remove = h('button', { type: 'button', class: 'plain', 'aria-label': `Remove the ${noun}${key && ` ${key}`}`, onclick: () => {
      rows.splice(rows.indexOf(row), 1);
      element.remove();
      add.focus();
    } }, icon('close'));
    const element = h('li', {}, keyInput, valueInput, remove);
    rows.push(row);
    list.append(element);
    return row;
  };
  for (const [key, value] of Object.entries(map)) append(key, value ?? '');
  if (rows.length === 0) append('', '');
  const changes = () => {
    const after = new Map();
    for (const row of rows) {
      const key = row.key.value === row.held.key ? row.given.key : row.key.value.trim();
      const value = row.value.value === row.held.value ? row.given.value : row.value.value;
      if (!key && !value) continue;
      if (!key) throw new Error(`The ${noun} with the value “${value}” has no key.`);
      if (after.has(key)) throw new Error(`The key “${key}” is there twice among the ${noun}s.`);
      after.set(key, value);
    }
    const removed = Object.keys(map).filter((key) => !after.has(key)).map((key) => [key, null]);
    return Object.fromEntries([...[...after].filter(([key, value]) => !Object.hasOwn(map, key) || (map[key] ?? '') !== value), ...removed]);
  };
  return { element: h('fieldset', { class: 'pairs' }, h('legend', {}, title), list, add), changes };
}

function pairs(text) {
  return Object.fromEntries(text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf('=');
    if (at < 0) throw new Error(`The line “${line}” has no “=”.`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}

/** Asks whether to delete a package, deletes it, waits for the job that does it, and leads to the `next` address. */
export function deletePackage(item, next) {
  dialog('Delete this package?', h('p', {}, 'The package ', h('code', {}, item.guid), ' and its bits will be gone.'), {
    action: 'Delete',
    danger: true,
    send: async () => {
      const response = await api.send('DELETE', `v3/packages/${encodeURIComponent(item.guid)}`);
      const job = response.headers.get('Location')?.split('/').at(-1);
      note(job && !await isDone(job) ? 'The package is being deleted.' : 'The package is deleted.');
      location.hash = next;
    },
  });
}

/** Waits some seconds for a job. Returns whether it is done. */
async function isDone(job) {
  for (let round = 0; round < 10; round += 1) {
    const { state, errors } = await api.get(`v3/jobs/${encodeURIComponent(job)}`);
    if (state === 'COMPLETE') return true;
    if (state === 'FAILED') throw new Error(errors.map((error) => error.detail).join('; '));
    await api.wait(300);
  }
  return false;
}
