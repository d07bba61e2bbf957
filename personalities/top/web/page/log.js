// The log of a container: followed, searched, filtered.
import {button, el, text} from './dom.js';
import {getLines} from './data.js';

const kept = 10000; // lines
const times = /^\S+Z /;

// plain takes out what terminals do not print: colours and movements.
const plain = line =>
  line
    .replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');

// logView shows the log of a container in root, and returns what ends that.
export function logView(root, host, id) {
  let all = [],
    tail = 1000,
    asking = null,
    waiting = [],
    frame = 0,
    words = '',
    at = -1;
  const list = el('div', {class: 'log', role: 'log', 'aria-live': 'off', tabindex: 0, 'aria-label': 'Log'});
  const search = el('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'Search the log …',
    'aria-label': 'Search the log',
    autocomplete: 'off',
    spellcheck: 'false',
    oninput: () => {
      words = search.value;
      at = -1;
      draw();
    },
    onkeydown: e => {
      if (e.key === 'Enter') {
        e.preventDefault();
        step(e.shiftKey ? -1 : 1);
      }
    },
  });
  const check = (label, on, change) => {
    const box = el('input', {type: 'checkbox', onchange: () => change(box.checked)});
    box.checked = on;
    return [box, el('label', {class: 'check'}, box, label)];
  };
  const [follow, followLabel] = check('follow', true, on => {
    if (on) bottom();
  });
  const [only, onlyLabel] = check('only matches', false, draw);
  const [stamps, stampsLabel] = check('times', false, on => list.classList.toggle('stamped', on));
  const [wrap, wrapLabel] = check('wrap', true, on => list.classList.toggle('wrapped', on));
  const length = el(
    'select',
    {
      'aria-label': 'Lines',
      onchange: () => {
        tail = +length.value;
        load();
      },
    },
    [200, 1000, 5000].map(n => el('option', {value: n, selected: n === tail}, 'last ' + n)),
  );
  const found = el('span', {class: 'dim number', role: 'status'}),
    state = el('span', {class: 'dim'});
  list.classList.toggle('wrapped', wrap.checked);
  list.classList.toggle('stamped', stamps.checked);
  root.append(
    el(
      'div',
      {class: 'tools'},
      search,
      button('↑', () => step(-1), {'aria-label': 'Match before', class: 'plain'}),
      button('↓', () => step(1), {'aria-label': 'Match after', class: 'plain'}),
      found,
      onlyLabel,
      followLabel,
      wrapLabel,
      stampsLabel,
      length,
      state,
    ),
    list,
  );
  list.addEventListener('scroll', () => {
    const end = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
    if (follow.checked !== end && !list.still) follow.checked = end;
    list.still = false;
  });

  const bottom = () => {
    list.still = true;
    list.scrollTop = list.scrollHeight;
  };

  // row makes the element of a line, with the matches marked.
  function row({stream, stamp, line}) {
    const e = el('div', {class: stream === 'e' ? 'stderr' : null}, el('time', null, stamp));
    const low = line.toLowerCase(),
      want = words.toLowerCase();
    let from = 0;
    for (let i; want && (i = low.indexOf(want, from)) >= 0 && low.length === line.length; from = i + want.length) {
      e.append(line.slice(from, i), el('mark', null, line.slice(i, i + want.length)));
    }
    e.append(line.slice(from) + '\n');
    return e;
  }

  const matches = l => !words || l.line.toLowerCase().includes(words.toLowerCase());

  function draw() {
    list.replaceChildren(...all.filter(l => !only.checked || matches(l)).map(row));
    count();
    if (follow.checked) bottom();
  }

  function count() {
    const marks = words ? list.getElementsByTagName('mark').length : 0;
    text(
      found,
      words ? (at >= 0 && marks ? at + 1 + ' of ' : '') + marks + (marks === 1 ? ' match' : ' matches') : '',
    );
  }

  // step goes to the next match.
  function step(by) {
    const marks = list.getElementsByTagName('mark');
    if (!marks.length) return;
    marks[at]?.classList.remove('current');
    at = at < 0 && by < 0 ? marks.length - 1 : (at + by + marks.length) % marks.length;
    marks[at].classList.add('current');
    follow.checked = false;
    marks[at].scrollIntoView({block: 'center'});
    count();
  }

  // add shows lines that came, at most once a frame.
  function add(lines) {
    for (const l of lines) waiting.push(l);
    if (waiting.length > 2 * kept) waiting = waiting.slice(-kept); // the page is not seen
    if (!frame) frame = requestAnimationFrame(flush);
  }

  function flush() {
    frame = 0;
    const fresh = waiting.slice(-kept).map(text => {
      const stamp = times.exec(text.slice(1))?.[0] ?? '';
      return {
        stream: text[0],
        stamp: stamp.slice(0, 23).replace('T', ' ') + (stamp && ' '),
        line: plain(text.slice(1 + stamp.length)),
      };
    });
    waiting = [];
    all.push(...fresh);
    list.append(...fresh.filter(l => !only.checked || matches(l)).map(row));
    if (all.length > kept) {
      all = all.slice(-kept);
      while (list.childElementCount > kept) list.firstChild.remove();
    }
    count();
    if (follow.checked) bottom();
  }

  async function load() {
    asking?.abort();
    const asked = (asking = new AbortController());
    all = [];
    waiting = [];
    list.replaceChildren();
    text(state, '');
    try {
      await getLines('containers/' + encodeURIComponent(id) + '/log', {host, tail, follow: 1}, asked.signal, add);
      text(state, 'the log has ended');
    } catch (err) {
      if (!asked.signal.aborted) text(state, err.message);
    }
  }
  load();
  return () => {
    asking?.abort();
    cancelAnimationFrame(frame);
  };
}
