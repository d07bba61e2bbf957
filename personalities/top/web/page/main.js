// The page: which view is shown, the bar above it, the keys.
import {attr, dialog, el, store, stored, text} from './dom.js';
import {connect, listen, session, who} from './data.js';
import {containerPage} from './container.js';
import {containers} from './list.js';
import {diskPage} from './disk.js';
import {eventsPage} from './events.js';
import {hostPage, hostsPage} from './hosts.js';
import {signIn} from './actions.js';

const main = document.getElementById('main');
let end = () => {},
  shown = null;

// show shows the view that the address names.
function show() {
  const [page = '', ...rest] = location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .map(part => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
  const key = page === 'c' ? ['c', rest[0], rest[1]].join('/') : location.hash;
  if (key === shown && page === 'c') return; // a tab changed
  end();
  const moved = shown !== null;
  shown = key;
  main.replaceChildren();
  document.title = {hosts: 'Hosts – box', disk: 'Disk – box', events: 'Events – box'}[page] ?? 'box';
  const current = {'': 'containers', c: 'containers', host: 'hosts'}[page] ?? page;
  for (const a of document.querySelectorAll('nav a'))
    attr(a, 'aria-current', a.dataset.page === current ? 'page' : null);
  const view = {
    '': () => containers(main),
    c: () => containerPage(main, rest[0], rest[1], rest[2]),
    host: () => hostPage(main, rest[0]),
    hosts: () => hostsPage(main),
    disk: () => diskPage(main, rest[0]),
    events: () => eventsPage(main),
  }[page];
  end = view?.() ?? (() => {});
  if (moved) main.focus({preventScroll: true}); // where the keyboard and screen readers go on
  if (!view) main.append(el('p', {class: 'empty'}, 'There is no such page.'));
}

// Themes: as the system has it, light, dark.
const themes = ['system', 'light', 'dark'];
const themeButton = document.getElementById('theme');
function applyTheme(theme) {
  attr(document.documentElement, 'data-theme', theme === 'system' ? null : theme);
  text(themeButton, {system: '◐', light: '○', dark: '●'}[theme]);
  attr(themeButton, 'aria-label', 'Theme: ' + theme);
  dispatchEvent(new Event('themed'));
}
function nextTheme() {
  const theme = themes[(themes.indexOf(stored('theme', 'system')) + 1) % themes.length];
  store('theme', theme);
  applyTheme(theme);
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => dispatchEvent(new Event('themed')));
themeButton.addEventListener('click', nextTheme);

const keys = [
  ['/', 'Filter or search'],
  ['?', 'This list'],
  ['1 2 3 4', 'Containers, hosts, disk, events'],
  ['↑ ↓', 'Through the containers'],
  ['Enter', 'Open'],
  ['Esc', 'Out of the filter; back to the containers'],
  ['t', 'Theme'],
  ['a', 'Act: show the token'],
  ['← →', 'On a graph: earlier, later'],
  ['+ −', 'On a graph: closer, wider'],
  ['Backspace', 'On a graph: back'],
  ['0', 'On a graph: the last 10 minutes'],
];
const help = () =>
  dialog(
    'Keys',
    el(
      'dl',
      {class: 'keys'},
      keys.map(([k, what]) => [el('dt', null, k), el('dd', null, what)]),
    ),
    [['Close', '', '']],
  );
document.getElementById('keys').addEventListener('click', help);
document.getElementById('sign').addEventListener('click', signIn);
document.getElementById('skip').addEventListener('click', e => {
  e.preventDefault();
  main.focus();
});

document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.altKey || e.metaKey || document.querySelector('dialog[open]')) return;
  const inside = e.target.closest('input, textarea, select');
  if (e.key === 'Escape' && !e.target.closest('.terminal')) {
    if (inside) inside.blur();
    else if (location.hash.length > 2) location.hash = '#/';
    return;
  }
  if (inside) return;
  const does = {
    '/': () => document.getElementById('filter')?.focus(),
    '?': help,
    t: nextTheme,
    a: signIn,
    1: () => {
      location.hash = '#/';
    },
    2: () => {
      location.hash = '#/hosts';
    },
    3: () => {
      location.hash = '#/disk';
    },
    4: () => {
      location.hash = '#/events';
    },
  }[e.key];
  if (!does) return;
  e.preventDefault();
  does();
});

const live = document.getElementById('live'),
  sign = document.getElementById('sign');
function bar() {
  text(live, session.live ? 'live' : 'connecting …');
  attr(live, 'class', 'live' + (session.live ? ' is-good' : ' is-warn'));
  text(sign, session.holder ? 'may act' : 'read only');
  attr(sign, 'title', session.holder ? 'Stop, start and change is allowed here' : 'Show the token, to act (a)');
}

applyTheme(stored('theme', 'system'));
listen(({kind}) => {
  if (kind === 'live' || kind === 'who') bar();
});
addEventListener('hashchange', show);
if (!window.uPlot) {
  const notice = document.getElementById('notice');
  notice.hidden = false;
  text(notice, 'This file was built without charts: make build fetches them.');
}
bar();
await who().catch(err => {
  text(main, err.message);
});
connect();
show();
