// Hosts: a line for each above the containers, and a page for one.
import {attr, el, order, text} from './dom.js';
import {hosts, listen} from './data.js';
import {Graphs} from './graphs.js';
import {ago, brief, bytes, count, date, long, percent, rate, time} from './format.js';
import {dataFiles, facts, full, fullIn, level, table} from './parts.js';

// stateOf says whether a host is alive.
export function stateOf(h) {
  if (h.dead) return 'dead since ' + date(time(h.since)) + ' (' + ago(h.since) + ')' + (h.err ? ': ' + h.err : '');
  if (!h.machine) return 'no answer yet';
  return '';
}

// troubles are what is wrong with a host, in sentences.
const troubles = h =>
  [
    stateOf(h),
    ...h.wrong.filter(w => !h.dead || !w.includes(h.err)),
    ...(h.machine?.Warnings ?? []),
    h.machine?.Clock,
  ].filter(Boolean);

// share is a number with a bar.
function share(title) {
  const bar = el('meter', {min: 0, max: 1, 'aria-hidden': 'true'}),
    value = el('span', {class: 'number'});
  const root = el('span', {class: 'share'}, el('span', {class: 'dim'}, title), bar, value);
  root.set = (part, said, warn = 0.85, bad = 0.95) => {
    bar.value = isFinite(part) ? part : 0;
    attr(bar, 'class', level(part, warn, bad));
    text(value, said);
  };
  return root;
}

// entry is the line of a host.
function entry(h) {
  const link = el('a', {class: 'hostname', href: '#/host/' + encodeURIComponent(h.name)}, h.name);
  const cpu = share('CPU'),
    memory = share('Memory'),
    disk = share('Disk'),
    load = el('span', {class: 'number'});
  const dot = el('span', {class: 'dot', 'aria-hidden': 'true'});
  const more = el('span', {class: 'dim'}),
    alarm = el('span', {class: 'alarm'});
  const numbers = el(
    'span',
    {class: 'numbers'},
    cpu,
    memory,
    disk,
    el('span', {class: 'share'}, el('span', {class: 'dim'}, 'Load '), load),
  );
  const root = el('li', null, el('span', {class: 'who'}, dot, link, more), numbers, alarm);
  root.draw = () => {
    const m = h.machine,
      f = dataFiles(m);
    attr(root, 'class', h.dead ? 'is-bad gone' : m ? 'is-good' : 'is-off');
    const up = [...h.rows.values()].filter(r => r.State === 'running').length;
    text(
      more,
      (h.kind && h.kind !== 'box' ? h.kind + ', ' : '') + (h.rows.size ? up + ' of ' + h.rows.size + ' up' : ''),
    );
    numbers.hidden = !m;
    if (m) {
      cpu.set(m.Rate.CPU / (m.CPUs || 1), percent((100 * m.Rate.CPU) / (m.CPUs || 1)));
      const used = m.Memory.Total - m.Memory.Available;
      memory.set(used / m.Memory.Total, percent((100 * used) / m.Memory.Total));
      disk.hidden = !f;
      if (f) disk.set(full(f), bytes(f.Available) + ' free');
      text(load, m.Load.map(l => l.toFixed(2)).join(' '));
    }
    text(alarm, troubles(h).join(' · '));
    attr(alarm, 'class', h.dead || h.wrong.length ? 'alarm' : 'alarm mild');
  };
  return root;
}

// strip is the lines of all hosts.
export function strip() {
  const root = el('ul', {class: 'hosts', 'aria-label': 'Hosts'}),
    entries = new Map();
  return {
    root,
    draw() {
      const out = [];
      for (const h of hosts.values()) {
        if (!entries.has(h.name)) entries.set(h.name, entry(h));
        entries.get(h.name).draw();
        out.push(entries.get(h.name));
      }
      order(root, out);
    },
  };
}

// hostsPage shows all hosts.
export function hostsPage(root) {
  if (hosts.size === 1) return hostPage(root, [...hosts.keys()][0]);
  const all = strip();
  root.append(el('h1', null, 'Hosts'), all.root);
  all.draw();
  return listen(all.draw);
}

// modes are what processors do, by their names in a measurement.
const modes = [
  ['User', 'user'],
  ['Nice', 'nice'],
  ['System', 'system'],
  ['IOWait', 'waiting for disks'],
  ['IRQ', 'interrupts'],
  ['SoftIRQ', 'soft interrupts'],
  ['Steal', 'stolen'],
  ['Idle', 'idle'],
];

// busy returns the shares of time of each mode between two measurements.
function busy(before, now) {
  const spent = modes.map(([key]) => Math.max(0, now[key] - before[key]));
  const all = spent.reduce((a, b) => a + b, 0);
  return all ? spent.map(s => s / all) : null;
}

// hostPage shows one host.
export function hostPage(root, name) {
  const h = hosts.get(name);
  if (!h) {
    root.append(el('p', {class: 'empty'}, 'There is no host ' + name + '.'));
    return () => {};
  }
  const title = el('h1', null, h.name),
    alarm = el('p', {class: 'alarm'});
  const about = facts(),
    now = facts();
  const bar = el('div', {class: 'stack', role: 'img'}),
    key = el('ul', {class: 'key'});
  const parts = modes.map((_, i) => {
    const e = el('span', {class: 'mode' + i});
    bar.append(e);
    return e;
  });
  const keys = modes.map(([, label], i) => {
    const value = el('span', {class: 'number'});
    key.append(el('li', null, el('i', {class: 'mode' + i}), label + ' ', value));
    return value;
  });
  const files = table('File systems', [
    ['Path'],
    ['Type'],
    ['Device'],
    ['Used', 'number'],
    ['Free', 'number'],
    ['Size', 'number'],
    ['Inodes free', 'number'],
    ['Grows', 'number'],
    ['Full in', 'number'],
  ]);
  const links = table('Interfaces', [
    ['Name'],
    ['Received', 'number'],
    ['Sent', 'number'],
    ['Packets in', 'number'],
    ['Packets out', 'number'],
    ['Dropped', 'number'],
    ['Errors', 'number'],
  ]);
  const disks = table('Disks', [
    ['Name'],
    ['Read', 'number'],
    ['Written', 'number'],
    ['Reads', 'number'],
    ['Writes', 'number'],
  ]);
  const heat = table('Temperature', [['Sensor'], ['°C', 'number']]);
  const graphs = new Graphs({host: h.name, series: 'host', about: () => h.machine});
  root.append(
    title,
    alarm,
    about,
    el('section', {class: 'cpu'}, el('h2', null, 'Processors'), bar, key),
    now,
    graphs.root,
    el('div', {class: 'tables'}, files, disks, links, heat),
  );
  let drawn = null;
  function draw() {
    const m = h.machine;
    text(alarm, troubles(h).join(' · '));
    attr(alarm, 'class', h.dead || h.wrong.length ? 'alarm' : 'alarm mild');
    if (!m || m === drawn) return;
    drawn = m;
    const certificate = time(m.CertEnds);
    about.set([
      ['Name', m.Name],
      ['Kernel', m.Kernel],
      ['Measured by', h.kind + (m.Version ? ' ' + m.Version : '')],
      ['Address', h.address],
      ['Storage driver', m.Driver],
      ['Data root', m.Root],
      ['Control groups', m.Cgroup && 'version ' + m.Cgroup],
      ['Up for', long((Date.now() - time(m.Booted)) / 1000)],
      ['Daemon for', time(m.Started) && long((Date.now() - time(m.Started)) / 1000)],
      ['Certificate ends', certificate && date(certificate), certificate - Date.now() < 14 * 864e5 ? 'warn' : null],
    ]);
    const used = m.Memory.Total - m.Memory.Available,
      swap = m.Memory.SwapTotal - m.Memory.SwapFree;
    now.set([
      ['Load', m.Load.map(l => l.toFixed(2)).join('  ') + ' of ' + m.CPUs],
      ['Memory', bytes(used) + ' of ' + bytes(m.Memory.Total), level(used / m.Memory.Total, 0.85, 0.95)],
      ['Cached', bytes(m.Memory.Cached + m.Memory.Buffers)],
      ['Swap', m.Memory.SwapTotal ? bytes(swap) + ' of ' + bytes(m.Memory.SwapTotal) : 'none'],
      ['Killed for memory', m.Memory.OOMKills ? count(m.Memory.OOMKills) + ' since the boot' : null],
      [
        'Stalled for',
        m.Pressure && ['CPU', 'Memory', 'IO'].map(k => k + ' ' + percent(m.Pressure[k].SomePercent)).join(', '),
      ],
      ['Daemon', m.Daemon.Memory ? bytes(m.Daemon.Memory) + ' of memory' : null],
      ['Images', m.Daemon.Images ? count(m.Daemon.Images) + ', ' + bytes(m.Daemon.ImageBytes) : null],
      ['History', m.Daemon.HistoryBytes ? bytes(m.Daemon.HistoryBytes) : null],
    ]);
    const shares = h.before && busy(h.before.Mode, m.Mode);
    if (shares) {
      shares.forEach((s, i) => {
        parts[i].style.flexGrow = s;
        text(keys[i], percent(100 * s));
      });
      attr(bar, 'aria-label', 'busy ' + percent(100 * (1 - shares.at(-1))));
    }
    files.set(
      (m.Files ?? []).map(f => [
        f.Path + (f.Data ? ' (data)' : ''),
        f.Type,
        f.Device,
        percent(100 * full(f)),
        bytes(f.Available),
        bytes(f.Total),
        f.Inodes ? percent((100 * f.FreeInodes) / f.Inodes) : '',
        Math.abs(f.Growth) >= 1 ? rate(f.Growth) : '',
        isFinite(fullIn(f)) ? brief(fullIn(f)) : '',
      ]),
    );
    const seconds = h.before && h.between ? h.between : null;
    const old = (list, name) => (list ?? []).find(o => o.Name === name);
    const speed = (a, b, k) => (a && b && seconds ? rate(Math.max(0, a[k] - b[k]) / seconds) : bytes(a[k]));
    links.set(
      (m.Network ?? []).map(n => {
        const b = old(h.before?.Network, n.Name);
        return [
          n.Name,
          speed(n, b, 'RxBytes'),
          speed(n, b, 'TxBytes'),
          count(n.RxPackets),
          count(n.TxPackets),
          count(n.RxDropped + n.TxDropped),
          count(n.RxErrors + n.TxErrors),
        ];
      }),
    );
    disks.set(
      (m.Devices ?? []).map(d => {
        const b = old(h.before?.Devices, d.Name);
        return [
          d.Name || d.Major + ':' + d.Minor,
          speed(d, b, 'ReadBytes'),
          speed(d, b, 'WrittenBytes'),
          count(d.Reads),
          count(d.Writes),
        ];
      }),
    );
    heat.set((m.Heat ?? []).map(t => [t.Name, t.Celsius.toFixed(1)]));
  }
  draw();
  const stop = listen(({kind, host, event}) => {
    if (host === h && kind === 'now') graphs.measured(h);
    if (host === h && kind === 'event') graphs.happened(event);
    draw();
  });
  return () => {
    stop();
    graphs.close();
  };
}
