// A shell in a container: the panel, its keys and its connection. What the program prints is interpreted by screen.js.
import {button, el, status, text} from './dom.js';
import {post} from './data.js';
import {Screen} from './screen.js';

// sequences are what keys send (console_codes(4), and xterm's for those that it has not).
const sequences = {
  Enter: '\r',
  Backspace: '\x7f',
  Tab: '\t',
  Escape: '\x1b',
  ArrowUp: '\x1b[A',
  ArrowDown: '\x1b[B',
  ArrowRight: '\x1b[C',
  ArrowLeft: '\x1b[D',
  Home: '\x1b[H',
  End: '\x1b[F',
  Insert: '\x1b[2~',
  Delete: '\x1b[3~',
  PageUp: '\x1b[5~',
  PageDown: '\x1b[6~',
  F1: '\x1bOP',
  F2: '\x1bOQ',
  F3: '\x1bOR',
  F4: '\x1bOS',
  F5: '\x1b[15~',
  F6: '\x1b[17~',
  F7: '\x1b[18~',
  F8: '\x1b[19~',
  F9: '\x1b[20~',
  F10: '\x1b[21~',
  F11: '\x1b[23~',
  F12: '\x1b[24~',
};

// bytesOf returns what a key sends, or null if it is the browser's, or a letter that the text field takes.
function bytesOf(e, application) {
  if (e.isComposing || e.metaKey) return null;
  if (e.ctrlKey && !e.altKey && e.key.length === 1) {
    if (e.shiftKey && 'cv'.includes(e.key.toLowerCase())) return null; // copy and paste
    const code = e.key.toUpperCase().charCodeAt(0);
    return code >= 64 && code < 96 ? String.fromCharCode(code - 64) : e.key === ' ' ? '\0' : null;
  }
  if (e.key === 'Tab' && e.shiftKey) return '\x1b[Z';
  const said = sequences[e.key];
  if (said && application && /^\x1b\[[A-DHF]$/.test(said)) return '\x1bO' + said[2];
  if (said) return said;
  return e.altKey && e.key.length === 1 ? '\x1b' + e.key : null;
}

// terminal opens a shell in a container, and returns what ends it.
export function terminal(panel, host, id, name) {
  const command = el('input', {
    type: 'text',
    value: '/bin/sh',
    'aria-label': 'Program',
    size: 16,
    spellcheck: 'false',
  });
  const user = el('input', {type: 'text', placeholder: 'user', 'aria-label': 'User', size: 8, spellcheck: 'false'});
  const start = button('Open', open),
    said = el('span', {class: 'dim'});
  const view = el('div', {class: 'terminal', 'aria-label': 'Terminal of ' + name, role: 'group'});
  const input = el('textarea', {
    class: 'typed',
    autocapitalize: 'off',
    autocomplete: 'off',
    autocorrect: 'off',
    spellcheck: 'false',
    'aria-label': 'Type into the shell; Ctrl+Shift+Escape leaves it',
  });
  panel.append(
    el(
      'form',
      {
        class: 'tools',
        onsubmit: e => {
          e.preventDefault();
          open();
        },
      },
      command,
      user,
      start,
      said,
    ),
    view,
  );
  let socket = null,
    ticket = '',
    screen = null,
    closed = false,
    timer = 0;
  const encoder = new TextEncoder(),
    decoder = new TextDecoder();
  const send = words => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(encoder.encode(words));
  };

  // size returns how many rows and columns fit.
  function size() {
    const probe = el('span', {class: 'probe'}, 'M'.repeat(50));
    view.append(probe);
    const box = probe.getBoundingClientRect();
    probe.remove();
    const wide = box.width / 50 || 8,
      high = box.height || 16;
    return {
      Rows: Math.max(5, Math.min(200, Math.floor((view.clientHeight - 8) / high))),
      Columns: Math.max(20, Math.min(500, Math.floor((view.clientWidth - 12) / wide))),
    };
  }

  async function open() {
    socket?.close();
    const now = size();
    start.disabled = true;
    try {
      const answer = await post(
        'containers/' + encodeURIComponent(id) + '/shell',
        {host},
        {Command: command.value.trim().split(/\s+/), User: user.value.trim(), ...now},
      );
      ticket = (await answer.json()).Ticket;
    } catch (err) {
      status('Shell in ' + name + ': ' + err.message, true);
      return;
    } finally {
      start.disabled = false;
    }
    if (closed) return;
    screen = new Screen(now.Rows, now.Columns, send);
    view.replaceChildren(screen.root, input);
    const s = (socket = new WebSocket(new URL('api/shells/' + ticket, location.href).href.replace(/^http/, 'ws')));
    s.binaryType = 'arraybuffer';
    s.onopen = () => {
      text(said, 'connected');
      input.focus();
    };
    s.onmessage = e => screen.write(decoder.decode(e.data, {stream: true}));
    s.onclose = () => {
      if (s === socket) {
        text(said, 'ended');
        socket = null;
      }
    };
  }

  view.addEventListener('click', () => {
    if (!String(getSelection())) input.focus();
  });
  input.addEventListener('keydown', e => {
    if (e.key === 'Escape' && e.ctrlKey && e.shiftKey) return command.focus();
    const out = bytesOf(e, screen?.application);
    if (out === null) return;
    e.preventDefault();
    e.stopPropagation();
    screen?.bottom();
    send(out);
  });
  // letters come by the text field, so that Korean and others are composed first
  input.addEventListener('input', e => {
    if (e.isComposing) return;
    send(input.value.replaceAll('\n', '\r'));
    input.value = '';
  });
  input.addEventListener('compositionend', () => {
    send(input.value);
    input.value = '';
  });
  input.addEventListener('paste', e => {
    e.preventDefault();
    const words = e.clipboardData.getData('text').replaceAll('\r\n', '\r').replaceAll('\n', '\r');
    send(screen?.bracketed ? '\x1b[200~' + words + '\x1b[201~' : words);
  });
  const resized = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!screen || !socket) return;
      const now = size();
      if (now.Rows === screen.rows && now.Columns === screen.columns) return;
      screen.resize(now.Rows, now.Columns);
      post('shells/' + ticket + '/size', {}, now).catch(() => {}); // the shell may have ended
    }, 200);
  });
  resized.observe(view);
  return () => {
    closed = true;
    clearTimeout(timer);
    resized.disconnect();
    socket?.close();
  };
}
