// The screen of a terminal: what shells, editors and top need of ECMA-48 and xterm. The rest is left out.
import {el} from './dom.js';
import {blank, drawn, indexed, narrow, plainStyle, rgb, styleOf, wide} from './cells.js';

const history = 2000; // lines above the screen that are kept
const maxText = 4096; // of a sequence that does not end

export class Screen {
  // answer sends what a program asks for.
  constructor(rows, columns, answer) {
    Object.assign(this, {
      rows,
      columns,
      answer,
      state: 'text',
      held: '',
      style: plainStyle,
      pen: {},
      x: 0,
      y: 0,
      saved: null,
      top: 0,
      bottomRow: rows - 1,
      wrap: true,
      cursor: true,
      application: false,
      bracketed: false,
      other: null,
      past: [],
    });
    this.lines = this.empty(rows);
    this.old = el('div', {class: 'old'});
    this.now = el('div', {class: 'now'});
    this.root = el('div', {class: 'screen'}, this.old, this.now);
    this.draw();
  }

  empty(n) {
    return Array.from({length: n}, () => this.line());
  }

  // line makes an empty line. Lines that changed are drawn again.
  line() {
    return {cells: Array.from({length: this.columns}, () => blank(this.ground())), changed: true};
  }

  // ground is the style of what is erased: the colour behind, and nothing else.
  ground() {
    return this.pen.back ? styleOf({back: this.pen.back}) : plainStyle;
  }

  write(words) {
    for (const c of words) this.take(c);
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
  }

  // take takes one character.
  take(c) {
    const code = c.codePointAt(0);
    if (this.state === 'string') {
      // of an operating system command, which nothing here obeys
      if (c === '\x07' || (c === '\\' && this.held.endsWith('\x1b'))) this.state = 'text';
      this.held = c;
      return;
    }
    if (c === '\x1b') {
      this.state = 'escape';
      this.held = '';
      return;
    }
    if (code < 32 || code === 127) return this.control(code);
    switch (this.state) {
      case 'escape':
        return this.escape(c);
      case 'charset':
        this.state = 'text';
        return;
      case 'sequence':
        this.held += c;
        if (code >= 0x40 && code <= 0x7e) {
          this.state = 'text';
          this.sequence(this.held);
        } else if (this.held.length > maxText) this.state = 'text';
        return;
      default:
        this.print(c, code);
    }
  }

  control(code) {
    switch (code) {
      case 8:
        this.x = Math.max(0, Math.min(this.x, this.columns - 1) - 1);
        break;
      case 9:
        this.x = Math.min(this.columns - 1, ((this.x >> 3) + 1) << 3);
        break;
      case 10:
      case 11:
      case 12:
        this.feed();
        break;
      case 13:
        this.x = 0;
        break;
    }
  }

  escape(c) {
    this.state = 'text';
    switch (c) {
      case '[':
        this.state = 'sequence';
        this.held = '';
        break;
      case ']':
      case 'P':
      case '_':
      case '^':
      case 'X':
        this.state = 'string';
        this.held = '';
        break;
      case '(':
      case ')':
      case '*':
      case '+':
      case '#':
      case '%':
        this.state = 'charset';
        break;
      case '7':
        this.save();
        break;
      case '8':
        this.restore();
        break;
      case 'D':
        this.feed();
        break;
      case 'E':
        this.x = 0;
        this.feed();
        break;
      case 'M':
        if (this.y === this.top) this.down(1);
        else this.y = Math.max(0, this.y - 1);
        break;
      case 'c':
        this.reset();
        break;
    }
  }

  reset() {
    Object.assign(this, {
      pen: {},
      style: plainStyle,
      x: 0,
      y: 0,
      top: 0,
      bottomRow: this.rows - 1,
      wrap: true,
      cursor: true,
      application: false,
      bracketed: false,
      other: null,
    });
    this.lines = this.empty(this.rows);
  }

  save() {
    this.saved = {x: this.x, y: this.y, pen: {...this.pen}};
  }

  restore() {
    if (!this.saved) return this.move(0, 0);
    this.pen = {...this.saved.pen};
    this.style = styleOf(this.pen);
    this.move(this.saved.y, this.saved.x);
  }

  move(y, x) {
    this.y = Math.max(0, Math.min(this.rows - 1, y));
    this.x = Math.max(0, Math.min(this.columns - 1, x));
  }

  print(c, code) {
    if (narrow(code)) {
      const cell = this.lines[this.y].cells[Math.max(0, Math.min(this.x, this.columns) - 1)];
      if (cell.c.length < 16) cell.c += c;
      this.lines[this.y].changed = true;
      return;
    }
    const width = wide(code) ? 2 : 1;
    if (this.x + width > this.columns) {
      if (!this.wrap) this.x = this.columns - width;
      else {
        this.x = 0;
        this.feed();
      }
    }
    const line = this.lines[this.y];
    line.cells[this.x] = {c, s: this.style};
    if (width === 2 && this.x + 1 < this.columns) line.cells[this.x + 1] = {c: '', s: this.style};
    line.changed = true;
    this.x += width;
  }

  feed() {
    if (this.y === this.bottomRow) this.up(1);
    else this.y = Math.min(this.rows - 1, this.y + 1);
  }

  // up moves the lines of the region up. What leaves the whole screen is kept above it.
  up(n) {
    for (let i = Math.min(n, this.rows); i > 0; i--) {
      const [gone] = this.lines.splice(this.top, 1);
      this.lines.splice(this.bottomRow, 0, this.line());
      if (this.top === 0 && !this.other) this.past.push(gone);
    }
    this.touch();
  }

  down(n) {
    for (let i = Math.min(n, this.rows); i > 0; i--) {
      this.lines.splice(this.bottomRow, 1);
      this.lines.splice(this.top, 0, this.line());
    }
    this.touch();
  }

  touch() {
    for (const l of this.lines) l.changed = true;
  }

  // sequence carries out a control sequence, section 5.4 of ECMA-48.
  sequence(said) {
    const final = said.at(-1),
      mark = '?>=!'.includes(said[0]) ? said[0] : '';
    const numbers = said
      .slice(mark.length, -1)
      .replaceAll(':', ';')
      .split(';')
      .map(n => Math.min(parseInt(n, 10) || 0, 9999));
    const n = numbers[0] || 1;
    if (mark === '?' && (final === 'h' || final === 'l')) return numbers.forEach(m => this.mode(m, final === 'h'));
    if (mark) return;
    switch (final) {
      case 'A':
        return this.move(this.y - n, this.x);
      case 'B':
      case 'e':
        return this.move(this.y + n, this.x);
      case 'C':
      case 'a':
        return this.move(this.y, this.x + n);
      case 'D':
        return this.move(this.y, Math.min(this.x, this.columns - 1) - n);
      case 'E':
        return this.move(this.y + n, 0);
      case 'F':
        return this.move(this.y - n, 0);
      case 'G':
      case '`':
        return this.move(this.y, n - 1);
      case 'd':
        return this.move(n - 1, this.x);
      case 'H':
      case 'f':
        return this.move(n - 1, (numbers[1] || 1) - 1);
      case 'J':
        return this.clear(numbers[0]);
      case 'K':
        return this.erase(this.y, numbers[0] === 0 ? this.x : 0, numbers[0] === 1 ? this.x + 1 : this.columns);
      case 'X':
        return this.erase(this.y, this.x, this.x + n);
      case '@':
      case 'P':
        return this.shift(final === '@' ? n : -n);
      case 'L':
      case 'M':
        return this.insert(final === 'L' ? n : -n);
      case 'S':
        return this.up(n);
      case 'T':
        return this.down(n);
      case 'm':
        return this.select(numbers);
      case 'r': {
        const bottom = Math.min(this.rows, numbers[1] || this.rows);
        if (n < bottom) {
          [this.top, this.bottomRow] = [n - 1, bottom - 1];
          this.move(0, 0);
        }
        return;
      }
      case 's':
        return this.save();
      case 'u':
        return this.restore();
      case 'n':
        if (n === 6) this.answer(`\x1b[${this.y + 1};${Math.min(this.x, this.columns - 1) + 1}R`);
        else if (n === 5) this.answer('\x1b[0n');
        return;
      case 'c':
        return this.answer('\x1b[?6c');
    }
  }

  mode(m, on) {
    switch (m) {
      case 1:
        this.application = on;
        break;
      case 7:
        this.wrap = on;
        break;
      case 25:
        this.cursor = on;
        this.lines[this.y].changed = true;
        break;
      case 2004:
        this.bracketed = on;
        break;
      case 47:
      case 1047:
      case 1049:
        this.alternate(on);
        break;
    }
  }

  // alternate changes to the screen of editors and pagers, and back.
  alternate(on) {
    if (on === !!this.other) return;
    if (on) {
      this.save();
      this.other = {lines: this.lines, saved: this.saved};
      this.lines = this.empty(this.rows);
    } else {
      this.lines = this.fitted(this.other.lines);
      this.saved = this.other.saved;
      this.other = null;
      this.restore();
    }
    [this.top, this.bottomRow] = [0, this.rows - 1];
    this.touch();
  }

  clear(how) {
    if (how === 3) {
      this.past = [];
      this.old.replaceChildren();
      return;
    }
    const from = how === 0 ? this.y + 1 : 0,
      to = how === 1 ? this.y : this.rows;
    for (let y = from; y < to; y++) this.lines[y] = this.line();
    if (how === 0) this.erase(this.y, this.x, this.columns);
    if (how === 1) this.erase(this.y, 0, this.x + 1);
  }

  erase(y, from, to) {
    const line = this.lines[y];
    for (let x = from; x < Math.min(to, this.columns); x++) line.cells[x] = blank(this.ground());
    line.changed = true;
  }

  // shift moves the rest of the line to the right, or to the left.
  shift(n) {
    const line = this.lines[this.y],
      x = Math.min(this.x, this.columns - 1),
      k = Math.min(Math.abs(n), this.columns - x);
    const blanks = Array.from({length: k}, () => blank(this.ground()));
    if (n > 0) {
      line.cells.splice(x, 0, ...blanks);
      line.cells.length = this.columns;
    } else {
      line.cells.splice(x, k);
      line.cells.push(...blanks);
    }
    line.changed = true;
  }

  insert(n) {
    if (this.y < this.top || this.y > this.bottomRow) return;
    const top = this.top;
    this.top = this.y;
    const other = this.other;
    this.other ??= {}; // nothing is kept above
    if (n > 0) this.down(n);
    else this.up(-n);
    [this.top, this.other] = [top, other];
    this.x = 0;
  }

  // select sets colours and the like (SGR).
  select(numbers) {
    const p = this.pen;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i];
      if (n === 0) for (const k of Object.keys(p)) delete p[k];
      else if (n === 1) p.bold = true;
      else if (n === 2) p.dim = true;
      else if (n === 3) p.italic = true;
      else if (n === 4) p.under = true;
      else if (n === 7) p.turned = true;
      else if (n === 22) {
        delete p.bold;
        delete p.dim;
      } else if (n === 23) delete p.italic;
      else if (n === 24) delete p.under;
      else if (n === 27) delete p.turned;
      else if (n >= 30 && n <= 37) p.fore = String(n - 30);
      else if (n >= 90 && n <= 97) p.fore = String(n - 82);
      else if (n === 39) delete p.fore;
      else if (n >= 40 && n <= 47) p.back = String(n - 40);
      else if (n >= 100 && n <= 107) p.back = String(n - 92);
      else if (n === 49) delete p.back;
      else if (n === 38 || n === 48) {
        const key = n === 38 ? 'fore' : 'back';
        if (numbers[i + 1] === 5) {
          p[key] = indexed(numbers[i + 2]);
          i += 2;
        } else if (numbers[i + 1] === 2) {
          p[key] = rgb(...numbers.slice(i + 2, i + 5));
          i += 4;
        }
      }
    }
    this.style = styleOf(p);
  }

  fitted(lines) {
    const out = lines.slice(-this.rows);
    while (out.length < this.rows) out.push(this.line());
    for (const l of out) {
      while (l.cells.length < this.columns) l.cells.push(blank(plainStyle));
      l.cells.length = this.columns;
      l.changed = true;
    }
    return out;
  }

  resize(rows, columns) {
    // lines above the cursor that have no place
    const less = Math.max(0, Math.min(this.lines.length - rows, this.y + 1 - rows));
    if (!this.other) this.past.push(...this.lines.slice(0, less));
    this.lines.splice(0, less);
    Object.assign(this, {rows, columns, top: 0, bottomRow: rows - 1, y: this.y - less});
    while (this.lines.length > rows) this.lines.pop();
    this.lines = this.fitted(this.lines);
    this.move(this.y, this.x);
    this.draw();
  }

  // bottom shows what is newest.
  bottom() {
    const scrolled = this.root.parentElement;
    if (scrolled) scrolled.scrollTop = scrolled.scrollHeight;
  }

  draw() {
    const view = this.root.parentElement;
    const follow = !view || view.scrollHeight - view.scrollTop - view.clientHeight < 40;
    if (this.past.length) {
      this.old.append(...this.past.slice(-history).map(l => drawn(l, -1)));
      this.past = [];
      while (this.old.childElementCount > history) this.old.firstChild.remove();
    }
    while (this.now.childElementCount < this.rows) this.now.append(el('div'));
    while (this.now.childElementCount > this.rows) this.now.lastChild.remove();
    this.lines.forEach((l, y) => {
      const at = this.cursor && y === this.y ? Math.min(this.x, this.columns - 1) : -1;
      if (!l.changed && at < 0 && y !== this.cursorRow) return;
      l.changed = false;
      this.now.children[y].replaceWith(drawn(l, at));
    });
    this.cursorRow = this.y;
    if (follow) this.bottom();
  }
}
