// The containers of all hosts in one table.
import {attr, el, order, text, store, stored} from './dom.js';
import {hosts, listen} from './data.js';
import {ordered} from './format.js';
import {columns, head, line, mark} from './rows.js';
import {strip} from './hosts.js';

const calm = 5000; // milliseconds between two changes of the order by a rate

// containers shows the page of all containers in root, and returns what ends that.
export function containers(root) {
  let by = stored('sort', {key: 'name', down: false}),
    folded = new Set(stored('folded', []));
  let running = stored('running', false),
    words = '';
  let sorted = [],
    sortedAt = 0;
  const lines = new Map(),
    heads = new Map();

  const filter = el('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'Filter by name, image, project, state …',
    'aria-label': 'Filter containers',
    autocomplete: 'off',
    spellcheck: 'false',
    oninput: () => {
      words = filter.value;
      draw(true);
    },
  });
  const only = el('input', {
    type: 'checkbox',
    onchange: () => {
      running = only.checked;
      store('running', running);
      draw(true);
    },
  });
  only.checked = running;
  const total = el('span', {class: 'dim', role: 'status'});
  const body = el('tbody');
  const headers = columns.map(c => {
    const b = el(
      'button',
      {
        type: 'button',
        title: c.note,
        onclick: () => {
          by = {key: c.key, down: by.key === c.key ? !by.down : !!c.number};
          store('sort', by);
          draw(true);
        },
      },
      c.title,
    );
    return {c, b, th: el('th', {scope: 'col', class: c.key + (c.number ? ' number' : '')}, b)};
  });
  const table = el(
    'table',
    {class: 'containers'},
    el('caption', {class: 'unseen'}, 'Containers of all hosts'),
    el(
      'thead',
      null,
      el(
        'tr',
        null,
        headers.map(h => h.th),
      ),
    ),
    body,
  );
  const empty = el('p', {class: 'dim empty', hidden: true});
  const machines = strip();
  root.append(
    machines.root,
    el('div', {class: 'tools'}, filter, el('label', {class: 'check'}, only, 'running only'), total),
    el('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Containers'}, table),
    empty,
  );

  // all returns what is to be shown: a row for each container that fits.
  function all() {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean),
      out = [];
    for (const host of hosts.values()) {
      for (const row of host.rows.values()) {
        if (running && row.State !== 'running') continue;
        const said = [row.Name, row.Image, row.Project, row.State, row.Health, host.name, row.ID.slice(0, 12)]
          .join(' ')
          .toLowerCase();
        if (!wanted.every(w => said.includes(w))) continue;
        out.push({key: host.name + '\n' + row.ID, host, row, n: host.now[row.ID], mark: mark(row)});
      }
    }
    return out;
  }

  function sort(rows, now) {
    const column = columns.find(c => c.key === by.key) ?? columns[0];
    if (
      !now &&
      column.rate &&
      (Date.now() - sortedAt < calm || body.matches(':hover') || body.contains(document.activeElement))
    ) {
      const place = new Map(sorted.map((k, i) => [k, i]));
      rows.sort((a, b) => (place.get(a.key) ?? 1e9) - (place.get(b.key) ?? 1e9));
    } else {
      const sign = by.down ? -1 : 1;
      const compare = (x, y) =>
        x === y
          ? 0
          : x === undefined
            ? 1
            : y === undefined
              ? -1
              : sign * (typeof x === 'string' ? ordered(x, y) : x - y);
      rows.sort((a, b) => compare(column.sort(a), column.sort(b)) || ordered(a.row.Name, b.row.Name));
      sortedAt = Date.now();
    }
    sorted = rows.map(r => r.key);
  }

  function toggle(key) {
    if (!folded.delete(key)) folded.add(key);
    store('folded', [...folded]);
    draw(true);
  }

  function draw(now) {
    const rows = all();
    sort(rows, now);
    const projects = new Map();
    for (const r of rows) {
      if (r.row.Project) {
        const key = r.host.name + '\n' + r.row.Project;
        if (!projects.has(key)) projects.set(key, []);
        projects.get(key).push(r);
      }
    }
    const out = [],
      done = new Set();
    const push = (r, inner) => {
      if (!lines.has(r.key)) lines.set(r.key, line());
      const tr = lines.get(r.key);
      tr.update({...r, inner});
      out.push(tr);
    };
    for (const r of rows) {
      const key = r.row.Project ? r.host.name + '\n' + r.row.Project : null;
      if (!key) push(r);
      else if (!done.has(key)) {
        done.add(key);
        if (!heads.has(key)) heads.set(key, head(toggle));
        heads.get(key).update(key, r.row.Project, projects.get(key), folded.has(key) && !words);
        out.push(heads.get(key));
        if (!folded.has(key) || words) for (const m of projects.get(key)) push(m, true);
      }
    }
    order(body, out);
    for (const key of lines.keys()) if (!lines.get(key).isConnected) lines.delete(key);
    for (const {c, b, th} of headers) {
      attr(th, 'aria-sort', by.key === c.key ? (by.down ? 'descending' : 'ascending') : null);
      attr(b, 'class', by.key === c.key ? (by.down ? 'down' : 'up') : null);
    }
    table.classList.toggle('many', hosts.size > 1);
    let there = 0,
      up = 0;
    for (const h of hosts.values())
      for (const r of h.rows.values()) {
        there++;
        up += r.State === 'running';
      }
    text(total, rows.length === there ? up + ' of ' + there + ' running' : rows.length + ' of ' + there + ' shown');
    empty.hidden = rows.length > 0;
    text(
      empty,
      there
        ? 'No container fits the filter.'
        : hosts.size && [...hosts.values()].some(h => h.machine)
          ? 'There is no container yet.'
          : 'Waiting for the first measurement …',
    );
    machines.draw();
  }

  body.addEventListener('keydown', e => {
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
    const stops = [...body.querySelectorAll('th a, th button')],
      at = stops.indexOf(document.activeElement);
    stops[at + (e.key === 'ArrowDown' ? 1 : -1)]?.focus();
    e.preventDefault();
  });
  draw(true);
  return listen(({kind}) => draw(kind === 'host'));
}
