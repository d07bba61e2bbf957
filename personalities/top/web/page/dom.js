// Elements. What containers say is only ever set as text: nothing here parses HTML.

// el makes an element. Properties that begin with "on" are listeners, others attributes; true is an empty attribute,
// and what is null or false is left out. Children are elements or texts.
export function el(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  for (const c of children.flat()) if (c !== null && c !== undefined && c !== false) e.append(c);
  return e;
}

// text sets the text of an element, if it is another.
export function text(e, value) {
  if (e.textContent !== value) e.textContent = value;
}

// attr sets an attribute, if it is another; null removes it.
export function attr(e, name, value) {
  if (value === null || value === false) {
    if (e.hasAttribute(name)) e.removeAttribute(name);
  } else if (e.getAttribute(name) !== String(value)) e.setAttribute(name, value);
}

// order puts elements into a parent in this order, and takes out all others.
export function order(parent, elements) {
  let at = parent.firstChild;
  for (const e of elements) {
    if (e === at) at = at.nextSibling;
    else parent.insertBefore(e, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// button makes a button.
export function button(label, onclick, props) {
  return el('button', {type: 'button', onclick, ...props}, label);
}

// status says something to all, screen readers included.
export function status(message, bad) {
  const s = document.getElementById('status');
  s.textContent = message;
  s.classList.toggle('bad', !!bad);
  clearTimeout(status.timer);
  status.timer = setTimeout(
    () => {
      s.textContent = '';
    },
    bad ? 12000 : 5000,
  );
}

// dialog shows a dialog and resolves to what it was closed with: "" if it was cancelled.
export function dialog(title, content, buttons) {
  return new Promise(resolve => {
    const d = el(
      'dialog',
      {'aria-label': title},
      el(
        'form',
        {method: 'dialog'},
        el('h2', null, title),
        content,
        el(
          'div',
          {class: 'buttons'},
          buttons.map(([label, value, kind]) => el('button', {value, class: kind}, label)),
        ),
      ),
    );
    d.addEventListener('close', () => {
      d.remove();
      resolve(d.returnValue);
    });
    d.addEventListener('click', e => {
      if (e.target === d) d.close('');
    });
    document.body.append(d);
    d.showModal();
  });
}

// ask asks whether something shall be done.
export async function ask(question, verb) {
  return (
    (await dialog(question, '', [
      ['Cancel', '', ''],
      [verb, 'yes', 'danger'],
    ])) === 'yes'
  );
}

// stored is a choice that the browser keeps, for this session or longer.
export function stored(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem('box.' + name)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function store(name, value) {
  try {
    localStorage.setItem('box.' + name, JSON.stringify(value));
  } catch {
    /* the browser keeps nothing */
  }
}
