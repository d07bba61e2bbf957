// Parts of pages: tables and facts, and what several of them read from a measurement.
import {attr, el, order, text} from './dom.js';

// dataFiles returns the file system of the daemon's data.
export const dataFiles = m => (m?.Files ?? []).find(f => f.Data) ?? (m?.Files ?? [])[0];

// hottest returns the highest temperature, or null.
export const hottest = m =>
  (m?.Heat ?? []).reduce((top, h) => (top === null || h.Celsius > top ? h.Celsius : top), null);

// full is the share of a file system that is used, as df counts it.
export const full = f => (f.Total - f.Free) / (f.Total - f.Free + f.Available || 1);

// fullIn says in how many seconds a file system is full as it grows now.
export const fullIn = f => (f.Growth > 0 ? f.Available / f.Growth : Infinity);

// level says how a share is: bad, warn or nothing.
export const level = (share, warn, bad) => (share > bad ? 'bad' : share > warn ? 'warn' : null);

// table makes a table of texts whose rows are set at once.
export function table(caption, columns) {
  const body = el('tbody');
  const root = el(
    'table',
    {class: 'small'},
    el('caption', null, caption),
    el(
      'thead',
      null,
      el(
        'tr',
        null,
        columns.map(c => el('th', {scope: 'col', class: c[1]}, c[0])),
      ),
    ),
    body,
  );
  let rows = [];
  root.set = list => {
    while (rows.length < list.length) {
      rows.push(
        el(
          'tr',
          null,
          columns.map((c, i) => el(i ? 'td' : 'th', {class: c[1], scope: i ? null : 'row'})),
        ),
      );
    }
    rows.length = list.length;
    list.forEach((cells, i) =>
      cells.forEach((value, j) => {
        const cell = rows[i].children[j];
        if (value instanceof Node) {
          if (cell.firstChild !== value) cell.replaceChildren(value);
        } else text(cell, value);
      }),
    );
    order(body, rows);
    root.hidden = list.length === 0;
  };
  root.hidden = true;
  return root;
}

// facts is a list of terms and what they are now.
export function facts() {
  const root = el('dl', {class: 'facts'}),
    have = new Map();
  root.set = list => {
    const out = [];
    for (const [term, value, kind] of list) {
      if (value === null || value === undefined || value === '' || value === false) continue;
      if (!have.has(term)) have.set(term, el('div', null, el('dt', null, term), el('dd')));
      const pair = have.get(term),
        dd = pair.lastChild;
      text(dd, String(value));
      attr(dd, 'class', kind);
      out.push(pair);
    }
    order(root, out);
  };
  return root;
}
