// What is done to containers, and who may.
import {ask, button, dialog, el, status} from './dom.js';
import {post, session, setToken, who} from './data.js';

// verbs are the actions on a container: what it is called, the states in which it makes sense, whether it is asked for.
const verbs = [
  ['start', 'Start', ['created', 'exited', 'dead']],
  ['stop', 'Stop', ['running', 'paused', 'restarting'], true],
  ['restart', 'Restart', ['running', 'paused', 'exited', 'restarting'], true],
  ['pause', 'Pause', ['running']],
  ['unpause', 'Resume', ['paused']],
  ['kill', 'Kill', ['running', 'paused', 'restarting'], true],
  ['remove', 'Remove', ['created', 'running', 'paused', 'exited', 'dead', 'restarting'], true],
];

// act does one thing and says how it went.
export async function act(path, query, body, doing) {
  try {
    const answer = await (await post(path, query, body)).json();
    status(doing + ': done' + (answer.Warnings?.length ? ': ' + answer.Warnings.join('; ') : ''));
    return true;
  } catch (err) {
    status(doing + ': ' + err.message, true);
    return false;
  }
}

// containerActions returns the buttons for a container. current returns its row.
export function containerActions(host, id, current) {
  const root = el('div', {class: 'actions', role: 'group', 'aria-label': 'Actions'});
  const buttons = verbs.map(([verb, label, states, asked]) => ({
    states,
    b: button(
      label,
      async () => {
        const row = current();
        if (!row) return;
        const body = {};
        if (verb === 'remove') body.Force = row.State === 'running' || row.State === 'paused';
        const question = label + ' ' + row.Name + (body.Force ? ', which runs' : '') + '?';
        if (asked && !(await ask(question, label))) return;
        await act('containers/' + encodeURIComponent(id) + '/' + verb, {host}, body, label + ' ' + row.Name);
      },
      {'data-verb': verb},
    ),
  }));
  const limits = button('Limits …', async () => {
    const row = current();
    if (row) await changeLimits(host, id, row);
  });
  root.append(...buttons.map(({b}) => b), limits);
  root.draw = () => {
    const row = current();
    root.hidden = !session.holder || !row;
    for (const {states, b} of buttons) b.hidden = !states.includes(row?.State);
  };
  return root;
}

// memorySize reads a size as people type it: 512m, 1.5g, 0 for no limit. undefined is none, NaN is wrong.
export function memorySize(said) {
  const m = /^\s*([\d.]+)\s*([kmgt]?)i?b?\s*$/i.exec(said);
  if (!said.trim()) return undefined;
  return m ? Math.round(parseFloat(m[1]) * 1024 ** ' kmgt'.indexOf(m[2].toLowerCase() || ' ')) : NaN;
}

async function changeLimits(host, id, row) {
  const field = (label, value, hint) => {
    const input = el('input', {type: 'text', value: value ?? '', placeholder: hint, autocomplete: 'off'});
    return [input, el('label', null, el('span', null, label), input)];
  };
  const [memory, memoryLabel] = field(
    'Memory',
    row.MemoryLimit ? row.MemoryLimit / 1048576 + 'm' : '',
    'such as 512m',
  );
  const [cpus, cpusLabel] = field('Processors', row.CPULimit || '', 'such as 1.5');
  const [pids, pidsLabel] = field('Tasks', row.PidsLimit || '', 'such as 200');
  const restart = el(
    'select',
    null,
    ['no', 'on-failure', 'always', 'unless-stopped'].map(p =>
      el('option', {value: p, selected: p === (row.Policy || 'no').split(':')[0]}, p),
    ),
  );
  const fields = el(
    'div',
    {class: 'fields'},
    memoryLabel,
    cpusLabel,
    pidsLabel,
    el('label', null, el('span', null, 'Restart policy'), restart),
  );
  const before = [memory.value, cpus.value, pids.value, restart.value];
  if (
    (await dialog('Limits of ' + row.Name, fields, [
      ['Cancel', '', ''],
      ['Change', 'yes', ''],
    ])) !== 'yes'
  )
    return;
  const body = {};
  const gone = (field, i) => before[i] && !field.value.trim();
  if (gone(memory, 0) || gone(cpus, 1)) {
    return status('Limits of memory and processors can be changed, but not taken away.', true);
  }
  if (memory.value !== before[0]) body.Memory = memorySize(memory.value);
  if (cpus.value !== before[1]) body.CPUs = Number(cpus.value);
  if (pids.value !== before[2]) body.Pids = pids.value.trim() ? Number(pids.value) : -1;
  if (restart.value !== before[3]) body.Restart = restart.value;
  if (Object.values(body).some(v => typeof v === 'number' && !isFinite(v))) return status('That is no number.', true);
  if (Object.keys(body).length) {
    await act('containers/' + encodeURIComponent(id) + '/update', {host}, body, 'Limits of ' + row.Name);
  }
}

// signIn asks for the token, or forgets it.
export async function signIn() {
  if (session.holder && sessionStorage.getItem('box.token')) {
    setToken(null);
    await who();
    return status('The token is forgotten.');
  }
  if (session.holder) return status('The certificate of this browser may act.');
  const input = el('input', {type: 'password', autocomplete: 'off', 'aria-label': 'Token'});
  const content = el(
    'div',
    {class: 'fields'},
    el(
      'p',
      null,
      session.token
        ? 'Who has the token may act. The browser keeps it until this tab is closed.'
        : 'There is no token here. To act, use a browser with a client certificate of the authority.',
    ),
    session.token && el('label', null, el('span', null, 'Token'), input),
  );
  const said = await dialog(
    'Act',
    content,
    [['Cancel', '', ''], session.token && ['Use it', 'yes', '']].filter(Boolean),
  );
  if (said !== 'yes' || !input.value) return;
  setToken(input.value.trim());
  if (await who()) return status('You may act.');
  setToken(null);
  status('This is not the token.', true);
}
