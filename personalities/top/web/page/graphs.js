// Graphs over a span of the past, on one axis of time, with the events of that span.
import {attr, button, el, order, text} from './dom.js';
import {get} from './data.js';
import {date} from './format.js';
import {kindOf, sentence} from './events.js';
import {Plot} from './plot.js';
import {plotsOf, spans, valuesOf} from './plots.js';

const finest = 5; // seconds that a zoom may go down to
const live = 600; // seconds of the span that grows by each measurement
const listed = 200; // events below the graphs

// Graphs are the graphs of one series of one host.
export class Graphs {
  // about returns what limits are read from.
  constructor({host, series, about}) {
    Object.assign(this, {host, series, about, key: host + '/' + series, live, step: 1});
    Object.assign(this, {plots: [], events: [], back: [], columns: {}, moments: []});
    [this.from, this.to] = [Date.now() / 1000 - live, Date.now() / 1000];
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
    this.listed.addEventListener('toggle', () => this.listEvents());
    const choice = el('div', {class: 'choice', role: 'group', 'aria-label': 'Span of time'}, this.spans);
    const hint = el('span', {class: 'dim hint'}, 'drag to zoom · double click to go back');
    const tools = el('div', {class: 'tools'}, choice, this.out, this.range, el('span', {class: 'grow'}), hint);
    this.root = el('section', {class: 'past', 'aria-label': 'Graphs'}, tools, this.note, this.grid, this.listed);
    this.root.addEventListener('keydown', e => this.pressed(e));
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.grid);
    this.themed = () => this.build();
    addEventListener('themed', this.themed);
    this.seen = () => document.hidden || (this.live && this.load());
    document.addEventListener('visibilitychange', this.seen);
    this.build();
    this.follow(live);
  }

  close() {
    this.closed = true;
    this.asking?.abort();
    clearTimeout(this.timer);
    this.resized.disconnect();
    removeEventListener('themed', this.themed);
    document.removeEventListener('visibilitychange', this.seen);
    for (const p of this.plots) p.close();
  }

  // build makes the graphs, anew when the theme changes.
  build() {
    for (const p of this.plots) p.close();
    this.plots = [];
    this.grid.replaceChildren();
    if (!window.uPlot) {
      this.note.hidden = false;
      text(this.note, 'This file was built without charts: make build fetches them. The numbers above are live.');
      return;
    }
    this.plots = plotsOf(this.series).map(plot => new Plot(this, plot));
    this.grid.append(...this.plots.map(p => p.root));
    for (const p of this.plots) p.open();
    this.show();
  }

  resize() {
    for (const p of this.plots) if (!p.root.hidden) p.resize();
  }

  // said shows the moment under the cursor, else the span.
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
    this.back.push({live: this.live, from: this.from, to: this.to});
    this.stand(from, to);
  }

  stand(from, to) {
    this.live = 0;
    [this.from, this.to] = [from, Math.min(to, Date.now() / 1000)];
    this.load();
  }

  zoomOut() {
    const last = this.back.pop();
    if (!last) return;
    [this.live, this.from, this.to] = [last.live, last.from, last.to];
    this.load();
  }

  // pressed moves and zooms by keys.
  pressed(e) {
    if (e.ctrlKey || e.altKey || e.metaKey || !e.target.closest('.area')) return;
    const {from, to} = this;
    const wide = to - from;
    const does = {
      ArrowLeft: () => this.stand(from - wide / 4, to - wide / 4),
      ArrowRight: () => this.stand(from + wide / 4, to + wide / 4),
      '+': () => this.zoom(from + wide / 4, to - wide / 4),
      '-': () => this.zoom(from - wide / 2, to + wide / 2),
      Backspace: () => this.zoomOut(),
      0: () => this.follow(live),
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
    const wide = this.grid.clientWidth / (this.grid.clientWidth > 900 ? 2 : 1);
    const points = Math.min(2000, Math.max(100, Math.round(wide / 1.5)));
    const id = this.series === 'host' ? null : this.series;
    try {
      const [past, events] = await Promise.all([
        get('history', {...span, series: this.series, points}, asking.signal),
        get('events', {...span, id}, asking.signal).catch(() => []),
      ]);
      this.take(past);
      this.events = events;
      if (window.uPlot) this.note.hidden = true;
    } catch (err) {
      if (asking.signal.aborted) return;
      this.moments = [];
      this.columns = {};
      this.note.hidden = false;
      text(this.note, 'No history: ' + err.message);
    }
    if (this.closed || asking.signal.aborted) return;
    this.show();
    // the finest span grows by what is measured; the others are asked for again
    if (this.live > live && !document.hidden)
      this.timer = setTimeout(() => this.load(), Math.max(10, this.step) * 1000);
  }

  take(past) {
    const start = Date.parse(past.At) / 1000;
    const length = Math.max(0, ...(past.Values ?? []).map(v => v?.length ?? 0));
    this.step = past.Step || 1;
    this.moments = Array.from({length}, (_, i) => start + i * this.step);
    this.columns = {};
    (past.Columns ?? []).forEach((name, i) => {
      const values = past.Values?.[i] ?? [];
      this.columns[name] = this.moments.map((_, n) => values[n] ?? null);
    });
  }

  // measured adds the measurement of this second.
  measured(host) {
    if (!this.live || this.closed) return;
    const now = host.at / 1000;
    if (this.live !== live) {
      if (now - this.to > this.live / 200) {
        [this.from, this.to] = [now - this.live, now]; // the axis moves on
        this.show();
      }
      return;
    }
    [this.from, this.to] = [now - live, now];
    const values = valuesOf(host, this.series);
    const last = this.moments.at(-1);
    if (values && !(last >= now - 0.5)) {
      if (last !== undefined && now - last > Math.max(3 * this.step, 15)) this.push(last + this.step, {});
      this.push(now, values);
    }
    this.forget();
    this.show();
  }

  push(moment, values) {
    for (const name of Object.keys(values)) this.columns[name] ??= this.moments.map(() => null);
    this.moments.push(moment);
    for (const [name, column] of Object.entries(this.columns)) column.push(values[name] ?? null);
  }

  // forget drops what has left the axis, some moments at once.
  forget() {
    const old = this.moments.findIndex(m => m >= this.from - 5);
    if (old <= 50) return;
    this.moments.splice(0, old);
    for (const column of Object.values(this.columns)) column.splice(0, old);
  }

  // happened adds an event.
  happened(event) {
    if (!this.live) return;
    this.events.push(event);
    this.show();
  }

  // show draws what is known.
  show() {
    for (const p of this.plots) p.show(this.moments, this.columns);
    this.listEvents();
    if (!this.plots.some(p => p.chart.over.matches(':hover'))) this.said(null);
  }

  listEvents() {
    const inside = this.events.filter(e => e.At >= this.from * 1000 && e.At <= this.to * 1000);
    this.listed.hidden = inside.length === 0;
    if (!this.listed.open) return;
    const items = inside.slice(-listed).reverse();
    const item = e =>
      el('li', {class: 'event-' + kindOf(e)}, el('span', {class: 'number dim'}, date(e.At)), ' ' + sentence(e));
    order(this.list, items.map(item));
  }
}
