// What takes space on a host, and what grows.
import {act} from './actions.js';
import {ask, button, dialog, el, status, text} from './dom.js';
import {DISK, LOG, get, hosts, lines, listen, post, session} from './data.js';
import {address} from './rows.js';
import {ago, brief, bytes, count, ordered, percent, rate} from './format.js';
import {full, fullIn, table} from './parts.js';

const weak = 1; // bytes a second that are not worth a word

// diskPage shows the disk of a host; the first one if none is named.
export function diskPage(root, name) {
  const h = hosts.get(name) ?? hosts.get([...hosts.keys()][0]);
  if (!h) return () => {};
  const query = {host: h.name};
  const choose = el(
    'select',
    {
      'aria-label': 'Host',
      onchange: () => {
        location.hash = '#/disk/' + encodeURIComponent(choose.value);
      },
    },
    [...hosts.keys()].map(n => el('option', {value: n, selected: n === h.name}, n)),
  );
  choose.hidden = hosts.size < 2;
  const note = el('p', {class: 'dim empty'}, 'Counting …');
  const files = table('File systems', [
    ['Path'],
    ['Device'],
    ['Used', 'number'],
    ['Free', 'number'],
    ['Size', 'number'],
    ['Inodes free', 'number'],
    ['Grows', 'number'],
    ['Full in', 'number'],
  ]);
  const containers = table('Containers, by what grows fastest', [
    ['Name'],
    ['State'],
    ['Own files', 'number'],
    ['Log', 'number'],
    ['Grows', 'number'],
  ]);
  const images = table('Images', [
    ['Name'],
    ['ID'],
    ['Size', 'number'],
    ['Shared', 'number'],
    ['Used by', 'number'],
    ['Built', 'number'],
    [''],
  ]);
  const volumes = table('Volumes', [['Name'], ['Driver'], ['Size', 'number'], ['Used by', 'number'], ['']]);
  const networks = table('Networks', [['Name'], ['Driver'], ['Scope'], ['']]);
  const sum = el('span', {class: 'dim'});
  const actions = el(
    'div',
    {class: 'actions', role: 'group', 'aria-label': 'Actions'},
    button('Pull an image …', pull),
    button('Create a volume …', () => create('volumes', 'volume')),
    button('Create a network …', () => create('networks', 'network')),
    button('Count again', load),
  );
  root.append(
    el('div', {class: 'top'}, el('h1', null, 'Disk', sum), choose, actions),
    note,
    el('div', {class: 'tables'}, files, containers, images, volumes, networks),
  );
  let growth = {},
    over = false;

  async function create(kind, word) {
    const input = el('input', {type: 'text', autocomplete: 'off'});
    const said = await dialog(
      'Create a ' + word,
      el('div', {class: 'fields'}, el('label', null, el('span', null, 'Name'), input)),
      [
        ['Cancel', '', ''],
        ['Create', 'yes', ''],
      ],
    );
    if (
      said === 'yes' &&
      input.value &&
      (await act(kind + '/create', query, {Name: input.value.trim()}, 'Create ' + input.value))
    )
      load();
  }

  async function pull() {
    const input = el('input', {type: 'text', placeholder: 'such as alpine:3.22', autocomplete: 'off'});
    const said = await dialog(
      'Pull an image',
      el('div', {class: 'fields'}, el('label', null, el('span', null, 'Image'), input)),
      [
        ['Cancel', '', ''],
        ['Pull', 'yes', ''],
      ],
    );
    const wanted = input.value.trim();
    if (said !== 'yes' || !wanted) return;
    let bad = '';
    try {
      await lines(await post('images/pull', query, {Name: wanted}), all => {
        for (const line of all.filter(l => l.trim())) {
          const m = JSON.parse(line);
          if (m.error) bad = m.error;
          const p = m.progressDetail;
          text(
            note,
            [m.id, m.error ?? m.status, p?.total ? percent((100 * p.current) / p.total) : '']
              .filter(Boolean)
              .join(' '),
          );
        }
      });
      status(bad ? 'Pull ' + wanted + ': ' + bad : 'Pulled ' + wanted, !!bad);
    } catch (err) {
      status('Pull ' + wanted + ': ' + err.message, true);
    }
    load();
  }

  // remover is a button that removes a thing after a question.
  function remover(kind, word, thing, label) {
    if (!session.holder) return '';
    return button(
      'Remove',
      async () => {
        if (
          (await ask('Remove the ' + word + ' ' + label + '?', 'Remove')) &&
          (await act(kind + '/remove', query, {Name: thing}, 'Remove ' + label))
        )
          load();
      },
      {class: 'plain', 'aria-label': 'Remove ' + label},
    );
  }

  async function load() {
    try {
      const all = await get('disk', query);
      if (over) return;
      growth = all.Growth;
      const names = i => (i.Tags?.length ? i.Tags.join(', ') : 'untagged');
      all.Images.sort((a, b) => b.Size - a.Size);
      all.Volumes.sort((a, b) => b.Size - a.Size);
      all.Networks.sort((a, b) => ordered(a.Name, b.Name));
      text(note, '');
      text(
        sum,
        ' ' +
          count(all.Images.length) +
          (all.Images.length === 1 ? ' image takes ' : ' images take ') +
          bytes(all.Layers),
      );
      images.set(
        all.Images.map(i => [
          names(i),
          i.ID.replace('sha256:', '').slice(0, 12),
          bytes(i.Size),
          i.Shared ? bytes(i.Shared) : '',
          i.Containers > 0 ? count(i.Containers) : '',
          ago(new Date(i.Created * 1000).toISOString()),
          remover('images', 'image', i.Tags?.[0] ?? i.ID, names(i)),
        ]),
      );
      volumes.set(
        all.Volumes.map(v => [
          v.Name,
          v.Driver,
          v.Size < 0 ? '' : bytes(v.Size),
          v.Uses > 0 ? count(v.Uses) : '',
          remover('volumes', 'volume', v.Name, v.Name),
        ]),
      );
      networks.set(
        all.Networks.map(n => [
          n.Name,
          n.Driver,
          n.Scope,
          ['bridge', 'host', 'none'].includes(n.Name) ? '' : remover('networks', 'network', n.ID, n.Name),
        ]),
      );
    } catch (err) {
      if (!over) text(note, err.message);
    }
    draw();
  }

  function draw() {
    actions.hidden = !session.holder;
    files.set(
      (h.machine?.Files ?? []).map(f => [
        f.Path + (f.Data ? ' (data)' : ''),
        f.Device,
        percent(100 * full(f)),
        bytes(f.Available),
        bytes(f.Total),
        f.Inodes ? percent((100 * f.FreeInodes) / f.Inodes) : '',
        Math.abs(f.Growth) >= weak ? rate(f.Growth) : '',
        isFinite(fullIn(f)) ? brief(fullIn(f)) : '',
      ]),
    );
    const rows = [...h.rows.values()]
      .map(r => ({r, n: h.now[r.ID], speed: growth[r.ID] ?? 0}))
      .filter(({n, speed}) => n && (n[DISK] > 0 || n[LOG] > 0 || Math.abs(speed) >= weak))
      .sort(
        (a, b) => b.speed - a.speed || b.n[DISK] + b.n[LOG] - a.n[DISK] - a.n[LOG] || ordered(a.r.Name, b.r.Name),
      );
    containers.set(
      rows
        .slice(0, 50)
        .map(({r, n, speed}) => [
          el('a', {href: address(h.name, r.ID)}, r.Name),
          r.State,
          n[DISK] < 0 ? '' : bytes(n[DISK]),
          bytes(n[LOG]),
          Math.abs(speed) >= weak ? rate(speed) : '',
        ]),
    );
  }
  load();
  let drawn = 0;
  const stop = listen(({kind, host}) => {
    if (kind === 'who') load();
    if (host === h && kind === 'now' && Date.now() - drawn > 5000) {
      drawn = Date.now();
      draw();
    }
  });
  return () => {
    over = true;
    stop();
  };
}
