// Numbers and times, as they are read.

const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

// bytes formats a size with three digits.
export function bytes(n) {
  if (n === null || n === undefined || !isFinite(n)) return '–';
  let i = 0;
  const sign = n < 0 ? '−' : '';
  n = Math.abs(n);
  while (n >= 1000 && i < steps.length - 1) {
    n /= 1024;
    i++;
  }
  return sign + (i === 0 ? Math.round(n) : n.toPrecision(3)) + ' ' + steps[i];
}

// tick formats a number of an axis by one of the functions here, without zeros that say nothing.
export const tick = (unit, n) =>
  unit(n)
    .replace(/(\.\d*?)0+(?= )/, '$1')
    .replace(/\.(?= )/, '');

export const rate = n => (n === null || n === undefined ? '–' : bytes(n) + '/s');

// percent formats a number of hundredths.
export function percent(n) {
  if (n === null || n === undefined || !isFinite(n)) return '–';
  return (n < 9.95 ? n.toFixed(1) : Math.round(n)) + ' %';
}

export const count = n => (n === null || n === undefined ? '–' : Math.round(n).toLocaleString('en'));

// long formats a number of seconds by its two largest units.
export function long(seconds) {
  if (!isFinite(seconds)) return '–';
  const s = Math.max(0, Math.round(seconds));
  for (const [unit, name, inner, innerName] of [
    [31557600, 'y', 86400, 'd'],
    [86400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ]) {
    if (s < unit) continue;
    const rest = Math.floor((s % unit) / inner);
    return Math.floor(s / unit) + ' ' + name + (rest && s / unit < 10 ? ' ' + rest + ' ' + innerName : '');
  }
  return s + ' s';
}

// brief is long with one unit.
export const brief = seconds => long(seconds).split(' ').slice(0, 2).join(' ');

// time reads a time of the server. There is none in the year 1.
export function time(value) {
  const t = value ? Date.parse(value) : NaN;
  return t > 0 ? t : null;
}

export const ago = value => {
  const t = time(value);
  return t === null ? '–' : brief((Date.now() - t) / 1000) + ' ago';
};

const clockFormat = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const dateFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

export const clock = ms => clockFormat.format(ms);
export const date = ms => (ms === null || !isFinite(ms) ? '–' : dateFormat.format(ms));

// ordered compares names as people sort them: web-2 before web-10.
const collator = new Intl.Collator(undefined, {numeric: true});
export const ordered = (a, b) => collator.compare(a, b);
