// One graph, drawn by uPlot: its lines, its limit, the events as marks, and what is under the cursor.
import {attr, el, order, text} from './dom.js';
import {clock, count, date, percent, tick} from './format.js';
import {binarySteps, plainNumber, times} from './plots.js';
import {kindOf, sentence} from './events.js';

const height = 150; // pixels
const slack = 5; // pixels around an event in which its words are shown
const maxWords = 6; // events that are told at once

// colour reads a colour from the style sheet, which has them for both themes.
const colour = name => {
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue('--' + name).trim();
};

// A Plot is one of the graphs of owner, by its description in plots.js.
export class Plot {
  constructor(owner, plot) {
    this.owner = owner;
    this.plot = plot;
    this.values = plot.lines.map(([, label, kind]) => {
      const v = el('span', {class: 'number'});
      return {v, root: el('span', {class: 'value'}, el('i', {class: 'line-' + kind}), label + ' ', v)};
    });
    this.limit = el('span', {class: 'dim number limit'});
    this.tip = el('div', {class: 'tip', hidden: true});
    this.area = el('div', {class: 'area', tabindex: 0, role: 'img'});
    const note = plot.note && el('span', {class: 'dim'}, plot.note);
    const caption = el(
      'figcaption',
      null,
      el('b', null, plot.title),
      note,
      this.values.map(v => v.root),
      this.limit,
    );
    this.root = el('figure', null, caption, this.area);
  }

  // open draws the graph for the first time. The root is in the page by then, so that it has a width.
  open() {
    this.chart = new uPlot(this.options(), [[], ...this.plot.lines.map(() => [])], this.area);
    this.chart.over.append(this.tip);
    this.chart.over.addEventListener('dblclick', () => this.owner.zoomOut());
  }

  close() {
    this.chart.destroy();
  }

  options() {
    const {plot, owner} = this;
    const axis = {
      stroke: colour('dim'),
      font: '11px system-ui, sans-serif',
      grid: {stroke: colour('grid'), width: 1},
      ticks: {show: false},
      gap: 4,
    };
    const lines = plot.lines.map(([, label, kind], i) => ({
      label,
      stroke: colour('line-' + kind),
      points: {show: false},
      width: kind === 'faint' ? 1 : 1.4,
      fill: kind === 'first' && plot.lines.length - i <= 2 ? colour('fill') : undefined,
    }));
    return {
      width: Math.max(200, this.area.clientWidth),
      height,
      padding: [6, 4, 0, 0],
      legend: {show: false},
      cursor: {
        drag: {x: true, y: false, setScale: false, dist: 4},
        y: false,
        points: {size: 6},
        // a span that is drawn on one graph is not drawn on all: each would zoom
        sync: {key: owner.key, setSeries: false, filters: {pub: type => type !== 'mousedown' && type !== 'mouseup'}},
      },
      scales: {
        x: {time: true, range: () => [owner.from, owner.to]},
        y: {range: (u, low, high) => this.range(high)},
      },
      axes: [
        {...axis, space: 70, size: 24, values: times},
        {
          ...axis,
          size: 66,
          space: 28,
          values: (u, ticks) => ticks.map(v => tick(plot.unit, v)),
          ...(plot.binary ? {incrs: binarySteps} : {}),
        },
      ],
      series: [{}, ...lines],
      hooks: {
        draw: [u => this.drawMarks(u)],
        setCursor: [() => this.read()],
        setSelect: [u => this.selected(u)],
      },
    };
  }

  // range returns the ends of the axis of values. The limit is on it where the lines come near.
  range(high) {
    const {unit} = this.plot;
    const least = unit === percent ? 1 : unit === count ? 4 : unit === plainNumber ? 0.1 : 64;
    const top = Math.max(high ?? 0, least);
    const level = this.level();
    return [0, level && top > level / 2 ? Math.max(level, top) * 1.06 : top * 1.12];
  }

  level() {
    return this.plot.limit?.(this.owner.about?.());
  }

  selected(u) {
    const {left, width} = u.select;
    if (width < 4) return;
    const from = u.posToVal(left, 'x');
    const to = u.posToVal(left + width, 'x');
    u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
    this.owner.zoom(from, to);
  }

  // drawMarks draws the limit and the events.
  drawMarks(u) {
    const c = u.ctx;
    const ratio = devicePixelRatio || 1;
    const {left, top, width, height} = u.bbox;
    const line = (x1, y1, x2, y2) => {
      c.beginPath();
      c.moveTo(x1, y1);
      c.lineTo(x2, y2);
      c.stroke();
    };
    c.save();
    c.lineWidth = ratio;
    const level = this.level();
    if (level && level <= u.scales.y.max) {
      const y = Math.round(u.valToPos(level, 'y', true));
      c.strokeStyle = colour('bad');
      c.setLineDash([4 * ratio, 3 * ratio]);
      line(left, y, left + width, y);
      c.setLineDash([]);
    }
    for (const e of this.owner.events) {
      const x = Math.round(u.valToPos(e.At / 1000, 'x', true)) + 0.5;
      if (x < left || x > left + width) continue;
      c.strokeStyle = c.fillStyle = colour('event-' + kindOf(e));
      c.globalAlpha = 0.55;
      line(x, top, x, top + height);
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
  read() {
    const u = this.chart;
    const {idx, left} = u.cursor;
    const on = idx !== null && idx !== undefined && left >= 0;
    this.values.forEach(({v}, i) => {
      const all = u.data[i + 1];
      let at = on ? idx : all.length - 1;
      while (!on && at > 0 && (all[at] === null || all[at] === undefined)) at--;
      text(v, this.plot.unit(all[at] ?? null));
    });
    const own = u.over.matches(':hover');
    if (own) this.owner.said(on ? date(u.data[0][idx] * 1000) : null);
    const near = e => Math.abs(u.valToPos(e.At / 1000, 'x') - left) <= slack;
    this.tell(on && own ? this.owner.events.filter(near) : [], left);
  }

  // tell shows the words of events beside the cursor.
  tell(events, left) {
    this.tip.hidden = events.length === 0;
    if (!events.length) return;
    const words = events.slice(0, maxWords).map(e => el('div', null, clock(e.At) + ' ' + sentence(e)));
    if (events.length > maxWords) words.push(el('div', null, `and ${events.length - maxWords} more`));
    order(this.tip, words);
    const wide = this.chart.over.clientWidth;
    const right = left > wide / 2;
    this.tip.style.left = right ? '' : left + 8 + 'px';
    this.tip.style.right = right ? wide - left + 8 + 'px' : '';
  }

  // show draws the columns of a history.
  show(moments, columns) {
    const {plot} = this;
    const about = this.owner.about?.();
    const scaled = v => (plot.scale ? plot.scale(v, about) : (v ?? null));
    const data = plot.lines.map(([column]) => (columns[column] ?? moments.map(() => null)).map(scaled));
    this.root.hidden = !!plot.rare && !data.some(line => line.some(v => v > 0));
    this.chart.setData([moments, ...data]);
    const level = this.level();
    text(this.limit, level ? (plot.limitWord ?? 'limit') + ' ' + plot.unit(level) : '');
    this.read();
    attr(this.area, 'aria-label', plot.title + ': ' + this.values.map(({root}) => root.textContent).join(', '));
  }

  resize() {
    const width = Math.max(200, this.area.clientWidth);
    if (width !== this.chart.width) this.chart.setSize({width, height});
  }
}
