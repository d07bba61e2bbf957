// Events: how they are said, and the page with those of all hosts.
import {attr, el, order, text} from './dom.js';
import {get, hosts, listen} from './data.js';
import {clock, date} from './format.js';

// kindOf says how an event is: bad, warn, good or plain.
export function kindOf(e) {
  if (e.Action === 'oom' || e.Action === 'health unhealthy' || (e.Action === 'die' && e.Exit && e.Exit !== '0'))
    return 'bad';
  if (['kill', 'pause', 'destroy', 'die', 'stop', 'health starting'].includes(e.Action)) return 'warn';
  if (['start', 'unpause', 'health healthy', 'restart'].includes(e.Action)) return 'good';
  return 'plain';
}

const words = {
  die: 'exited',
  oom: 'ran out of memory',
  kill: 'was sent',
  start: 'started',
  stop: 'was stopped',
  create: 'created',
  destroy: 'removed',
  pause: 'paused',
  unpause: 'resumed',
  restart: 'restarted',
  rename: 'renamed',
  update: 'limits changed',
  pull: 'pulled',
  delete: 'deleted',
  untag: 'untagged',
  tag: 'tagged',
  mount: 'mounted',
  unmount: 'unmounted',
  connect: 'connected',
  disconnect: 'disconnected',
  prune: 'pruned',
  reload: 'reloaded',
  'health healthy': 'is healthy',
  'health unhealthy': 'is unhealthy',
  'health starting': 'health is not known yet',
};

// sentence says an event in words.
export function sentence(e) {
  const name = e.Name || (e.ID ?? '').replace('sha256:', '').slice(0, 12);
  const what = e.Type === 'container' ? name : [e.Type, name].filter(Boolean).join(' ');
  const how = [e.Exit && e.Action === 'die' ? e.Exit : '', e.Signal ? 'signal ' + e.Signal : '']
    .filter(Boolean)
    .join(', ');
  return what + ' ' + (words[e.Action] ?? e.Action) + (how ? ' ' + how : '');
}

const shown = 500; // events

// eventsPage shows the events of all hosts.
export function eventsPage(root) {
  let all = [],
    filter = '',
    hours = 24;
  const input = el('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'Filter events …',
    'aria-label': 'Filter events',
    autocomplete: 'off',
    spellcheck: 'false',
    oninput: () => {
      filter = input.value.toLowerCase();
      draw();
    },
  });
  const span = el(
    'select',
    {
      'aria-label': 'Span of time',
      onchange: () => {
        hours = +span.value;
        load();
      },
    },
    [
      [1, 'last hour'],
      [24, 'last day'],
      [24 * 30, 'last 30 days'],
      [24 * 365, 'last year'],
    ].map(([value, label]) => el('option', {value, selected: value === hours}, label)),
  );
  const list = el('ol', {class: 'events wide'}),
    note = el('p', {class: 'dim empty'});
  root.append(el('h1', null, 'Events'), el('div', {class: 'tools'}, input, span), list, note);

  async function load() {
    const to = Date.now(),
      from = to - hours * 3600e3,
      problems = [];
    const lists = await Promise.all(
      [...hosts.values()].map(h =>
        get('events', {host: h.name, from, to}).then(
          events => events.map(event => ({host: h.name, event})),
          err => {
            problems.push(h.name + ': ' + err.message);
            return [];
          },
        ),
      ),
    );
    all = lists.flat().sort((a, b) => a.event.At - b.event.At);
    attr(note, 'title', problems.join('\n') || null);
    draw(problems);
  }

  function draw(problems) {
    const fit = all.filter(
      ({host, event}) => !filter || (host + ' ' + event.Type + ' ' + sentence(event)).toLowerCase().includes(filter),
    );
    let day = '';
    const out = [];
    for (const {host, event} of fit.slice(-shown).reverse()) {
      const [d, time] = [date(event.At).split(',')[0], clock(event.At)];
      if (d !== day) out.push(el('li', {class: 'day'}, (day = d)));
      const name = sentence(event);
      const link =
        event.Type === 'container' && event.ID
          ? el('a', {href: '#/c/' + encodeURIComponent(host) + '/' + encodeURIComponent(event.ID)}, name)
          : name;
      out.push(
        el(
          'li',
          {class: 'event-' + kindOf(event)},
          el('span', {class: 'number dim'}, time),
          ' ',
          link,
          hosts.size > 1 && el('span', {class: 'dim'}, ' on ' + host),
        ),
      );
    }
    order(list, out);
    text(
      note,
      problems?.length
        ? 'Not answered: ' + problems.join('; ')
        : fit.length > shown
          ? 'The last ' + shown + ' of ' + fit.length + '.'
          : fit.length
            ? ''
            : 'Nothing happened.',
    );
  }
  load();
  return listen(({kind, host, event}) => {
    if (kind !== 'event') return;
    all.push({host: host.name, event});
    draw();
  });
}
