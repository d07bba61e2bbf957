// What is known of all hosts, kept current by one stream of server-sent events.

// Numbers of a container, by their places in a message.
export const CPU = 0,
  THROTTLED = 1,
  MEMORY = 2,
  USAGE = 3,
  RX = 4,
  TX = 5,
  READ = 6,
  WRITTEN = 7,
  PIDS = 8,
  DISK = 9,
  LOG = 10;

const sparkLength = 60; // moments that a sparkline shows

// hosts are by name: {name, address, kind, dead, since, err, rows: Map of ID to row, now: {ID: numbers}, at, machine,
// before, sparks: Map of ID to numbers}. machine is the host's measurement, before the one before it, and between
// the seconds between them.
export const hosts = new Map();

// session is what the one who looks may do.
export const session = {holder: false, token: false, live: false};

const listeners = new Set();

// listen calls f with {kind, host, event} whenever something came, until the returned function is called.
export function listen(f) {
  listeners.add(f);
  return () => listeners.delete(f);
}

function tell(kind, host, event) {
  for (const f of listeners) f({kind, host, event});
}

function hostOf(name) {
  if (!hosts.has(name)) {
    hosts.set(name, {
      name,
      rows: new Map(),
      now: {},
      machine: null,
      before: null,
      at: null,
      sparks: new Map(),
      dead: false,
      kind: '',
      err: '',
      wrong: [],
      since: null,
      address: '',
    });
  }
  return hosts.get(name);
}

function described(m) {
  const h = hostOf(m.Host);
  Object.assign(h, {
    address: m.Address,
    kind: m.Kind,
    dead: m.Dead,
    since: m.Since,
    err: m.Err ?? '',
    wrong: m.Wrong ?? [],
  });
  h.rows = new Map(m.Containers.map(c => [c.ID, c]));
  for (const id of h.sparks.keys()) if (!h.rows.has(id)) h.sparks.delete(id);
  if (h.dead) h.now = {};
  tell('host', h);
}

function measured(m) {
  const h = hostOf(m.Host);
  const at = Date.parse(m.At);
  Object.assign(h, {
    before: h.machine,
    machine: m.Machine,
    now: m.Containers,
    between: h.at && (at - h.at) / 1000,
    at,
  });
  for (const [id, n] of Object.entries(m.Containers)) {
    const spark = h.sparks.get(id) ?? [];
    spark.push(n[CPU]);
    if (spark.length > sparkLength) spark.splice(0, spark.length - sparkLength);
    h.sparks.set(id, spark);
  }
  tell('now', h);
}

// loadSparks fills the sparklines of a host from its past.
async function loadSparks(h) {
  h.sparked = true;
  const past = await get('sparks', {host: h.name}).catch(() => ({}));
  for (const [id, values] of Object.entries(past)) {
    const have = h.sparks.get(id) ?? [];
    h.sparks.set(
      id,
      (values ?? [])
        .filter(v => v !== null)
        .concat(have)
        .slice(-sparkLength),
    );
  }
}

let source = null,
  again = 0,
  asleep = 0;

// connect opens the stream. While the page cannot be seen there is none, so that nothing is measured for it.
export function connect() {
  clearTimeout(again);
  source?.close();
  const s = (source = new EventSource('api/stream'));
  const on = (kind, f) => s.addEventListener(kind, e => f(JSON.parse(e.data)));
  s.onopen = () => {
    session.live = true;
    tell('live');
  };
  s.onerror = () => {
    session.live = false;
    tell('live');
    if (s.readyState === EventSource.CLOSED) again = setTimeout(connect, 5000);
  };
  on('host', described);
  on('now', m => {
    measured(m);
    const h = hosts.get(m.Host);
    if (!h.sparked) loadSparks(h);
  });
  on('event', m => tell('event', hostOf(m.Host), m.Event));
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(asleep);
  if (document.hidden) {
    asleep = setTimeout(() => {
      source?.close();
      source = null;
      session.live = false;
    }, 20000);
  } else if (!source) {
    for (const h of hosts.values()) {
      h.sparked = false;
      h.sparks.clear();
    }
    connect();
  }
});

// The token is kept while the browser's tab is open, and sent in a header.
export function setToken(token) {
  if (token) sessionStorage.setItem('box.token', token);
  else sessionStorage.removeItem('box.token');
}

function request(path, query, init) {
  const q = new URLSearchParams(Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== null));
  const headers = {...init?.headers};
  const token = sessionStorage.getItem('box.token');
  if (token) headers.Authorization = 'Bearer ' + token;
  return fetch('api/' + path + (q.size ? '?' + q : ''), {...init, headers});
}

async function failure(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Error(body.message || answer.status + ' ' + answer.statusText);
}

// get asks for JSON.
export async function get(path, query, signal) {
  const answer = await request(path, query, {signal});
  if (!answer.ok) throw await failure(answer);
  return answer.json();
}

// post acts, and returns the reply.
export async function post(path, query, body, signal) {
  const answer = await request(path, query, {
    method: 'POST',
    body: JSON.stringify(body ?? {}),
    signal,
    headers: {'Content-Type': 'application/json', 'X-Box-Monitor': '1'},
  });
  if (!answer.ok) throw await failure(answer);
  return answer;
}

// lines calls f with the lines of a reply as they come, several at once, until it ends.
export async function lines(answer, f) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    const all = (rest + value).split('\n');
    rest = all.pop();
    if (all.length) f(all);
  }
  if (rest) f([rest]);
}

// getLines asks for lines.
export async function getLines(path, query, signal, f) {
  const answer = await request(path, query, {signal});
  if (!answer.ok) throw await failure(answer);
  await lines(answer, f);
}

// who asks what the one who looks may do.
export async function who() {
  const answer = await get('hosts');
  Object.assign(session, {holder: answer.Holder, token: answer.Token});
  for (const name of answer.Hosts) hostOf(name);
  tell('who');
  return session.holder;
}
