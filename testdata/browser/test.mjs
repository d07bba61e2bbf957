// The monitor's page in Chromium, as a user sees it. See run for what is there to be seen.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {cases} from './screen.mjs';

const {PAGE, PICTURES, CERTS, TOKEN, BOX, TOOLS} = process.env;
const {chromium} = createRequire(join(TOOLS, 'x.js'))('playwright-core');
const docker = (...args) => execFileSync(BOX, ['docker', ...args], {encoding: 'utf8'}).trim();
const origin = new URL(PAGE).origin;
const certificate = {origin, certPath: join(CERTS, 'cert.pem'), keyPath: join(CERTS, 'key.pem')};
const patience = 30000;

const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage']});
const faults = [];

// open opens the page in a browser of its own.
async function open({holder, width = 1360, height = 850, theme = 'light'} = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: {width, height},
    colorScheme: theme,
    reducedMotion: 'reduce',
    clientCertificates: holder ? [certificate] : undefined,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', e => faults.push(e.message));
  page.on('console', m => {
    if (m.type() === 'error' && !/Failed to load resource/.test(m.text())) faults.push(m.text());
  });
  await page.goto(PAGE);
  await page.waitForSelector('.live.is-good');
  return page;
}

const rows = page => page.locator('table.containers tbody tr:not(.project)');
const text = (page, selector) => page.locator(selector).first().innerText();

// becomes waits until something is as wanted.
async function becomes(what, get, ok) {
  let last;
  for (const end = Date.now() + patience; Date.now() < end; await new Promise(r => setTimeout(r, 150))) {
    if (ok((last = await get()))) return last;
  }
  assert.fail(`never ${what}: ${JSON.stringify(last)}`);
}

const steps = {
  async 'ten containers are listed'(page) {
    await becomes(
      'ten rows',
      () => rows(page).count(),
      n => n === 10,
    );
    assert.match(await text(page, 'tr:has(a:text-is("failed")) .state'), /exited 3/);
    assert.match(await text(page, 'tr:has(a:text-is("web")) .state'), /^up/);
    await becomes(
      'unhealthy',
      () => text(page, 'tr:has(a:text-is("sick")) .state'),
      s => s.includes('unhealthy'),
    );
    await becomes(
      'busy',
      () => text(page, 'tr:has(a:text-is("burner")) .cpu'),
      s => parseFloat(s) > 5,
    );
    assert.equal(await page.locator('.actions').count(), 0);
  },

  async 'rows are sorted, filtered and folded'(page) {
    await page.click('th.cpu button');
    assert.equal(await rows(page).first().locator('th a').innerText(), 'burner');
    assert.equal(await page.getAttribute('th.cpu', 'aria-sort'), 'descending');
    await page.click('th.name button');
    await page.keyboard.press('/');
    await page.keyboard.type('shop-d');
    await becomes(
      'one row',
      () => rows(page).count(),
      n => n === 1,
    );
    await page.fill('#filter', '');
    await page.click('.fold');
    await becomes(
      'folded',
      () => rows(page).count(),
      n => n === 7,
    );
    assert.match(await text(page, 'tr.project .state'), /3 of 3 up/);
    await page.click('.fold');
  },

  async 'keys are explained'(page) {
    await page.keyboard.press('Escape');
    await page
      .locator('h1, .hosts')
      .first()
      .click({position: {x: 1, y: 1}});
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open] dl.keys');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', {state: 'detached'});
  },

  async 'a graph moves'(page) {
    await page.click('th a:text-is("burner")');
    await page.waitForSelector('.graphs figure canvas');
    const picture = () => page.evaluate(() => document.querySelector('.graphs canvas').toDataURL());
    await page.waitForTimeout(1500);
    const before = await picture();
    await becomes('another picture', picture, p => p !== before);
    const label = await page.getAttribute('.graphs .area', 'aria-label');
    assert.match(label, /^CPU: .*mean \d/);
  },

  async 'a span is zoomed, and left'(page) {
    const box = await page.locator('.u-over').first().boundingBox();
    const asked = page.waitForRequest(r => r.url().includes('/api/history'));
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, {steps: 4});
    await page.mouse.up();
    const query = new URL((await asked).url()).searchParams;
    const seconds = (query.get('to') - query.get('from')) / 1000;
    assert.ok(seconds > 150 && seconds < 210, `${seconds} s are shown of 600`);
    assert.doesNotMatch(await text(page, '.past .tools .number'), /now$/);
    await page.click('.past button:text-is("Back")');
    await becomes(
      'live again',
      () => page.getAttribute('.choice button', 'aria-pressed'),
      v => v === 'true',
    );
    for (const span of ['1 h', '1 day', '30 days', '1 year', '10 min']) {
      await page.click(`.choice button:text-is("${span}")`);
      await becomes(
        span,
        () => page.getAttribute(`.choice button:text-is("${span}")`, 'aria-pressed'),
        v => v === 'true',
      );
    }
    await page.locator('.area').first().focus();
    await page.keyboard.press('+');
    await becomes(
      'zoomed by a key',
      () => page.locator('.choice [aria-pressed=true]').count(),
      n => n === 0,
    );
    await page.keyboard.press('Backspace');
    assert.equal(await page.locator('.past .empty:visible').count(), 0);
  },

  async 'events are drawn and told'(page) {
    docker('restart', '-t', '0', 'shop-queue');
    await page.goto(`${PAGE}#/c/${await host(page)}/${docker('inspect', '-f', '{{.Id}}', 'shop-queue')}`);
    await page.click('.listed summary');
    await becomes(
      'an event',
      () => page.locator('.listed li').allInnerTexts(),
      all => all.some(l => /exited|started/.test(l)),
    );
  },

  async 'the log is followed and searched'(page) {
    await page.goto(`${PAGE}#/c/${await host(page)}/${docker('inspect', '-f', '{{.Id}}', 'web')}/log`);
    const count = () => page.locator('.log div').count();
    const before = await becomes('lines', count, n => n > 3);
    await becomes('more lines', count, n => n > before);
    assert.match(await text(page, '.log div'), /<b>of<\/b> the log, 안녕/);
    await page.fill('#filter', 'LINE 2');
    await becomes(
      'marks',
      () => page.locator('.log mark').count(),
      n => n > 0,
    );
    assert.equal(await page.locator('.log b').count(), 0);
  },

  async 'processes, settings and a hidden environment'(page) {
    await page.click('[role=tab]:text-is("Processes")');
    await becomes(
      'the processes',
      () => page.locator('.panel tbody').innerText(),
      s => s.includes('sh -c'),
    );
    await page.click('[role=tab]:text-is("Mounts and limits")');
    await becomes(
      'the limit',
      () => page.locator('.panel').innerText(),
      s => s.includes('64.0 MiB'),
    );
    await page.click('[role=tab]:text-is("Environment")');
    await becomes(
      'the names',
      () => page.locator('.panel').innerText(),
      s => s.includes('PASSWORD'),
    );
    assert.doesNotMatch(await page.content(), /hunter2/);
  },

  async 'nobody acts without a certificate'(page) {
    assert.equal(await page.locator('.actions:visible').count(), 0);
    assert.equal(await text(page, '#sign'), 'read only');
    const status = await page.evaluate(
      async id =>
        (
          await fetch(`api/containers/${id}/stop`, {
            method: 'POST',
            body: '{}',
            headers: {'Content-Type': 'application/json', 'X-Box-Monitor': '1'},
          })
        ).status,
      docker('inspect', '-f', '{{.Id}}', 'web'),
    );
    assert.equal(status, 401);
    assert.equal(docker('inspect', '-f', '{{.State.Running}}', 'web'), 'true');
  },

  async 'the token may act'(page) {
    await page.click('#sign');
    await page.fill('dialog input', 'wrong-token-wrong-token');
    await page.click('dialog button:text-is("Use it")');
    await becomes(
      'refused',
      () => text(page, '#status'),
      s => s.includes('not the token'),
    );
    await page.click('#sign');
    await page.fill('dialog input', TOKEN);
    await page.click('dialog button:text-is("Use it")');
    await becomes(
      'may act',
      () => text(page, '#sign'),
      s => s === 'may act',
    );
    await becomes(
      'values',
      () => page.locator('.panel').innerText(),
      s => s.includes('hunter2'),
    );
    await page.click('[data-verb=pause]');
    await becomes(
      'paused',
      () => docker('inspect', '-f', '{{.State.Status}}', 'web'),
      s => s === 'paused',
    );
    await page.click('[data-verb=unpause]');
    await becomes(
      'resumed',
      () => docker('inspect', '-f', '{{.State.Status}}', 'web'),
      s => s === 'running',
    );
  },

  async 'the screen understands terminals'(page) {
    const shown = printed =>
      page.evaluate(async words => {
        const {Screen} = await import('./screen.js');
        const screen = new Screen(5, 10, () => {});
        screen.write(words);
        screen.draw();
        return [...screen.now.children].map(l => l.textContent.trimEnd());
      }, printed);
    for (const [what, printed, want] of cases) {
      const lines = await shown(printed);
      assert.equal(lines.length, 5, what);
      if (want) assert.deepEqual(lines, [...want, ...Array(5 - want.length).fill('')], what);
    }
  },

  async 'disk, hosts and events are shown'(page) {
    await page.goto(PAGE + '#/disk');
    await becomes(
      'the image',
      () => page.locator('main').innerText(),
      s => s.includes('busybox:latest'),
    );
    await page.goto(PAGE + '#/hosts');
    await becomes(
      'the host',
      () => page.locator('main').innerText(),
      s => s.includes('File systems') && s.includes('user'),
    );
    await page.goto(PAGE + '#/events');
    await becomes(
      'events',
      () => page.locator('main').innerText(),
      s => s.includes('web started'),
    );
  },
};

const host = page =>
  page.evaluate(async () => encodeURIComponent((await (await fetch('api/hosts')).json()).Hosts[0]));

// acting is what the holder of a certificate does.
const acting = {
  async 'a container is stopped with a certificate'(page) {
    await page.click('th a:text-is("mail")');
    await page.click('[data-verb=stop]');
    await page.click('dialog button:text-is("Stop")');
    await becomes(
      'stopped',
      () => docker('inspect', '-f', '{{.State.Status}}', 'mail'),
      s => s === 'exited',
    );
    await becomes(
      'shown as stopped',
      () => text(page, 'h1 .state'),
      s => s.includes('exited'),
    );
    await page.click('[data-verb=start]');
    await becomes(
      'started',
      () => text(page, 'h1 .state'),
      s => s.startsWith('up'),
    );
  },

  async 'limits are changed'(page) {
    await page.goto(`${PAGE}#/c/${await host(page)}/${docker('inspect', '-f', '{{.Id}}', 'limited')}`);
    await page.click('.actions button:text-is("Limits …")');
    await page.locator('dialog input').first().fill('48m');
    await page.click('dialog button:text-is("Change")');
    await becomes(
      'changed',
      () => docker('inspect', '-f', '{{.HostConfig.Memory}}', 'limited'),
      s => s === String(48 << 20),
    );
  },

  async 'volumes are created and removed'(page) {
    await page.goto(PAGE + '#/disk');
    await page.click('.actions button:text-is("Create a volume …")');
    await page.fill('dialog input', 'from-the-page');
    await page.click('dialog button:text-is("Create")');
    await becomes(
      'created',
      () => docker('volume', 'ls', '-q'),
      s => s === 'from-the-page',
    );
    await page.click('[aria-label="Remove from-the-page"]');
    await page.click('dialog button:text-is("Remove")');
    await becomes(
      'removed',
      () => docker('volume', 'ls', '-q'),
      s => s === '',
    );
    await page.goto(`${PAGE}#/c/${await host(page)}/${docker('inspect', '-f', '{{.Id}}', 'limited')}`);
  },

  async 'a shell runs in the page'(page) {
    await page.click('[role=tab]:text-is("Shell")');
    await page.click('.panel button:text-is("Open")');
    await becomes(
      'a prompt',
      () => page.locator('.screen').innerText(),
      s => /[#$]/.test(s),
    );
    await page.keyboard.type('echo it-is-$((40+2)); echo 안녕\n');
    await becomes(
      'an answer',
      () => page.locator('.screen').innerText(),
      s => s.includes('it-is-42') && /^안녕$/m.test(s),
    );
    await page.keyboard.type('top -d 1\n');
    await becomes(
      'top',
      () => page.locator('.screen').innerText(),
      s => s.includes('Mem:'),
    );
    await picture(page, 'shell');
    await page.keyboard.type('q');
    await page.keyboard.type('exit\n');
    await becomes(
      'the end',
      () => page.locator('.panel .tools').innerText(),
      s => s.includes('ended'),
    );
  },
};

const picture = (page, name) => page.screenshot({path: join(PICTURES, name + '.png')});

async function tried(page, all) {
  for (const [name, step] of Object.entries(all)) {
    const begun = Date.now();
    try {
      await step(page);
      console.log('ok', name + ',', ((Date.now() - begun) / 1000).toFixed(1), 's');
    } catch (e) {
      await picture(page, 'fault').catch(() => {});
      console.error('FAILED', name + ':', e.message);
      process.exit(1);
    }
  }
}

await tried(await open(), steps);
await tried(await open({holder: true}), acting);

// pictures, for the eye, and that nothing is wider than a phone
async function pictures(theme, width) {
  const page = await open({theme, width, height: width === 360 ? 740 : 850});
  const h = await host(page),
    id = docker('inspect', '-f', '{{.Id}}', 'burner');
  for (const [name, hash, ready] of [
    ['list', '#/', 'table.containers tbody tr'],
    ['container', `#/c/${h}/${id}`, '.graphs canvas'],
    ['log', `#/c/${h}/${docker('inspect', '-f', '{{.Id}}', 'web')}/log`, '.log div'],
    ['host', '#/hosts', '.graphs canvas'],
    ['disk', '#/disk', '.tables tbody tr'],
    ['events', '#/events', '.events li'],
  ]) {
    await page.goto(PAGE + hash);
    await page.waitForSelector(ready);
    await page.waitForTimeout(1500); // what the next measurement adds
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await picture(page, `${name}-${theme}-${width}`);
    if (wide > width) {
      console.error(`FAILED ${name} is ${wide} wide in ${width}`);
      process.exitCode = 1;
    }
  }
  await page.context().close();
}
await Promise.all(['light', 'dark'].flatMap(theme => [1360, 360].map(width => pictures(theme, width))));
await browser.close();
if (faults.length) {
  console.error('FAILED faults:', [...new Set(faults)].join('\n'));
  process.exitCode = 1;
} else {
  console.log('ok without faults');
}
