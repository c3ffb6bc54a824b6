// The request that the page has sent, as a command to copy: for curl, for cf, and for Python.
import * as api from './api.js';
import { copy, dialog, h, icon, newId } from './dom.js';
import * as session from './session.js';

/** Shows the commands for a `GET` of this path and query. A list is read page by page. */
export function showCommands(server, { path, query }, isList) {
  const needsToken = server.authentication !== 'none';
  const kinds = [['curl', 'curl'], server.edition === 'current' && ['cf', 'cf curl'], ['python', 'Python']].filter(Boolean);
  const name = newId('kind');
  const radios = kinds.map(([value, text], at) => {
    const radio = h('input', { type: 'radio', name, value, checked: at === 0, onchange: () => draw() });
    return h('label', {}, radio, h('span', {}, text));
  });
  const withToken = h('input', { type: 'checkbox', onchange: () => draw() });
  const text = h('pre', { class: 'command', tabindex: 0, 'aria-label': 'The command' });
  const hint = h('p', { class: 'hint' });
  const tokenChoice = h('label', { class: 'check' }, withToken, ' Write my token into it. Everyone who reads the command can then use it.');
  const kind = () => box.querySelector('input[type=radio]:checked').value;
  const draw = () => {
    const token = needsToken && withToken.checked ? session.token() : null;
    tokenChoice.hidden = !needsToken || kind() === 'cf';
    try {
      text.textContent = commandOf(kind(), { path, query, isList, needsToken, token });
    } catch (failure) {
      text.textContent = failure.message;
    }
    hint.textContent = hintOf(kind(), server, needsToken && !token);
    hint.hidden = !hint.textContent;
  };
  const box = dialog('Copy the request', [
    h('fieldset', { class: 'toggles' }, h('legend', { class: 'unseen' }, 'As'), radios),
    text, tokenChoice, hint,
  ], { wide: true, button: h('button', { type: 'button', class: 'primary', onclick: () => copy(text.textContent, 'Copied the command') }, icon('copy'), 'Copy') });
  draw();
}

function commandOf(kind, request) {
  const { path, query, needsToken, token } = request;
  const search = query?.toString() ? `?${query}` : '';
  if (kind === 'cf') return `cf curl ${quotedForShell(`/${path}${search}`)}`;
  const url = api.urlOf(path, query).href;
  if (kind === 'curl') {
    const value = token ? quotedForShell(`Authorization: bearer ${token}`) : '"Authorization: bearer $TOKEN"';
    return `curl --fail ${quotedForShell(url)}${needsToken ? ` \\\n  -H ${value}` : ''}`;
  }
  return python(url, request);
}

/** Returns a text as one word of a POSIX shell. */
function quotedForShell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function python(url, { isList, needsToken, token }) {
  const quoted = JSON.stringify(url);
  const value = token ? JSON.stringify(`bearer ${token}`) : '"bearer " + os.environ["TOKEN"]';
  const headers = needsToken ? [`headers = {"Authorization": ${value}}`] : ['headers = {}'];
  const imports = ['import json', needsToken && !token && 'import os', isList && 'import urllib.parse', 'import urllib.request'].filter(Boolean);
  if (!isList) {
    return [...imports, '', ...headers,
      `request = urllib.request.Request(${quoted}, headers=headers)`,
      'with urllib.request.urlopen(request) as response:',
      '    print(json.dumps(json.load(response), indent=2))'].join('\n');
  }
  return [...imports, '', ...headers, `url = ${quoted}`, 'while url:',
    '    request = urllib.request.Request(url, headers=headers)',
    '    with urllib.request.urlopen(request) as response:',
    '        page = json.load(response)',
    '    for package in page["resources"]:',
    '        print(package["guid"], package["type"], package["state"])',
    '    following = page["pagination"]["next"]',
    '    url = following and urllib.parse.urljoin(url, following["href"])'].join('\n');
}

function hintOf(kind, server, needsVariable) {
  if (kind === 'cf') return 'It needs a cf that is logged in to this server.';
  if (!needsVariable) return '';
  return server.authentication === 'login'
    ? 'TOKEN is a token without the word before it: export TOKEN=$(cf oauth-token | cut -d" " -f2), or one of cf-packages token.'
    : 'TOKEN is what the command cf-packages token prints: export TOKEN=$(cf-packages token --admin --db FILE).';
}
