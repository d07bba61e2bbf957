// The cells of a terminal's screen: how wide characters are, and how runs of one style become elements.
import {el} from './dom.js';

// wide tells whether a character takes two columns, as Hangul does (Unicode, East Asian Width).
export function wide(c) {
  return (
    c >= 0x1100 &&
    (c <= 0x115f ||
      (c >= 0x2e80 && c <= 0xa4cf && c !== 0x303f) ||
      (c >= 0xac00 && c <= 0xd7a3) ||
      (c >= 0xf900 && c <= 0xfaff) ||
      (c >= 0xfe30 && c <= 0xfe6f) ||
      (c >= 0xff00 && c <= 0xff60) ||
      (c >= 0xffe0 && c <= 0xffe6) ||
      (c >= 0x1f300 && c <= 0x1faff) ||
      (c >= 0x20000 && c <= 0x3fffd))
  );
}

// narrow tells whether a character takes no column of its own.
export const narrow = c => (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f);

export const plainStyle = '';

export const blank = style => ({c: ' ', s: style});

// A style is a text: the classes, then the colours that have none.
export function styleOf(p) {
  let {fore, back} = p;
  if (p.turned) [fore, back] = [back ?? 'b', fore ?? 'f'];
  const classes = [
    p.bold && 'bold',
    p.dim && 'dimmed',
    p.italic && 'italic',
    p.under && 'under',
    fore && fore[0] !== '#' && 'f' + fore,
    back && back[0] !== '#' && 'b' + back,
  ]
    .filter(Boolean)
    .join(' ');
  return classes || fore || back
    ? [classes, fore?.[0] === '#' ? fore : '', back?.[0] === '#' ? back : ''].join('|')
    : plainStyle;
}

export const rgb = (...parts) =>
  '#' +
  [0, 1, 2]
    .map(i =>
      Math.min(255, parts[i] || 0)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('');

// indexed is a colour of xterm's 256.
export function indexed(n = 0) {
  if (n < 16) return String(n);
  if (n > 231) return rgb(...Array(3).fill(8 + 10 * (Math.min(n, 255) - 232)));
  const part = k => (k ? 55 + 40 * k : 0);
  n -= 16;
  return rgb(part(Math.floor(n / 36)), part(Math.floor(n / 6) % 6), part(n % 6));
}

// drawn makes the element of a line: a span for each run of one style. Wide characters have their own, of two columns.
export function drawn(line, cursor) {
  const row = el('div');
  let run = '',
    style = plainStyle;
  const flush = (extra = '') => {
    if (run) row.append(span(run, style, extra));
    run = '';
  };
  line.cells.forEach(({c, s}, x) => {
    if (x === cursor || (c && wide(c.codePointAt(0)))) {
      flush();
      [run, style] = [c || ' ', s];
      flush((x === cursor ? 'cursor ' : '') + (c && wide(c.codePointAt(0)) ? 'wide' : ''));
      return;
    }
    if (s !== style) {
      flush();
      style = s;
    }
    run += c;
  });
  if (style === plainStyle) run = run.trimEnd();
  flush();
  if (!row.firstChild) row.append('\u00a0');
  return row;
}

function span(words, style, extra) {
  if (style === plainStyle && !extra) return words;
  const [classes = '', fore, back] = style.split('|');
  const e = el('span', {class: (classes + ' ' + extra).trim() || null}, words);
  if (fore) e.style.color = fore;
  if (back) e.style.backgroundColor = back;
  return e;
}
