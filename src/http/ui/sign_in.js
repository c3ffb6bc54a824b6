// The form for a login, or for a token.
import { field, fill, h } from './dom.js';
import * as session from './session.js';

/** Shows the form. `done` runs once there is a token. */
export function show(main, server, reason, done) {
  main.className = 'sign-in';
  const error = h('p', { class: 'error', role: 'alert', hidden: !reason }, reason ?? '');
  const fail = (text) => {
    error.textContent = text;
    error.hidden = false;
  };
  fill(main, h('div', { class: 'card' },
    h('h1', { tabindex: -1 }, 'Sign in'),
    error,
    server.authentication === 'login' && loginForm(fail, done),
    server.authentication === 'login'
      ? h('details', {}, h('summary', {}, 'Use a token instead'), tokenForm(fail, done))
      : tokenForm(fail, done)));
  main.querySelector('input, textarea').focus();
}

function loginForm(fail, done) {
  const name = h('input', { type: 'text', autocomplete: 'username', required: true, spellcheck: 'false', autocapitalize: 'none' });
  const password = h('input', { type: 'password', autocomplete: 'current-password', required: true });
  const button = h('button', { class: 'primary', type: 'submit' }, 'Log in');
  return h('form', { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await session.logIn(name.value, password.value);
      done();
    } catch (failure) {
      fail(failure.message);
      password.value = '';
      password.focus();
    } finally {
      button.disabled = false;
    }
  } },
  field('User', name, 'A user of the data, or admin.'),
  field('Password', password, 'The server has one password for all users. It shows it at its start, unless it was given one.'),
  h('div', { class: 'buttons' }, button));
}

function tokenForm(fail, done) {
  const text = h('textarea', { rows: 4, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none', class: 'mono' });
  return h('form', { onsubmit: (event) => {
    event.preventDefault();
    const token = text.value.trim().replace(/^bearer\s+/i, '');
    if (!session.isToken(token)) {
      fail('That is no token: a token has three parts with a point between them.');
      return;
    }
    session.setToken(token);
    done();
  } },
  field('Token', text, ['The command ', h('code', {}, 'cf-packages token --admin --db FILE'), ' prints one for the server of this file; ',
    h('code', {}, '--user NAME'), ' instead of ', h('code', {}, '--admin'), ' shows what that user sees.']),
  h('div', { class: 'buttons' }, h('button', { class: 'primary', type: 'submit' }, 'Use this token')));
}
