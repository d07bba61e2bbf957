// The page of one container.
import {attr, button, el, text} from './dom.js';
import {CPU, DISK, LOG, MEMORY, PIDS, READ, RX, TX, USAGE, WRITTEN, hosts, listen, session} from './data.js';
import {containerActions} from './actions.js';
import {bytes, count, date, percent, rate, time} from './format.js';
import {facts} from './parts.js';
import {mark, stateText} from './rows.js';
import {views} from './views.js';

const tabs = [
  ['graphs', 'Graphs'],
  ['log', 'Log'],
  ['processes', 'Processes'],
  ['environment', 'Environment'],
  ['settings', 'Mounts and limits'],
  ['shell', 'Shell'],
];

// containerPage shows a container, with one of its tabs open.
export function containerPage(root, host, id, open) {
  const h = hosts.get(host),
    row = () => h?.rows.get(id);
  let last = row(),
    end = () => {},
    shown = null;
  const dot = el('span', {class: 'dot', 'aria-hidden': 'true'}),
    name = el('span'),
    state = el('span', {class: 'state'});
  const title = el('h1', null, dot, name, state);
  const now = facts(),
    alarm = el('p', {class: 'alarm'});
  const actions = containerActions(host, id, row);
  const list = el('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Views of the container'});
  const panel = el('div', {class: 'panel', role: 'tabpanel', id: 'panel'});
  const buttons = new Map(
    tabs.map(([key, label]) => [
      key,
      button(label, () => show(key), {role: 'tab', id: 'tab-' + key, 'aria-controls': 'panel'}),
    ]),
  );
  list.append(...buttons.values());
  list.addEventListener('keydown', e => {
    const all = [...buttons.values()].filter(b => !b.hidden),
      by = {ArrowRight: 1, ArrowLeft: -1}[e.key];
    if (!by) return;
    const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    next.focus();
    next.click();
  });
  root.append(
    el(
      'p',
      {class: 'crumbs'},
      el('a', {href: '#/'}, 'Containers'),
      ' / ',
      el('a', {href: '#/host/' + encodeURIComponent(host)}, host),
    ),
    el('div', {class: 'top'}, title, actions),
    alarm,
    now,
    list,
    panel,
  );

  function show(key) {
    if (!buttons.has(key) || buttons.get(key).hidden) key = 'graphs';
    if (key === shown) return;
    end();
    shown = key;
    panel.replaceChildren();
    panel.className = 'panel panel-' + key;
    attr(panel, 'aria-labelledby', 'tab-' + key);
    for (const [k, b] of buttons) {
      attr(b, 'aria-selected', String(k === key));
      attr(b, 'tabindex', k === key ? 0 : -1);
    }
    history.replaceState(
      null,
      '',
      '#/c/' + encodeURIComponent(host) + '/' + encodeURIComponent(id) + (key === 'graphs' ? '' : '/' + key),
    );
    end = views[key](panel, host, id, row) ?? (() => {});
  }

  function draw() {
    const r = row();
    if (r) last = r;
    buttons.get('shell').hidden = !session.holder || r?.State !== 'running';
    actions.draw();
    if (!last) {
      text(name, id.slice(0, 12));
      const gone = 'There is no such container on ' + host + ' now; what its history kept is below.';
      text(alarm, h ? (h.at || h.dead ? gone : '') : 'There is no host ' + host + '.');
      return;
    }
    text(name, last.Name);
    text(state, r ? stateText(r) : 'removed');
    attr(title, 'class', r ? 'is-' + mark(r) : 'is-off');
    document.title = last.Name + ' – box';
    text(
      alarm,
      [
        last.LastError && (mark(last) === 'bad' || last.State !== 'running') && last.LastError,
        last.OOMKills && 'killed for memory ' + last.OOMKills + ' times',
        h.dead && h.name + ' does not answer',
      ]
        .filter(Boolean)
        .join(' · '),
    );
    const n = h.now[id],
      on = n && r?.State === 'running';
    const limit = last.MemoryLimit;
    now.set([
      ['CPU', on && percent(100 * n[CPU]) + (last.CPULimit ? ' of ' + percent(100 * last.CPULimit) : '')],
      [
        'Memory',
        on && bytes(n[MEMORY]) + (limit ? ' of ' + bytes(limit) : ''),
        on && limit && n[MEMORY] > 0.9 * limit ? 'bad' : null,
      ],
      ['with cache', on && n[USAGE] > n[MEMORY] && bytes(n[USAGE])],
      ['Network', on && rate(n[RX]) + ' in, ' + rate(n[TX]) + ' out'],
      ['Disk', on && rate(n[READ]) + ' read, ' + rate(n[WRITTEN]) + ' written'],
      ['Tasks', on && count(n[PIDS]) + (last.PidsLimit ? ' of ' + count(last.PidsLimit) : '')],
      ['Files', n && n[DISK] >= 0 && bytes(n[DISK])],
      ['Log', n && n[LOG] > 0 && bytes(n[LOG])],
      [
        'Restarts',
        last.Restarts || last.RestartsHour
          ? last.RestartsHour + ' in the last hour, ' + last.Restarts + ' in all'
          : 'none',
      ],
      ['Policy', last.Policy],
      ['Image', last.Image],
      ['Project', last.Project && last.Project + (last.Service ? ' / ' + last.Service : '')],
      ['Ports', (last.Ports ?? []).join(', ')],
      ['Created', time(last.Created) && date(time(last.Created))],
      ['ID', id.slice(0, 12)],
    ]);
  }
  draw();
  show(open || 'graphs');
  const stop = listen(what => {
    draw();
    panel.told?.(what);
  });
  return () => {
    stop();
    end();
  };
}
