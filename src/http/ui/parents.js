// The names of apps, spaces and organizations. They are asked for by guid, a page at a time, and remembered.
import * as api from './api.js';

/** How many characters of guids one request names: the server takes targets of 8,192 bytes. */
const MAX_GUIDS = 5000;
/** How many apps are asked for one by one, in the edition that has no list of apps. */
const MAX_SINGLE = 60;

const known = { apps: new Map(), spaces: new Map(), organizations: new Map() };
/** What one organization, space or app is called. */
export const KINDS = { organizations: 'organization', spaces: 'space', apps: 'app' };

/** Returns the guid of a package's app, in either edition. */
export function appOf(item) {
  return item.relationships?.app?.data?.guid ?? item.links.app.href.split('/').at(-1);
}

/** Forgets all names, as after the viewer or the data has changed. */
export function forget() {
  for (const map of Object.values(known)) map.clear();
}

/** Returns what is known of an app with its space and organization. Missing parts are null. */
export function ofApp(guid) {
  const app = known.apps.get(guid) ?? null;
  return { app, ...(app?.space ? ofSpace(app.space) : { space: null, organization: null }) };
}

/** Returns what is known of a space with its organization. */
export function ofSpace(guid) {
  const space = known.spaces.get(guid) ?? { guid, name: null };
  return { space, organization: known.organizations.get(space.organization) ?? null };
}

/** Returns the name of an organization, a space or an app, if it is known. */
export function nameOf(kind, guid) {
  return known[kind].get(guid)?.name ?? null;
}

/** Loads the names of apps and of what is above them. Apps that the viewer may not see stay unknown. */
export async function loadApps(server, guids, signal) {
  const missing = [...new Set(guids)].filter((guid) => !known.apps.has(guid));
  if (server.edition === '2015') {
    await api.each(missing.slice(0, MAX_SINGLE), 6, async (guid) => {
      const app = await api.get(`v3/apps/${encodeURIComponent(guid)}`, { signal }).catch(unlessAborted);
      known.apps.set(guid, { guid, name: app?.name ?? null, space: app?.links.space.href.split('/').at(-1) ?? null });
    });
    return;
  }
  await inParts(missing, (part) => load('apps', { guids: part, include: 'space.organization' }, signal));
}

/** Loads names by guid. */
export async function loadNames(kind, guids, signal) {
  const missing = guids.filter((guid) => !known[kind].has(guid));
  await inParts(missing, (part) => load(kind, { guids: part, ...INCLUDE[kind] }, signal));
}

/** Returns those with that name, or with that guid. `within` narrows them by `organization_guids` or `space_guids`. */
export async function find(kind, text, within) {
  const byName = await load(kind, { names: element(text), ...INCLUDE[kind], ...within });
  if (byName.resources.length) return byName.resources;
  return (await load(kind, { guids: element(text), ...INCLUDE[kind] })).resources;
}

/** Returns the first of a list by name, and how many there are. */
export async function suggest(kind, within, signal) {
  const page = await load(kind, { order_by: 'name', per_page: 100, ...INCLUDE[kind], ...within }, signal);
  return { items: page.resources, total: page.pagination.total_results };
}

const INCLUDE = {
  organizations: {},
  spaces: { include: 'organization' },
  apps: { include: 'space.organization' },
};

async function load(kind, query, signal) {
  const page = await api.get(`v3/${kind}`, { query: { per_page: 200, ...query }, signal });
  const related = (resource, name) => resource.relationships?.[name]?.data?.guid ?? null;
  for (const organization of [...(page.included?.organizations ?? []), ...(kind === 'organizations' ? page.resources : [])]) {
    known.organizations.set(organization.guid, { guid: organization.guid, name: organization.name });
  }
  for (const space of [...(page.included?.spaces ?? []), ...(kind === 'spaces' ? page.resources : [])]) {
    known.spaces.set(space.guid, { guid: space.guid, name: space.name, organization: related(space, 'organization') });
  }
  for (const app of kind === 'apps' ? page.resources : []) {
    known.apps.set(app.guid, { guid: app.guid, name: app.name, space: related(app, 'space'), lifecycle: app.lifecycle?.type });
  }
  return page;
}

async function inParts(guids, work) {
  for (let start = 0; start < guids.length;) {
    let end = start;
    for (let length = 0; end < guids.length && length < MAX_GUIDS && end - start < 200; end += 1) length += guids[end].length + 3;
    await work(guids.slice(start, end).join(','));
    start = end;
  }
}

/** Returns a text as one element of a comma list, which the API decodes once more. */
function element(text) {
  return encodeURIComponent(text);
}

function unlessAborted(failure) {
  if (failure.name === 'AbortError') throw failure;
  return null;
}
