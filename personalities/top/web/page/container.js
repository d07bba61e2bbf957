// The page of one container.
import {attr, button, el, text} from './dom.js';
import {CPU, DISK, LOG, MEMORY, PIDS, READ, RX, TX, USAGE, WRITTEN, get, hosts, listen, session} from './data.js';
import {containerActions} from './actions.js';
import {bytes, count, date, percent, rate, time} from './format.js';
import {facts, table} from './hosts.js';
import {Graphs} from './graphs.js';
import {logView} from './log.js';
import {mark, stateText} from './list.js';
import {terminal} from './terminal.js';

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
      text(
        alarm,
        h
          ? 'There is no such container on ' + host + ' now; what its history kept is below.'
          : 'There is no host ' + host + '.',
      );
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

// views fill the panel of a tab, and return what ends them.
const views = {
  graphs(panel, host, id, row) {
    const graphs = new Graphs({host, series: id, about: row});
    panel.append(graphs.root);
    panel.told = ({kind, host: h, event}) => {
      if (h?.name !== host) return;
      if (kind === 'now') graphs.measured(h);
      if (kind === 'event' && event.ID === id) graphs.happened(event);
    };
    return () => {
      panel.told = null;
      graphs.close();
    };
  },

  log: (panel, host, id) => logView(panel, host, id),

  processes(panel, host, id) {
    const note = el('p', {class: 'dim empty'});
    let grid = null,
      titles = '',
      timer = 0,
      over = false;
    panel.append(note);
    async function load() {
      try {
        const top = await get('containers/' + encodeURIComponent(id) + '/top', {host});
        if (over) return;
        if (titles !== top.Titles.join()) {
          grid?.remove();
          const numbers = ['PID', 'PPID', 'C', '%CPU', '%MEM', 'VSZ', 'RSS', 'TIME'];
          grid = table(
            'Processes',
            top.Titles.map(t => [
              t,
              numbers.includes(t) ? 'number' : t === 'CMD' || t === 'COMMAND' ? 'command' : '',
            ]),
          );
          panel.append(el('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Processes'}, grid));
          titles = top.Titles.join();
        }
        grid.set(top.Processes ?? []);
        text(note, '');
      } catch (err) {
        text(note, err.message);
        grid?.set([]);
      }
      if (!over) timer = setTimeout(load, 3000);
    }
    load();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  },

  environment(panel, host, id) {
    const note = el('p', {class: 'dim empty'}),
      grid = table('Environment', [['Name'], ['Value', 'command']]);
    panel.append(note, el('div', {class: 'scroll'}, grid));
    const load = () =>
      get('containers/' + encodeURIComponent(id), {host}).then(
        about => {
          text(
            note,
            about.Hidden
              ? 'Values are shown to those who may act.'
              : about.Env.length
                ? ''
                : 'The environment is empty.',
          );
          grid.set(about.Env.map(v => [v.Name, v.Value ?? (about.Hidden ? '•••' : '')]));
        },
        err => text(note, err.message),
      );
    panel.told = ({kind}) => {
      if (kind === 'who') load();
    };
    load();
    return () => {
      panel.told = null;
    };
  },

  settings(panel, host, id) {
    const note = el('p', {class: 'dim empty'}),
      list = facts();
    const mounts = table('Mounts', [['In the container'], ['Type'], ['From', 'command'], ['Access']]);
    const networks = table('Networks', [['Name'], ['Address'], ['MAC address']]);
    const labels = table('Labels', [['Name'], ['Value', 'command']]);
    const checks = table('Health checks', [['At'], ['Exit', 'number'], ['Output', 'command']]);
    panel.append(note, list, el('div', {class: 'tables'}, mounts, networks, checks, labels));
    get('containers/' + encodeURIComponent(id), {host}).then(
      about => {
        const c = about.HostConfig,
          some = v => v && v > 0,
          yes = v => (v ? 'yes' : null);
        list.set([
          ['Command', [about.Path, ...(about.Args ?? [])].join(' ')],
          ['User', about.Config.User],
          ['Folder', about.Config.WorkingDir],
          ['Host name', about.Config.Hostname],
          ['Terminal', yes(about.Config.Tty)],
          ['Memory', some(c.Memory) ? bytes(c.Memory) : 'no limit'],
          ['Reserved', some(c.MemoryReservation) ? bytes(c.MemoryReservation) : null],
          ['Memory and swap', some(c.MemorySwap) ? bytes(c.MemorySwap) : null],
          [
            'Processors',
            some(c.NanoCpus) ? c.NanoCpus / 1e9 : some(c.CpuQuota) ? c.CpuQuota / (c.CpuPeriod || 1e5) : 'no limit',
          ],
          ['Shares', some(c.CpuShares) ? c.CpuShares : null],
          ['On processors', c.CpusetCpus],
          ['Tasks', some(c.PidsLimit) ? c.PidsLimit : 'no limit'],
          ['Restart policy', c.RestartPolicy.Name || 'no'],
          ['Network', c.NetworkMode],
          ['Privileged', yes(c.Privileged), 'warn'],
          ['Read-only root', yes(c.ReadonlyRootfs)],
          ['Capabilities', [...(c.CapAdd ?? []).map(x => '+' + x), ...(c.CapDrop ?? []).map(x => '−' + x)].join(' ')],
          ['Security', (c.SecurityOpt ?? []).join(' ')],
          ['Runtime', c.Runtime],
          ['Log driver', c.LogConfig.Type],
          ['Pid', about.State.Pid || null],
          ['Health check', (about.Config.Healthcheck?.Test ?? []).join(' ')],
          ['Stop signal', about.Config.StopSignal],
          ['Error', about.State.Error, 'bad'],
        ]);
        mounts.set(
          (about.Mounts ?? []).map(m => [
            m.Destination,
            m.Type,
            m.Name || m.Source,
            m.RW ? 'read and write' : 'read',
          ]),
        );
        networks.set(
          Object.entries(about.NetworkSettings.Networks ?? {}).map(([n, v]) => [
            n,
            [v?.IPAddress, v?.GlobalIPv6Address].filter(Boolean).join(', '),
            v?.MacAddress ?? '',
          ]),
        );
        labels.set(Object.entries(about.Config.Labels ?? {}));
        checks.set(
          (about.State.Health?.Log ?? []).map(l => [
            date(time(l.Start)),
            String(l.ExitCode),
            l.Output.trim().slice(0, 500),
          ]),
        );
      },
      err => text(note, err.message),
    );
  },

  shell: (panel, host, id, row) => terminal(panel, host, id, row()?.Name ?? id),
};
