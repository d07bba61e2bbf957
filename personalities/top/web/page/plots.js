// Which graphs there are, and what they are made from.
import {CPU, DISK, MEMORY, PIDS, READ, RX, THROTTLED, TX, WRITTEN} from './data.js';
import {bytes, clock, count, percent, rate} from './format.js';
import {dataFiles, hottest} from './parts.js';

// spans of time that can be chosen, in seconds.
export const spans = [
  ['10 min', 600],
  ['1 h', 3600],
  ['1 day', 86400],
  ['30 days', 30 * 86400],
  ['1 year', 365 * 86400],
];

const hundred = v => (v === null || v === undefined ? null : v * 100);

const celsius = v => (v === null || v === undefined ? '–' : v.toFixed(1) + ' °C');

export const plainNumber = v => (v === null || v === undefined ? '–' : v.toFixed(2));

// A plot is a graph: lines are [column of the history, label, colour], in the order in which they are drawn. limit
// returns a level that is shown when the lines come near it. A rare one is shown where it has something to say.
const ofContainer = [
  {
    title: 'CPU',
    unit: percent,
    scale: hundred,
    note: 'of one processor',
    lines: [
      ['cpu_max', 'highest', 'faint'],
      ['cpu', 'mean', 'first'],
    ],
    limit: about => about?.CPULimit * 100,
  },
  {
    title: 'Held back',
    unit: percent,
    scale: hundred,
    note: 'of the periods, by the limit of CPU',
    rare: true,
    lines: [['throttled', 'share', 'warn']],
  },
  {
    title: 'Memory',
    unit: bytes,
    binary: true,
    lines: [
      ['memory_max', 'highest', 'faint'],
      ['memory', 'working set', 'first'],
    ],
    limit: about => about?.MemoryLimit,
  },
  {
    title: 'Network',
    unit: rate,
    binary: true,
    lines: [
      ['rx', 'received', 'first'],
      ['tx', 'sent', 'second'],
    ],
  },
  {
    title: 'Disk',
    unit: rate,
    binary: true,
    lines: [
      ['read', 'read', 'first'],
      ['written', 'written', 'second'],
    ],
  },
  {title: 'Tasks', unit: count, lines: [['pids', 'tasks', 'first']], limit: about => about?.PidsLimit},
  {title: 'Files', unit: bytes, binary: true, lines: [['disk', 'own layer', 'first']]},
];

const ofHost = [
  {
    title: 'CPU',
    unit: percent,
    scale: (v, about) => (v === null || v === undefined ? null : (100 * v) / (about?.CPUs || 1)),
    note: 'of all processors',
    lines: [
      ['cpu_max', 'highest', 'faint'],
      ['cpu', 'busy', 'first'],
      ['iowait', 'waiting for disks', 'second'],
    ],
  },
  {
    title: 'Load',
    unit: plainNumber,
    lines: [['load', 'last minute', 'first']],
    limit: about => about?.CPUs,
    limitWord: 'processors',
  },
  {
    title: 'Memory',
    unit: bytes,
    binary: true,
    lines: [
      ['memory_max', 'highest', 'faint'],
      ['memory', 'in use', 'first'],
      ['swap', 'swap', 'second'],
    ],
    limit: about => about?.Memory?.Total,
    limitWord: 'of',
  },
  {
    title: 'Network',
    unit: rate,
    binary: true,
    lines: [
      ['rx', 'received', 'first'],
      ['tx', 'sent', 'second'],
    ],
  },
  {
    title: 'Disks',
    unit: rate,
    binary: true,
    lines: [
      ['read', 'read', 'first'],
      ['written', 'written', 'second'],
    ],
  },
  {
    title: 'Data',
    unit: bytes,
    binary: true,
    lines: [['disk', 'in use', 'first']],
    limit: about => dataFiles(about)?.Total,
    limitWord: 'of',
  },
  {
    title: 'Inodes',
    unit: count,
    lines: [['inodes', 'in use', 'first']],
    limit: about => dataFiles(about)?.Inodes,
    limitWord: 'of',
  },
  {title: 'Temperature', unit: celsius, rare: true, lines: [['heat', 'highest', 'first']]},
];

// valuesOf returns the values of columns in a measurement of a second.
export function valuesOf(host, series) {
  if (series !== 'host') {
    const n = host.now[series];
    return (
      n && {
        cpu: n[CPU],
        cpu_max: n[CPU],
        throttled: n[THROTTLED],
        memory: n[MEMORY],
        memory_max: n[MEMORY],
        rx: n[RX],
        tx: n[TX],
        read: n[READ],
        written: n[WRITTEN],
        pids: n[PIDS],
        disk: n[DISK] < 0 ? null : n[DISK],
      }
    );
  }
  const m = host.machine,
    f = dataFiles(m),
    used = m.Memory.Total - m.Memory.Available;
  return {
    cpu: m.Rate.CPU,
    cpu_max: m.Rate.CPU,
    iowait: m.Rate.IOWait,
    load: m.Load[0],
    memory: used,
    memory_max: used,
    swap: m.Memory.SwapTotal - m.Memory.SwapFree,
    rx: m.Rate.Rx,
    tx: m.Rate.Tx,
    read: m.Rate.Read,
    written: m.Rate.Written,
    disk: f ? f.Total - f.Free : null,
    inodes: f ? f.Inodes - f.FreeInodes : null,
    heat: hottest(m),
  };
}

// binarySteps are the distances of an axis of bytes.
export const binarySteps = Array.from({length: 50}, (_, i) => 2 ** i);

// times formats the moments of an axis: no more than what tells them apart.
const shortTime = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit'});
const shortDay = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});
const shortMonth = new Intl.DateTimeFormat('en-GB', {month: 'short', year: '2-digit'});

export function times(u, ticks, axis, space, step) {
  return ticks.map(t => {
    const d = new Date(t * 1000);
    if (step < 60) return clock(d);
    if (step < 86400) return d.getHours() || d.getMinutes() ? shortTime.format(d) : shortDay.format(d);
    return step < 28 * 86400 ? shortDay.format(d) : shortMonth.format(d);
  });
}

// plotsOf returns the graphs of a series.
export const plotsOf = series => (series === 'host' ? ofHost : ofContainer);
