// The rows of the table of containers, and what their columns show.
import {attr, el, text} from './dom.js';
import {CPU, MEMORY, PIDS, READ, RX, TX, WRITTEN} from './data.js';
import {brief, bytes, count, percent, rate, time} from './format.js';

const svg = 'http://www.w3.org/2000/svg';

// columns are what the table shows. sort is what a row is sorted by; rates are those that change each second.
export const columns = [
  {key: 'name', title: 'Name', sort: r => r.row.Project || r.row.Name},
  {key: 'host', title: 'Host', sort: r => r.host.name},
  {key: 'state', title: 'State', sort: r => r.mark + r.row.State},
  {
    key: 'restarts',
    title: 'Restarts',
    sort: r => (r.row.RestartsHour ?? 0) * 1e6 + (r.row.Restarts ?? 0),
    number: true,
    note: 'In the last hour, and since it was started by hand',
  },
  {
    key: 'cpu',
    title: 'CPU',
    sort: r => r.n?.[CPU],
    number: true,
    rate: true,
    note: 'Of one processor; the last minute',
  },
  {
    key: 'memory',
    title: 'Memory',
    sort: r => r.n?.[MEMORY],
    number: true,
    rate: true,
    note: 'Working set, and its share of the limit',
  },
  {
    key: 'net',
    title: 'Network in, out',
    sort: r => r.n && r.n[RX] + r.n[TX],
    number: true,
    rate: true,
    note: 'Received and sent, by second',
  },
  {
    key: 'io',
    title: 'Disk read, written',
    sort: r => r.n && r.n[READ] + r.n[WRITTEN],
    number: true,
    rate: true,
    note: 'Read and written, by second',
  },
  {key: 'pids', title: 'Tasks', sort: r => r.n?.[PIDS], number: true, rate: true},
  {key: 'image', title: 'Image', sort: r => r.row.Image},
  {key: 'ports', title: 'Ports', sort: r => (r.row.Ports ?? []).join()},
];

// mark says how a container is: bad, warn, good or none, the worst first.
export function mark(row) {
  if (row.Health === 'unhealthy' || row.State === 'dead') return 'bad';
  if (row.State === 'restarting' || row.RestartsHour > 3) return 'bad';
  if (row.State === 'exited') return row.ByHand || row.Exit === 0 ? 'off' : 'bad';
  if (row.State === 'paused' || row.Health === 'starting') return 'warn';
  return row.State === 'running' ? 'good' : 'off';
}

// stateText says how a container is, in words.
export function stateText(row) {
  const since = value => {
    const t = time(value);
    return t === null ? '' : ' ' + brief((Date.now() - t) / 1000);
  };
  switch (row.State) {
    case 'running':
      return (
        (row.Health === 'unhealthy' ? 'unhealthy, ' : '') +
        'up' +
        since(row.Started) +
        (row.Health && row.Health !== 'unhealthy' ? ', ' + row.Health : '')
      );
    case 'exited':
    case 'dead':
      return (
        (row.OOMKilled ? 'out of memory' : 'exited ' + row.Exit) +
        (time(row.Ended) ? ',' + since(row.Ended) + ' ago' : '')
      );
    case 'restarting':
      return 'restarting, exited ' + row.Exit;
    default:
      return row.State;
  }
}

export const address = (host, id) => '#/c/' + encodeURIComponent(host) + '/' + encodeURIComponent(id);

// two shows two rates side by side, in columns of their own.
function two(cell) {
  const a = el('span'),
    b = el('span');
  cell.append(a, b);
  return (x, y) => {
    text(a, x || y ? rate(x) : '');
    text(b, x || y ? rate(y) : '');
  };
}

// spark makes a sparkline. Screen readers have the number beside it.
function spark() {
  const line = document.createElementNS(svg, 'polyline');
  const e = document.createElementNS(svg, 'svg');
  e.setAttribute('class', 'spark');
  e.setAttribute('viewBox', '0 0 60 16');
  e.setAttribute('preserveAspectRatio', 'none');
  e.setAttribute('aria-hidden', 'true');
  e.append(line);
  e.draw = values => {
    if (!values || values.length < 2) return line.setAttribute('points', '');
    const top = Math.max(0.05, ...values);
    line.setAttribute(
      'points',
      values
        .map((v, i) => (60 - (values.length - 1 - i)).toFixed(0) + ',' + (15 - (14 * v) / top).toFixed(1))
        .join(' '),
    );
  };
  return e;
}

// line is a row of the table, made once and changed as its container changes.
export function line() {
  const cells = {};
  const tr = el('tr');
  const link = el('a');
  const dot = el('span', {class: 'dot', 'aria-hidden': 'true'});
  for (const c of columns) {
    cells[c.key] = el(c.key === 'name' ? 'th' : 'td', {
      class: c.key + (c.number ? ' number' : ''),
      scope: c.key === 'name' ? 'row' : null,
    });
    tr.append(cells[c.key]);
  }
  cells.name.append(dot, link);
  const graph = spark(),
    cpu = el('span');
  cells.cpu.append(el('div', {class: 'pair'}, graph, cpu));
  const bar = el('meter', {min: 0, max: 1, 'aria-hidden': 'true'}),
    memory = el('span');
  cells.memory.append(el('div', {class: 'pair'}, bar, memory));
  const net = two(cells.net),
    io = two(cells.io);
  tr.update = r => {
    const {row, host, n} = r;
    attr(tr, 'class', 'is-' + r.mark + (host.dead ? ' gone' : '') + (r.inner ? ' inner' : ''));
    text(link, row.Name);
    attr(link, 'href', address(host.name, row.ID));
    attr(link, 'title', row.LastError || null);
    text(cells.host, host.name);
    text(cells.state, stateText(row) + (r.mark === 'bad' && row.LastError ? ': ' + row.LastError : ''));
    text(
      cells.restarts,
      row.Restarts || row.RestartsHour ? (row.RestartsHour ?? 0) + ' / ' + (row.Restarts ?? 0) : '',
    );
    const on = n && (row.State === 'running' || row.State === 'paused');
    text(cpu, on ? percent(100 * n[CPU]) : '');
    graph.draw(on ? host.sparks.get(row.ID) : null);
    text(memory, on ? bytes(n[MEMORY]) : '');
    const share = on && row.MemoryLimit ? n[MEMORY] / row.MemoryLimit : 0;
    bar.hidden = !(on && row.MemoryLimit);
    if (!bar.hidden) bar.value = share;
    attr(bar, 'class', share > 0.9 ? 'bad' : share > 0.75 ? 'warn' : null);
    attr(
      cells.memory,
      'title',
      on && row.MemoryLimit ? percent(100 * share) + ' of ' + bytes(row.MemoryLimit) : null,
    );
    net(on && n[RX], on && n[TX]);
    io(on && n[READ], on && n[WRITTEN]);
    text(cells.pids, on ? count(n[PIDS]) : '');
    text(cells.image, row.Image);
    text(cells.ports, (row.Ports ?? []).join(', '));
  };
  return tr;
}

// head is the row of a Compose project, with the sums of what is in it.
export function head(toggle) {
  const cells = {},
    tr = el('tr', {class: 'project'});
  for (const c of columns) {
    cells[c.key] = el(c.key === 'name' ? 'th' : 'td', {
      class: c.key + (c.number ? ' number' : ''),
      scope: c.key === 'name' ? 'row' : null,
    });
    tr.append(cells[c.key]);
  }
  const b = el('button', {type: 'button', class: 'fold', onclick: () => toggle(tr.key)});
  cells.name.append(b);
  const net = two(cells.net),
    io = two(cells.io);
  tr.update = (key, name, members, folded) => {
    tr.key = key;
    text(b, (folded ? '▸ ' : '▾ ') + name);
    attr(b, 'aria-expanded', String(!folded));
    const up = members.filter(r => r.row.State === 'running');
    const sum = i => up.reduce((all, r) => all + (r.n?.[i] ?? 0), 0);
    text(cells.host, [...new Set(members.map(r => r.host.name))].join(', '));
    const bad = members.filter(r => r.mark === 'bad').length;
    text(cells.state, up.length + ' of ' + members.length + ' up' + (bad ? ', ' + bad + ' in trouble' : ''));
    attr(tr, 'class', 'project' + (bad ? ' is-bad' : ''));
    text(cells.restarts, '');
    text(cells.cpu, percent(100 * sum(CPU)));
    text(cells.memory, bytes(sum(MEMORY)));
    net(sum(RX), sum(TX));
    io(sum(READ), sum(WRITTEN));
    text(cells.pids, count(sum(PIDS)));
  };
  return tr;
}
