// The filters of the list. Their state is the query of the list itself, so that the address, the request and the copied
// commands say the same.
import { announce, field, fill, h, icon, newId, refill } from './dom.js';
import { STATES, TYPES, shortGuid } from './format.js';
import * as parents from './parents.js';

const PARENTS = [['organizations', 'organization_guids', 'Organization'], ['spaces', 'space_guids', 'Space'], ['apps', 'app_guids', 'App']];
const TIMES = [['created_ats[gte]', 'Created from'], ['created_ats[lt]', 'Created before'],
  ['updated_ats[gte]', 'Updated from'], ['updated_ats[lt]', 'Updated before']];
/** The parameters that narrow the list. */
export const FILTERS = ['types', 'states', ...PARENTS.map(([, name]) => name), 'label_selector', 'guids', ...TIMES.map(([name]) => name), 'app'];

/** Returns the elements of a comma list. */
export function elements(params, name) {
  return (params.get(name) ?? '').split(',').filter(Boolean);
}

/**
 * Makes the filters. `change` gets the parameters that differ; null removes one. Returns the element, and how to update
 * and close it.
 */
export function filters(server, change) {
  return server.edition === '2015' ? filtersOf2015(change) : filtersOfCurrent(change);
}

function filtersOfCurrent(change) {
  let params = new URLSearchParams();
  const updates = [];
  const update = (next) => {
    params = next;
    updates.forEach((one) => one());
  };

  const toggles = (legend, name, words) => {
    const boxes = words.map((word) => h('input', { type: 'checkbox', value: word, onchange: () => {
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      change({ [name]: chosen.join(',') || null });
    } }));
    updates.push(() => boxes.forEach((box) => { box.checked = elements(params, name).includes(box.value); }));
    return h('fieldset', { class: 'toggles' }, h('legend', {}, legend),
      boxes.map((box) => h('label', { class: box.value.toLowerCase() }, box, h('span', {}, box.value))));
  };

  const picker = ([kind, name, label]) => {
    const options = h('datalist', { id: newId('options') });
    const input = h('input', { type: 'text', list: options.id, autocomplete: 'off', spellcheck: 'false', placeholder: 'any', autocapitalize: 'none' });
    const within = () => {
      const query = {};
      if (kind !== 'organizations' && params.get('organization_guids')) query.organization_guids = params.get('organization_guids');
      if (kind === 'apps' && params.get('space_guids')) query.space_guids = params.get('space_guids');
      return query;
    };
    input.addEventListener('focus', async () => {
      const { items } = await parents.suggest(kind, within()).catch(() => ({ items: [] }));
      const names = [...new Set(items.map((item) => item.name))];
      fill(options, names.map((value) => h('option', { value })));
    });
    let isLooking = false;
    input.addEventListener('change', async () => {
      const text = input.value.trim();
      if (!text || isLooking) return;
      isLooking = true;
      input.setCustomValidity('');
      try {
        const found = await parents.find(kind, text, within());
        if (found.length) {
          input.value = '';
          change({ [name]: [...new Set([...elements(params, name), ...found.map((item) => item.guid)])].join(',') });
        } else {
          input.setCustomValidity(`There is no ${parents.KINDS[kind]} with the name or the guid “${text}” that you may see.`);
        }
      } catch (failure) {
        input.setCustomValidity(failure.message);
      } finally {
        isLooking = false;
      }
      input.reportValidity();
    });
    input.addEventListener('input', () => input.setCustomValidity(''));
    return h('div', {}, field(label, input), options);
  };

  const text = (label, name, placeholder, hint) => {
    const input = h('input', { type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', onchange: () => change({ [name]: input.value.trim() || null }) });
    updates.push(() => { input.value = params.get(name) ?? ''; });
    return field(label, input, hint);
  };

  const time = ([name, label]) => {
    const input = h('input', { type: 'datetime-local', step: 1, onchange: () => {
      change({ [name]: input.value ? `${input.value.length === 16 ? `${input.value}:00` : input.value}Z` : null });
    } });
    updates.push(() => { input.value = (params.get(name) ?? '').replace(/Z$/, ''); });
    return field(`${label} (UTC)`, input);
  };

  const more = h('details', { class: 'more' }, h('summary', {}, 'Guids and times'),
    h('div', { class: 'grid' }, text('Guids', 'guids', 'guid,guid'), TIMES.map(time)));
  updates.push(() => { if (['guids', ...TIMES.map(([name]) => name)].some((name) => params.has(name))) more.open = true; });

  const chips = h('ul', { class: 'chips', 'aria-label': 'Chosen filters' });
  updates.push(() => drawChips(chips, params, change, () => chips.querySelector('button') ?? element.querySelector('input')));
  const choices = h('details', { class: 'choices' }, h('summary', {}, 'Filters'), h('div', {},
    h('div', { class: 'row' }, toggles('State', 'states', STATES), toggles('Type', 'types', TYPES)),
    h('div', { class: 'grid' }, PARENTS.map(picker), text('Labels', 'label_selector', 'env=prod,!legacy')),
    more));
  // Only a narrow window can close them.
  const isWide = matchMedia('(min-width: 641px)');
  const open = () => { choices.open = isWide.matches; };
  open();
  isWide.addEventListener('change', open);
  const element = h('search', {}, h('form', { class: 'filters', 'aria-label': 'Filters', onsubmit: (event) => event.preventDefault() }, choices, chips));
  return { element, update, close: () => isWide.removeEventListener('change', open) };
}

/** Draws the chosen filters. What `otherwise` returns gets the focus of one that is removed. */
function drawChips(chips, params, change, otherwise) {
  const chosen = PARENTS.flatMap(([kind, name]) => elements(params, name).map((guid) => ({ kind, name, guid })));
  const draw = () => refill(chips, otherwise,
    chosen.map(({ kind, name, guid }) => h('li', {}, h('button', {
      type: 'button', class: 'chip', title: guid,
      onclick: () => change({ [name]: elements(params, name).filter((other) => other !== guid).join(',') || null }),
    }, `${parents.KINDS[kind]}: ${parents.nameOf(kind, guid) ?? shortGuid(guid)}`, icon('close'), h('span', { class: 'unseen' }, ' (remove)')))),
    FILTERS.some((name) => params.has(name)) && h('li', {}, h('button', { type: 'button', class: 'chip clear', onclick: () => {
      change(Object.fromEntries(FILTERS.map((name) => [name, null])));
      announce('All filters are removed');
    } }, 'Remove all filters')));
  draw();
  for (const [kind, name] of PARENTS) {
    const guids = elements(params, name);
    if (guids.some((guid) => parents.nameOf(kind, guid) === null)) parents.loadNames(kind, guids).then(draw, () => {});
  }
}

/** The edition has one filter: the list of one app. */
function filtersOf2015(change) {
  const input = h('input', { type: 'text', placeholder: 'any', autocomplete: 'off', spellcheck: 'false', class: 'mono', onchange: () => change({ app: input.value.trim() || null }) });
  const element = h('search', {}, h('form', { class: 'filters', 'aria-label': 'Filters', onsubmit: (event) => event.preventDefault() },
    h('div', { class: 'grid one' }, field('App', input, 'The guid of an app. This edition of the API has no other filter and no order: --api current has.'))));
  return { element, update: (params) => { input.value = params.get('app') ?? ''; }, close: () => {} };
}
