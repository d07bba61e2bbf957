// Graphs over a span of the past, drawn by uPlot, with the events of that span as lines.
import {attr, button, el, order, text} from './dom.js';
import {CPU, DISK, MEMORY, PIDS, READ, RX, THROTTLED, TX, WRITTEN, get} from './data.js';
import {bytes, clock, count, date, percent, rate, tick} from './format.js';
import {dataFiles, hottest} from './hosts.js';
import {kindOf, sentence} from './events.js';

export const spans = [
  ['10 min', 600],
  ['1 h', 3600],
  ['1 day', 86400],
  ['30 days', 30 * 86400],
  ['1 year', 365 * 86400],
];

const hundred = v => (v === null || v === undefined ? null : v * 100);
const celsius = v => (v === null || v === undefined ? '–' : v.toFixed(1) + ' °C');
const two = v => (v === null || v === undefined ? '–' : v.toFixed(2));

// A plot is a graph: lines are [column of the history, label, colour], in the order in which they are drawn. limit
// returns a level that is shown when the lines come near it.
const ofContainer = [
  {
    title: 'CPU',
    unit: percent,
    scale: hundred,
    note: 'of one processor',
    lines: [
      ['cpu_max', 'highest', 'faint'],
      ['cpu', 'mean', 'first'],
      ['throttled', 'held back', 'warn'],
    ],
    limit: about => about?.CPULimit * 100,
  },
  {
    title: 'Memory',
    unit: bytes,
    binary: true,
    lines: [
      ['memory_max', 'highest', 'faint'],
      ['memory', 'working set', 'first'],
    ],
    limit: about => about?.MemoryLimit,
  },
  {
    title: 'Network',
    unit: rate,
    binary: true,
    lines: [
      ['rx', 'received', 'first'],
      ['tx', 'sent', 'second'],
    ],
  },
  {
    title: 'Disk',
    unit: rate,
    binary: true,
    lines: [
      ['read', 'read', 'first'],
      ['written', 'written', 'second'],
    ],
  },
  {title: 'Tasks', unit: count, lines: [['pids', 'tasks', 'first']], limit: about => about?.PidsLimit},
  {title: 'Files', unit: bytes, binary: true, lines: [['disk', 'own layer', 'first']]},
];

const ofHost = [
  {
    title: 'CPU',
    unit: percent,
    scale: (v, about) => (v === null || v === undefined ? null : (100 * v) / (about?.CPUs || 1)),
    note: 'of all processors',
    lines: [
      ['cpu_max', 'highest', 'faint'],
      ['cpu', 'busy', 'first'],
      ['iowait', 'waiting for disks', 'second'],
    ],
  },
  {title: 'Load', unit: two, lines: [['load', 'last minute', 'first']], limit: about => about?.CPUs},
  {
    title: 'Memory',
    unit: bytes,
    binary: true,
    lines: [
      ['memory_max', 'highest', 'faint'],
      ['memory', 'in use', 'first'],
      ['swap', 'swap', 'second'],
    ],
    limit: about => about?.Memory?.Total,
  },
  {
    title: 'Network',
    unit: rate,
    binary: true,
    lines: [
      ['rx', 'received', 'first'],
      ['tx', 'sent', 'second'],
    ],
  },
  {
    title: 'Disks',
    unit: rate,
    binary: true,
    lines: [
      ['read', 'read', 'first'],
      ['written', 'written', 'second'],
    ],
  },
  {
    title: 'Data',
    unit: bytes,
    binary: true,
    lines: [['disk', 'in use', 'first']],
    limit: about => dataFiles(about)?.Total,
  },
  {title: 'Inodes', unit: count, lines: [['inodes', 'in use', 'first']], limit: about => dataFiles(about)?.Inodes},
  {title: 'Temperature', unit: celsius, lines: [['heat', 'highest', 'first']]},
];

// now returns the values of columns in a measurement of a second.
function valuesOf(host, series) {
  if (series !== 'host') {
    const n = host.now[series];
    return (
      n && {
        cpu: n[CPU],
        cpu_max: n[CPU],
        throttled: n[THROTTLED],
        memory: n[MEMORY],
        memory_max: n[MEMORY],
        rx: n[RX],
        tx: n[TX],
        read: n[READ],
        written: n[WRITTEN],
        pids: n[PIDS],
        disk: n[DISK] < 0 ? null : n[DISK],
      }
    );
  }
  const m = host.machine,
    f = dataFiles(m),
    used = m.Memory.Total - m.Memory.Available;
  return {
    cpu: m.Rate.CPU,
    cpu_max: m.Rate.CPU,
    iowait: m.Rate.IOWait,
    load: m.Load[0],
    memory: used,
    memory_max: used,
    swap: m.Memory.SwapTotal - m.Memory.SwapFree,
    rx: m.Rate.Rx,
    tx: m.Rate.Tx,
    read: m.Rate.Read,
    written: m.Rate.Written,
    disk: f ? f.Total - f.Available : null,
    inodes: f ? f.Inodes - f.FreeInodes : null,
    heat: hottest(m),
  };
}

// colours are read from the style sheet, which has them for both themes.
const colour = name =>
  getComputedStyle(document.documentElement)
    .getPropertyValue('--' + name)
    .trim();

// binarySteps are the distances of an axis of bytes.
const binarySteps = Array.from({length: 50}, (_, i) => 2 ** i);
const slack = 5; // pixels around an event in which its words are shown
const finest = 5; // seconds that a zoom may go down to

// Graphs are the graphs of one series of one host, on one axis of time.
export class Graphs {
  // about is what limits are read from. Graphs are drawn anew when the theme changes.
  constructor({host, series, about}) {
    Object.assign(this, {
      host,
      series,
      about,
      plots: [],
      events: [],
      live: 600,
      step: 1,
      back: [],
      columns: {},
      times: [],
      from: Date.now() / 1000 - 600,
      to: Date.now() / 1000,
    });
    this.spans = spans.map(([label, seconds]) => button(label, () => this.follow(seconds)));
    this.out = button('Back', () => this.zoomOut(), {
      class: 'plain',
      title: 'To where the zoom came from (Backspace)',
    });
    this.range = el('span', {class: 'dim number'});
    this.grid = el('div', {class: 'graphs'});
    this.note = el('p', {class: 'dim empty', hidden: true});
    this.list = el('ol', {class: 'events'});
    this.listed = el('details', {class: 'listed'}, el('summary', null, 'Events of this span'), this.list);
    this.root = el(
      'section',
      {class: 'past', 'aria-label': 'Graphs'},
      el(
        'div',
        {class: 'tools'},
        el('div', {class: 'choice', role: 'group', 'aria-label': 'Span of time'}, this.spans),
        this.out,
        this.range,
        el('span', {class: 'grow'}),
        el('span', {class: 'dim hint'}, 'drag to zoom · double click to go back'),
      ),
      this.note,
      this.grid,
      this.listed,
    );
    this.root.addEventListener('keydown', e => this.key(e));
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.grid);
    this.themed = () => this.build();
    addEventListener('themed', this.themed);
    this.build();
    this.follow(600);
  }

  close() {
    this.closed = true;
    this.asking?.abort();
    clearTimeout(this.timer);
    this.resized.disconnect();
    removeEventListener('themed', this.themed);
    for (const p of this.plots) p.chart.destroy();
  }

  // build makes the graphs.
  build() {
    for (const p of this.plots) p.chart.destroy();
    this.plots = [];
    this.grid.replaceChildren();
    if (!window.uPlot) {
      this.note.hidden = false;
      text(this.note, 'This file was built without charts: make build fetches them. The numbers above are live.');
      return;
    }
    const sync = uPlot.sync('time' + this.host + this.series);
    for (const plot of this.series === 'host' ? ofHost : ofContainer) this.plots.push(this.make(plot, sync));
    this.show();
  }

  make(plot, sync) {
    const values = plot.lines.map(([, label, kind]) => {
      const v = el('span', {class: 'number'});
      return {v, root: el('span', {class: 'value'}, el('i', {class: 'line-' + kind}), label + ' ', v)};
    });
    const limit = el('span', {class: 'dim number'}),
      tip = el('div', {class: 'tip', hidden: true});
    const area = el('div', {class: 'area', tabindex: 0, role: 'img'});
    const root = el(
      'figure',
      null,
      el(
        'figcaption',
        null,
        el('b', null, plot.title),
        plot.note && el('span', {class: 'dim'}, ' ' + plot.note),
        ' ',
        values.map(v => v.root),
        limit,
      ),
      area,
    );
    this.grid.append(root);
    const p = {plot, values, limit, area, tip, root};
    p.chart = new uPlot(this.options(p, sync), [[], ...plot.lines.map(() => [])], area);
    p.chart.over.append(tip);
    p.chart.over.addEventListener('dblclick', () => this.zoomOut());
    return p;
  }

  options(p, sync) {
    const {plot} = p,
      font = '11px system-ui, sans-serif';
    const axis = {
      stroke: colour('dim'),
      font,
      grid: {stroke: colour('grid'), width: 1},
      ticks: {show: false},
      gap: 4,
    };
    return {
      width: Math.max(200, p.area.clientWidth),
      height: 150,
      padding: [6, 4, 0, 0],
      legend: {show: false},
      cursor: {
        drag: {x: true, y: false, setScale: false, dist: 4},
        // a span that is drawn on one graph is not drawn on all: each would zoom
        sync: {key: sync.key, setSeries: false, filters: {pub: type => type !== 'mousedown' && type !== 'mouseup'}},
        points: {size: 6},
        y: false,
      },
      scales: {
        x: {time: true, range: () => [this.from, this.to]},
        y: {
          range: (u, low, high) => {
            const top = Math.max(
              high ?? 0,
              plot.unit === percent ? 1 : plot.unit === count ? 4 : plot.unit === two ? 0.1 : 64,
            );
            const level = plot.limit?.(this.about?.());
            return [0, level && top > level / 2 ? Math.max(level, top) * 1.06 : top * 1.12];
          },
        },
      },
      axes: [
        {...axis, space: 70, size: 24, values: times},
        {
          ...axis,
          size: 66,
          space: 28,
          ...(plot.binary ? {incrs: binarySteps} : {}),
          values: (u, ticks) => ticks.map(v => tick(plot.unit, v)),
        },
      ],
      series: [
        {},
        ...plot.lines.map(([, label, kind], i) => ({
          label,
          stroke: colour('line-' + kind),
          points: {show: false},
          width: kind === 'faint' ? 1 : 1.4,
          spanGaps: false,
          fill: kind === 'first' && plot.lines.length - i <= 2 ? colour('fill') : undefined,
        })),
      ],
      hooks: {
        draw: [u => this.drawMarks(u, plot)],
        setCursor: [u => this.read(p, u)],
        setSelect: [
          u => {
            if (u.select.width < 4) return;
            const from = u.posToVal(u.select.left, 'x'),
              to = u.posToVal(u.select.left + u.select.width, 'x');
            u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
            this.zoom(from, to);
          },
        ],
      },
    };
  }

  // drawMarks draws the limit and the events onto a graph.
  drawMarks(u, plot) {
    const c = u.ctx,
      ratio = devicePixelRatio || 1,
      {left, top, width, height} = u.bbox;
    c.save();
    c.lineWidth = ratio;
    const level = plot.limit?.(this.about?.());
    if (level && level <= u.scales.y.max) {
      const y = Math.round(u.valToPos(level, 'y', true));
      c.strokeStyle = colour('bad');
      c.setLineDash([4 * ratio, 3 * ratio]);
      c.beginPath();
      c.moveTo(left, y);
      c.lineTo(left + width, y);
      c.stroke();
      c.setLineDash([]);
    }
    for (const e of this.events) {
      const x = Math.round(u.valToPos(e.At / 1000, 'x', true)) + 0.5;
      if (x < left || x > left + width) continue;
      c.strokeStyle = c.fillStyle = colour('event-' + kindOf(e));
      c.globalAlpha = 0.55;
      c.beginPath();
      c.moveTo(x, top);
      c.lineTo(x, top + height);
      c.stroke();
      c.globalAlpha = 1;
      c.beginPath();
      c.moveTo(x - 3 * ratio, top);
      c.lineTo(x + 3 * ratio, top);
      c.lineTo(x, top + 5 * ratio);
      c.fill();
    }
    c.restore();
  }

  // read shows the values under the cursor, else the last ones, and the events that it is near.
  read(p, u) {
    const {idx, left} = u.cursor,
      on = idx !== null && idx !== undefined && left >= 0;
    p.values.forEach(({v}, i) => {
      const all = u.data[i + 1];
      let at = on ? idx : all.length - 1;
      if (!on) while (at > 0 && (all[at] === null || all[at] === undefined)) at--;
      text(v, p.plot.unit(all[at] ?? null));
    });
    const own = u.cursor.event && u.over.matches(':hover');
    if (on && own) this.said(date(u.data[0][idx] * 1000));
    else if (!on && own !== false) this.said(null);
    const near = on && own ? this.events.filter(e => Math.abs(u.valToPos(e.At / 1000, 'x') - left) <= slack) : [];
    p.tip.hidden = near.length === 0;
    if (near.length) {
      const shown = near.slice(0, 6).map(e => el('div', null, clock(e.At) + ' ' + sentence(e)));
      if (near.length > 6) shown.push(el('div', null, 'and ' + (near.length - 6) + ' more'));
      order(p.tip, shown);
      const right = left > u.over.clientWidth / 2;
      p.tip.style.left = right ? '' : left + 8 + 'px';
      p.tip.style.right = right ? u.over.clientWidth - left + 8 + 'px' : '';
    }
  }

  said(moment) {
    text(this.range, moment ?? date(this.from * 1000) + ' – ' + (this.live ? 'now' : date(this.to * 1000)));
  }

  // follow shows the last seconds until now, and goes along.
  follow(seconds) {
    this.live = seconds;
    this.back = [];
    this.load();
  }

  // zoom shows a span of the past that stands still.
  zoom(from, to) {
    if (to - from < finest) {
      const middle = (from + to) / 2;
      [from, to] = [middle - finest / 2, middle + finest / 2];
    }
    this.back.push(this.live ? {live: this.live} : {from: this.from, to: this.to});
    this.live = 0;
    [this.from, this.to] = [from, Math.min(to, Date.now() / 1000)];
    this.load();
  }

  zoomOut() {
    const last = this.back.pop();
    if (!last) return;
    if (last.live) this.live = last.live;
    else [this.from, this.to, this.live] = [last.from, last.to, 0];
    this.load();
  }

  // key moves and zooms by keys.
  key(e) {
    if (e.ctrlKey || e.altKey || e.metaKey || !e.target.closest('.area')) return;
    const width = this.to - this.from,
      move = by => {
        this.live = 0;
        [this.from, this.to] = [this.from + by * width, Math.min(this.to + by * width, Date.now() / 1000)];
        this.load();
      };
    const does = {
      ArrowLeft: () => move(-0.25),
      ArrowRight: () => move(0.25),
      Backspace: () => this.zoomOut(),
      '+': () => this.zoom(this.from + width / 4, this.to - width / 4),
      '-': () => this.zoom(this.from - width / 2, this.to + width / 2),
      0: () => this.follow(600),
    }[e.key];
    if (!does) return;
    e.preventDefault();
    does();
  }

  // load asks for the history and the events of the span.
  async load() {
    if (this.closed) return;
    this.asking?.abort();
    clearTimeout(this.timer);
    const asking = (this.asking = new AbortController());
    if (this.live) [this.from, this.to] = [Date.now() / 1000 - this.live, Date.now() / 1000];
    spans.forEach(([, seconds], i) => attr(this.spans[i], 'aria-pressed', String(seconds === this.live)));
    this.out.hidden = this.back.length === 0;
    this.said(null);
    const span = {host: this.host, from: Math.floor(this.from * 1000), to: Math.ceil(this.to * 1000)};
    const points = Math.min(2000, Math.max(100, Math.round(this.grid.clientWidth / (this.columnsOfGrid() * 1.5))));
    try {
      const [past, events] = await Promise.all([
        get('history', {...span, series: this.series, points}, asking.signal),
        get('events', {...span, id: this.series === 'host' ? null : this.series}, asking.signal).catch(() => []),
      ]);
      this.take(past);
      this.events = events;
      if (window.uPlot) this.note.hidden = true;
    } catch (err) {
      if (asking.signal.aborted) return;
      this.times = [];
      this.note.hidden = false;
      text(this.note, 'No history: ' + err.message);
    }
    if (this.closed || asking.signal.aborted) return;
    this.show();
    // finer spans grow by what is measured; coarser ones are asked for again
    if (this.live > 600) this.timer = setTimeout(() => this.load(), Math.max(10, this.step) * 1000);
  }

  columnsOfGrid() {
    return this.grid.clientWidth > 900 ? 2 : 1;
  }

  take(past) {
    const start = Date.parse(past.At) / 1000,
      length = past.Values?.[0]?.length ?? 0;
    this.step = past.Step;
    this.times = Array.from({length}, (_, i) => start + i * past.Step);
    this.columns = {};
    (past.Columns ?? []).forEach((c, i) => {
      this.columns[c] = past.Values[i];
    });
  }

  // measured adds a measurement of this second.
  measured(host) {
    if (this.live !== 600 || this.closed) {
      if (this.live && !this.closed) {
        // the axis moves on
        const now = host.at / 1000;
        if (now - this.to > this.live / 200) {
          [this.from, this.to] = [now - this.live, now];
          this.show();
        }
      }
      return;
    }
    const values = valuesOf(host, this.series),
      at = host.at / 1000,
      last = this.times.at(-1);
    [this.from, this.to] = [at - this.live, at];
    if (values && !(last >= at - 0.5)) {
      const gap = last !== undefined && at - last > Math.max(3 * this.step, 15);
      if (gap) this.push(last + this.step, {});
      this.push(at, values);
    }
    let old = 0;
    while (old < this.times.length && this.times[old] < this.from - 5) old++;
    if (old > 50) {
      this.times.splice(0, old);
      for (const c of Object.values(this.columns)) c.splice(0, old);
    }
    this.show();
  }

  push(at, values) {
    for (const {lines} of this.series === 'host' ? ofHost : ofContainer) {
      for (const [column] of lines) {
        this.columns[column] ??= this.times.map(() => null);
      }
    }
    this.times.push(at);
    for (const [column, c] of Object.entries(this.columns)) c.push(values[column] ?? null);
  }

  // happened adds an event.
  happened(event) {
    if (!this.live) return;
    this.events.push(event);
    this.show();
  }

  // show draws what is known.
  show() {
    for (const p of this.plots) {
      const {plot} = p;
      const data = plot.lines.map(([column]) =>
        (this.columns[column] ?? this.times.map(() => null)).map(v =>
          plot.scale ? plot.scale(v, this.about?.()) : (v ?? null),
        ),
      );
      p.root.hidden = plot.title === 'Temperature' && data[0].every(v => v === null);
      p.chart.setData([this.times, ...data]);
      plot.lines.forEach(([, , kind], i) => {
        p.values[i].root.hidden = kind === 'warn' && !data[i].some(v => v > 0);
      });
      const level = plot.limit?.(this.about?.());
      text(p.limit, level ? 'limit ' + plot.unit(level) : '');
      this.read(p, p.chart);
      attr(p.area, 'aria-label', plot.title + ': ' + p.values.map(({root}) => root.textContent).join(', '));
    }
    const inside = this.events.filter(e => e.At >= this.from * 1000 && e.At <= this.to * 1000);
    this.listed.hidden = inside.length === 0;
    if (this.listed.open || !this.list.firstChild) {
      order(
        this.list,
        inside
          .slice(-200)
          .reverse()
          .map(e =>
            el('li', {class: 'event-' + kindOf(e)}, el('span', {class: 'number dim'}, date(e.At)), ' ' + sentence(e)),
          ),
      );
    }
    if (!this.plots.some(p => p.chart.over.matches(':hover'))) this.said(null);
  }

  resize() {
    for (const p of this.plots) {
      const width = Math.max(200, p.area.clientWidth);
      if (width !== p.chart.width) p.chart.setSize({width, height: 150});
    }
  }
}

// times formats the moments of an axis: no more than what tells them apart.
const shortTime = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit'});
const shortDay = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});
const shortMonth = new Intl.DateTimeFormat('en-GB', {month: 'short', year: '2-digit'});
function times(u, ticks, axis, space, step) {
  return ticks.map(t => {
    const d = new Date(t * 1000);
    if (step < 60) return clock(d);
    if (step < 86400) return d.getHours() || d.getMinutes() ? shortTime.format(d) : shortDay.format(d);
    return step < 28 * 86400 ? shortDay.format(d) : shortMonth.format(d);
  });
}
