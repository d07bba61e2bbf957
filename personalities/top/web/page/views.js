// What the tabs of a container show.
import {el, text} from './dom.js';
import {get} from './data.js';
import {bytes, date, time} from './format.js';
import {facts, table} from './parts.js';
import {Graphs} from './graphs.js';
import {logView} from './log.js';
import {terminal} from './terminal.js';

// views fill the panel of a tab, and return what ends them.
export const views = {
  graphs(panel, host, id, row) {
    const graphs = new Graphs({host, series: id, about: row});
    panel.append(graphs.root);
    panel.told = ({kind, host: h, event}) => {
      if (h?.name !== host) return;
      if (kind === 'now') graphs.measured(h);
      if (kind === 'event' && event.ID === id) graphs.happened(event);
    };
    return () => {
      panel.told = null;
      graphs.close();
    };
  },

  log: (panel, host, id) => logView(panel, host, id),

  processes(panel, host, id) {
    const note = el('p', {class: 'dim empty'});
    let grid = null,
      titles = '',
      timer = 0,
      over = false;
    panel.append(note);
    async function load() {
      try {
        if (document.hidden) return;
        const top = await get('containers/' + encodeURIComponent(id) + '/top', {host});
        if (over) return;
        if (titles !== top.Titles.join()) {
          grid?.remove();
          const numbers = ['PID', 'PPID', 'C', '%CPU', '%MEM', 'VSZ', 'RSS', 'TIME'];
          grid = table(
            'Processes',
            top.Titles.map(t => [
              t,
              numbers.includes(t) ? 'number' : t === 'CMD' || t === 'COMMAND' ? 'command' : '',
            ]),
          );
          panel.append(el('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Processes'}, grid));
          titles = top.Titles.join();
        }
        grid.set(top.Processes ?? []);
        text(note, '');
      } catch (err) {
        text(note, err.message);
        grid?.set([]);
      } finally {
        if (!over) timer = setTimeout(load, 3000);
      }
    }
    load();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  },

  environment(panel, host, id) {
    const note = el('p', {class: 'dim empty'}),
      grid = table('Environment', [['Name'], ['Value', 'command']]);
    panel.append(note, el('div', {class: 'scroll'}, grid));
    const load = () =>
      get('containers/' + encodeURIComponent(id), {host}).then(
        about => {
          text(
            note,
            about.Hidden
              ? 'Values are shown to those who may act.'
              : about.Env.length
                ? ''
                : 'The environment is empty.',
          );
          grid.set(about.Env.map(v => [v.Name, v.Value ?? (about.Hidden ? '•••' : '')]));
        },
        err => text(note, err.message),
      );
    panel.told = ({kind}) => {
      if (kind === 'who') load();
    };
    load();
    return () => {
      panel.told = null;
    };
  },

  settings(panel, host, id) {
    const note = el('p', {class: 'dim empty'}),
      list = facts();
    const mounts = table('Mounts', [['In the container'], ['Type'], ['From', 'command'], ['Access']]);
    const networks = table('Networks', [['Name'], ['Address'], ['MAC address']]);
    const labels = table('Labels', [['Name'], ['Value', 'command']]);
    const checks = table('Health checks', [['At'], ['Exit', 'number'], ['Output', 'command']]);
    panel.append(note, list, el('div', {class: 'tables'}, mounts, networks, checks, labels));
    get('containers/' + encodeURIComponent(id), {host}).then(
      about => {
        const c = about.HostConfig,
          some = v => v && v > 0,
          yes = v => (v ? 'yes' : null);
        list.set([
          ['Command', [about.Path, ...(about.Args ?? [])].join(' ')],
          ['User', about.Config.User],
          ['Folder', about.Config.WorkingDir],
          ['Host name', about.Config.Hostname],
          ['Terminal', yes(about.Config.Tty)],
          ['Memory', some(c.Memory) ? bytes(c.Memory) : 'no limit'],
          ['Reserved', some(c.MemoryReservation) ? bytes(c.MemoryReservation) : null],
          ['Memory and swap', some(c.MemorySwap) ? bytes(c.MemorySwap) : null],
          [
            'Processors',
            some(c.NanoCpus) ? c.NanoCpus / 1e9 : some(c.CpuQuota) ? c.CpuQuota / (c.CpuPeriod || 1e5) : 'no limit',
          ],
          ['Shares', some(c.CpuShares) ? c.CpuShares : null],
          ['On processors', c.CpusetCpus],
          ['Tasks', some(c.PidsLimit) ? c.PidsLimit : 'no limit'],
          ['Restart policy', c.RestartPolicy.Name || 'no'],
          ['Network', c.NetworkMode],
          ['Privileged', yes(c.Privileged), 'warn'],
          ['Read-only root', yes(c.ReadonlyRootfs)],
          ['Capabilities', [...(c.CapAdd ?? []).map(x => '+' + x), ...(c.CapDrop ?? []).map(x => '−' + x)].join(' ')],
          ['Security', (c.SecurityOpt ?? []).join(' ')],
          ['Runtime', c.Runtime],
          ['Log driver', c.LogConfig.Type],
          ['Pid', about.State.Pid || null],
          ['Health check', (about.Config.Healthcheck?.Test ?? []).join(' ')],
          ['Stop signal', about.Config.StopSignal],
          ['Error', about.State.Error, 'bad'],
        ]);
        mounts.set(
          (about.Mounts ?? []).map(m => [
            m.Destination,
            m.Type,
            m.Name || m.Source,
            m.RW ? 'read and write' : 'read',
          ]),
        );
        networks.set(
          Object.entries(about.NetworkSettings.Networks ?? {}).map(([n, v]) => [
            n,
            [v?.IPAddress, v?.GlobalIPv6Address].filter(Boolean).join(', '),
            v?.MacAddress ?? '',
          ]),
        );
        labels.set(Object.entries(about.Config.Labels ?? {}));
        checks.set(
          (about.State.Health?.Log ?? []).map(l => [
            date(time(l.Start)),
            String(l.ExitCode),
            l.Output.trim().slice(0, 500),
          ]),
        );
      },
      err => text(note, err.message),
    );
  },

  shell: (panel, host, id, row) => terminal(panel, host, id, row()?.Name ?? id),
};
