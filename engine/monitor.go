package engine

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/lifecycle"
	"box/engine/logs"
	"box/engine/logs/driver"
	"box/engine/refuse"
	"box/engine/stats/collect"
	"box/engine/stats/history"
	"box/engine/stats/machine"
	"box/engine/stats/sample"
	"box/fs"
)

// Monitor returns the collector, which measures the host and all containers for those who watch.
func (e *Engine) Monitor() *collect.Collector { return e.monitor }

// startMonitor begins to measure.
func (e *Engine) startMonitor() {
	known := &targets{e: e, made: map[string]*madeTarget{}}
	e.monitor = collect.New(collect.Options{
		Machine: &machine.Machine{Proc: "/proc", Sys: "/sys", Data: e.o.Root},
		Targets: known.list, Host: e.describeHost, Count: e.countFiles, Now: e.o.Now, Measured: e.o.Measured,
		Record: func(series string, at time.Time, values []float64) { e.History().Append(series, at, values) },
		Gone:   func(id string, at time.Time) { e.History().Gone(id, at) },
	})
	e.background(func() { e.monitor.Run(e.stopped) })
}

// History returns the past of the host and of all containers. It is nil, which keeps nothing, if the disk does not
// work. It is opened when it is first used, so that a daemon's start does not wait for it.
func (e *Engine) History() *history.Store {
	e.begin.Do(e.openHistory)
	return e.history.Load()
}

// Past returns a span of the past of the host, if series is "host", or of a container, with at most points moments.
// What is not kept is not measured. A container that is gone is known by its whole ID.
func (e *Engine) Past(series string, from, to time.Time, points int) (past sample.History, err error) {
	if !from.Before(to) {
		return past, refuse.Invalid("a history begins before it ends: from %d is not before to %d", from.UnixNano(),
			to.UnixNano())
	}
	h := e.History()
	if series != "host" && !slices.Contains(h.Series(), series) {
		c, err := e.container(series)
		if err != nil {
			return past, err
		}
		series = c.ID()
	}
	return h.Query(series, from, to, points), nil
}

func (e *Engine) openHistory() {
	h, err := history.Open(filepath.Join(e.o.Root, "stats"), history.Options{Disk: e.o.Disk, Log: e.log})
	if err != nil {
		e.log.Error("what is measured is not kept", "error", err)
		return
	}
	for _, id := range h.Series() {
		if _, err := e.container(id); err != nil && id != "host" {
			h.Gone(id, e.o.Now())
		}
	}
	e.history.Store(h)
}

// describeHost adds what the daemon knows of itself.
func (e *Engine) describeHost(h *sample.Host) {
	h.Version, h.Driver, h.Root, h.Cgroup = e.o.Version, e.layers.Name(), e.o.Root, "1"
	if cgroup.V2() {
		h.Cgroup = "2"
	}
	h.Started, h.Daemon.HistoryBytes = e.started.UTC(), e.History().Size()
	h.Daemon.Images, h.Daemon.Volumes = len(e.images.List()), e.volumes.Count()
	h.Daemon.Networks = e.nets.Len()
	_ = e.layers.Walk(e.stopped, func(i fs.Info) error { // what cannot be read takes nothing
		if i.State == fs.Committed {
			h.Daemon.ImageBytes += max(i.Size, 0)
		}
		return nil
	})
	h.Daemon.Timings = e.actions.Timings()
	h.Daemon.Checks, h.Daemon.ChecksFailed = e.actions.Checks.Load(), e.actions.ChecksFailed.Load()
	h.Daemon.Events, h.Daemon.Subscribers = e.bus.Published(), e.bus.Listeners()
	if e.o.Describe != nil {
		e.o.Describe(h)
	}
}

// countFiles counts what the layer of a container takes.
func (e *Engine) countFiles(ctx context.Context, id string) (sample.Disk, error) {
	u, err := e.roots.Usage(ctx, id)
	if err != nil {
		return sample.Disk{}, err
	}
	return sample.Disk{Writable: u.Bytes, Inodes: u.Inodes}, nil
}

// targets are the containers to measure. What is told of one is made anew when its record or status has changed.
type targets struct {
	e    *Engine
	mu   sync.Mutex
	made map[string]*madeTarget
}

type madeTarget struct {
	edits, seq uint64
	target     collect.Target
}

// list returns every container.
func (t *targets) list() []*collect.Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.e.all()
	made, list := make(map[string]*madeTarget, len(all)), make([]*collect.Target, 0, len(all))
	for _, c := range all {
		edits := c.Edits() // before the record: one that changes now is read again
		st, _ := c.Now()
		m := t.made[c.ID()]
		if m == nil || m.seq != st.Seq || m.edits != edits {
			rec := c.Record()
			m = &madeTarget{edits, st.Seq, t.e.target(&rec, &st)}
			m.target.Edits = edits
		}
		made[c.ID()] = m
		list = append(list, &m.target)
	}
	t.made = made
	return list
}

// target describes one container.
func (e *Engine) target(rec *lifecycle.Record, st *lifecycle.Status) collect.Target {
	files := e.logFiles(rec)
	t := collect.Target{
		Container: sample.Container{
			ID: rec.ID, Name: rec.Name, Image: e.imageName(rec), Labels: rec.Config.Labels, State: string(st.State),
			Created: rec.Created.UTC(), Started: st.Started.UTC(), Ended: st.Finished.UTC(),
			Exit:   sample.Exit{Code: st.ExitCode, OOMKilled: st.OOMKilled},
			Policy: string(rec.Host.RestartPolicy.Name), ByHand: st.ByHand, Restarts: st.Restarts,
			LastError: e.lastError(rec, st, files),
		},
		LogBytes: files.Size,
	}
	if st.Health != nil && st.Health.Status != api.NoHealthcheck {
		t.Container.Health = string(st.Health.Status)
	}
	if !st.Running() {
		return t
	}
	t.Run = st.Pid
	t.Groups = func() (map[string]string, error) {
		groups, err := e.groups()
		if err != nil {
			return nil, err
		}
		return groups.Open(rec.Cgroup).Paths()
	}
	for _, ep := range st.Endpoints {
		t.Links = append(t.Links, collect.Link{Inside: ep.Interface, Outside: ep.HostLink})
	}
	for _, p := range portSummaries(rec, st) {
		if p.PublicPort != 0 {
			t.Container.Ports = append(t.Container.Ports, portText(p))
		}
	}
	return t
}

// portText returns a published port as `docker ps` shows it.
func portText(p api.PortSummary) string {
	return fmt.Sprintf("%s->%d/%s", netip.AddrPortFrom(p.IP, p.PublicPort), p.PrivatePort, p.Type)
}

// What is read of a log for the last error: records from its end, more where another run may have added some, and bytes
// of the line.
const (
	lastRecords      = 20
	lastRecordsAgain = 200
	lastBytes        = 200
)

// lastError returns why the last run of a container failed: the last line of its standard error, or of its terminal,
// else the error of its start. For one that runs because its policy has started it again that is the run before; it is
// "" for others that run, and for one that ended well.
func (e *Engine) lastError(rec *lifecycle.Record, st *lifecycle.Status, files logs.Files) string {
	q := logs.Query{Tail: lastRecords, Since: st.Started}
	switch {
	case st.Running() && st.Restarts == 0 || !st.Running() && st.ExitCode == 0 && st.Error == "":
		return ""
	case st.Running():
		q = logs.Query{Tail: lastRecordsAgain, Until: st.Started}
	}
	line := st.Error
	_ = files.Read(e.stopped, q, func(entry *logs.Entry) error {
		text := bytes.TrimSpace(entry.Text)
		if (entry.Stream == driver.Stderr || rec.Config.Tty) && len(text) > 0 && st.Error == "" {
			line = string(text)
		}
		return nil
	})
	if len(line) > lastBytes {
		line = line[:lastBytes]
		for !utf8.ValidString(line) && line != "" && !utf8.RuneStart(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
	}
	return strings.ToValidUTF8(line, "�")
}
