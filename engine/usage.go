package engine

import (
	"context"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/stats"
)

// usageEvery is how far two measurements of a stream are apart.
const usageEvery = time.Second

// UsageOptions are those of `docker stats`.
type UsageOptions struct {
	Stream  bool // one a second until the client goes or the container is removed
	OneShot bool // a single one at once, with nothing to compare with; not with Stream
}

// Usage measures what a container uses and calls send with each measurement. Without Stream and OneShot there is one, a second after
// another that it can be compared with. A container that does not run uses nothing.
func (e *Engine) Usage(ctx context.Context, ref string, o UsageOptions, send func(*api.StatsResponse) error) error {
	if o.Stream && o.OneShot {
		return refuse.Invalid("cannot have stream=true and one-shot=true")
	}
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	m := meter{e: e, c: c, host: stats.Host{Proc: "/proc", Memory: uint64(memoryTotal())}}
	r := m.measure(ctx)
	if !o.Stream && (o.OneShot || r.Read.IsZero()) {
		return send(r)
	}
	if o.Stream {
		if err := send(r); err != nil {
			return err
		}
	}
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if m.c.Gone() {
			return nil
		}
		if err := send(m.measure(ctx)); err != nil || !o.Stream {
			return err
		}
	}
}

// meter measures one container again and again.
type meter struct {
	e      *Engine
	c      *lifecycle.Container
	host   stats.Host
	pid    int               // of the program whose control groups these are
	groups map[string]string //
	before api.CPUStats
	at     time.Time
}

// measure gives the name alone of a container that does not run.
func (m *meter) measure(ctx context.Context) *api.StatsResponse {
	rec := m.c.Record()
	st, _ := m.c.Now()
	r := &api.StatsResponse{ID: rec.ID, Name: "/" + rec.Name, OSType: "linux"}
	if !st.Running() {
		m.pid, m.at, m.before = 0, time.Time{}, api.CPUStats{}
		return r
	}
	if m.pid != st.Pid {
		d, err := m.e.o.Tasks.Task(rec.ID).Describe(ctx)
		if err != nil {
			return r // it has just ended
		}
		m.pid, m.groups, m.at, m.before = st.Pid, d.Cgroups, time.Time{}, api.CPUStats{}
	}
	u := m.host.Read(m.groups)
	r.CPUStats, r.MemoryStats, r.BlkioStats, r.PidsStats = u.CPU, u.Memory, u.Blkio, u.Pids
	if !rec.Host.NetworkMode.IsHost() {
		r.Networks = m.host.Networks(st.Pid)
	}
	r.Read, r.PreRead, r.PreCPUStats = m.e.o.Now().UTC(), m.at, m.before
	m.at, m.before = r.Read, r.CPUStats
	return r
}
