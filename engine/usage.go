package engine

import (
	"context"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	apivolume "github.com/moby/moby/api/types/volume"

	"box/engine/lifecycle"
	"box/engine/ps"
	"box/engine/refuse"
	"box/engine/stats"
	"box/fs"
	"box/fs/diskspace"
)

// usageEvery is the interval of measurements in a stream.
const usageEvery = time.Second

// UsageOptions are the options of `docker stats`.
type UsageOptions struct {
	Stream  bool // one a second until the client goes or the container is removed
	OneShot bool // a single one at once, with nothing to compare with; not with Stream
}

// Usage measures what a container uses, and calls send with each measurement. Without Stream and OneShot there is one
// measurement, a second after another one for comparison. A stopped container uses nothing.
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

// meter measures one container repeatedly.
type meter struct {
	e      *Engine
	c      *lifecycle.Container
	host   stats.Host
	pid    int               // of the program whose control groups these are
	groups map[string]string //
	before api.CPUStats
	at     time.Time
}

// measure returns only the name for a container that is not running.
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

// DiskUsage is what takes space. What was not asked for is nil.
type DiskUsage struct {
	Layers     int64 // bytes of file content of all layers of images, each once
	Images     []apiimage.Summary
	Containers []api.Summary
	Volumes    []apivolume.Volume
}

// DiskUsageOf says what to measure.
type DiskUsageOf struct{ Images, Containers, Volumes bool }

// DiskUsage measures what takes space.
func (e *Engine) DiskUsage(ctx context.Context, of DiskUsageOf) (u DiskUsage, err error) {
	if of.Images {
		if u.Images, u.Layers, err = e.imageUsage(ctx); err != nil {
			return u, err
		}
	}
	if of.Containers {
		if u.Containers, err = e.List(ctx, ListOptions{All: true, Size: true}); err != nil {
			return u, err
		}
	}
	if of.Volumes {
		if u.Volumes, err = e.VolumeUsage(ctx); err != nil {
			return u, err
		}
	}
	return u, ctx.Err()
}

// imageUsage lists images with shared sizes and the number of their containers.
func (e *Engine) imageUsage(ctx context.Context) ([]apiimage.Summary, int64, error) {
	list, err := e.Images(ctx, ImageList{SharedSize: true, Containers: true})
	if err != nil {
		return nil, 0, err
	}
	var layers int64
	err = e.layers.Walk(ctx, func(i fs.Info) error {
		if i.State == fs.Committed {
			layers += max(i.Size, 0)
		}
		return nil
	})
	return list, layers, err
}

// Explain adds to the error of a full disk which one it is and what to do. It is called for every error that leaves the
// engine, and does not change others.
func (e *Engine) Explain(err error) error { return diskspace.Explain(err, e.o.Root, e.o.Run) }

// Top lists the processes of a container; args are options of ps(1).
func (e *Engine) Top(ctx context.Context, ref, args string) (api.TopResponse, error) {
	var none api.TopResponse
	c, err := e.container(ref)
	if err != nil {
		return none, err
	}
	switch st, _ := c.Now(); {
	case st.State == api.StateRestarting:
		return none, refuse.Conflict("Container %s is restarting, wait until the container is running", c.ID())
	case !st.Running():
		return none, refuse.Conflict("Container %s is not running", c.ID())
	}
	d, err := e.o.Tasks.Task(c.ID()).Describe(ctx)
	if errdefs.IsNotFound(err) {
		return none, refuse.Conflict("Container %s is not running", c.ID())
	}
	if err != nil {
		return none, err
	}
	t, err := ps.List(ps.Source{
		Proc: "/proc", Now: e.o.Now(), Memory: uint64(memoryTotal()), Pages: os.Getpagesize(),
		User: remembered(func(id string) string {
			u, err := user.LookupId(id)
			if err != nil {
				return ""
			}
			return u.Username
		}),
		Group: remembered(func(id string) string {
			g, err := user.LookupGroupId(id)
			if err != nil {
				return ""
			}
			return g.Name
		}),
	}, args, d.Pids)
	if err != nil {
		return none, err
	}
	e.publish(ctx, c, events.ActionTop)
	return api.TopResponse{Titles: t.Titles, Processes: t.Rows}, nil
}

// remembered calls lookup only once for each number.
func remembered(lookup func(id string) string) func(uint32) string {
	known := map[uint32]string{}
	return func(id uint32) string {
		name, ok := known[id]
		if !ok {
			name = lookup(strconv.FormatUint(uint64(id), 10))
			known[id] = name
		}
		return name
	}
}
