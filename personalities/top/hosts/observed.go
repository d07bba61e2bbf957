package hosts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/netapi/wire"
)

// observed is one container of a Docker daemon.
type observed struct {
	id     string
	c      sample.Container
	known  bool // inspected
	dirty  bool // an event said that it has changed
	frames int  // measurements since it began to run
	at     time.Time
	cancel context.CancelFunc // ends the stream of its measurements; nil: there is none
}

// listed takes what the list says, and tells whether the rest must be asked for again, which the state belongs to: it
// comes together with its exit code and error.
func (o *observed) listed(s *container.Summary) bool {
	c := &o.c
	changed := c.State != string(s.State) || !o.known
	c.ID, c.Image, c.Labels = s.ID, s.Image, s.Labels
	c.Created = time.Unix(s.Created, 0)
	for _, name := range s.Names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // with one, it is a link's
			c.Name = name
		}
	}
	c.Ports = nil
	for _, p := range s.Ports {
		text := fmt.Sprintf("%d/%s", p.PrivatePort, p.Type)
		if p.PublicPort != 0 {
			text = fmt.Sprintf("%s:%d->%s", p.IP, p.PublicPort, text)
		}
		c.Ports = append(c.Ports, text)
	}
	return changed
}

// end ends the stream of measurements.
func (o *observed) end() {
	if o.cancel != nil {
		o.cancel()
		o.cancel = nil
	}
}

// inspections is how many containers are asked for at the same time.
const inspections = 8

// inspectAll asks for what the list does not say of containers. One that is gone meanwhile is left to the next list.
func (d *docker) inspectAll(ctx context.Context, list []*observed) {
	slots := make(chan struct{}, inspections)
	var all sync.WaitGroup
	for _, o := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			raw, err := d.api.ContainerInspect(ctx, o.id, false)
			var i container.InspectResponse
			if err != nil || json.Unmarshal(raw, &i) != nil || i.State == nil {
				d.mu.Lock()
				o.dirty = true
				d.mu.Unlock()
				return
			}
			d.alive()
			last := d.lastError(ctx, o.id, &i)
			d.mu.Lock()
			defer d.mu.Unlock()
			o.inspected(&i)
			o.c.LastError = last
		})
	}
	all.Wait()
}

func (o *observed) inspected(i *container.InspectResponse) {
	c, s := &o.c, i.State
	c.State, c.Health, c.Restarts = string(s.Status), "", i.RestartCount
	if s.Health != nil && s.Health.Status != container.NoHealthcheck {
		c.Health = string(s.Health.Status)
	}
	c.Started, c.Ended = timeOf(s.StartedAt), timeOf(s.FinishedAt)
	c.Exit = sample.Exit{Code: s.ExitCode, OOMKilled: s.OOMKilled}
	if h := i.HostConfig; h != nil {
		c.Policy = string(h.RestartPolicy.Name)
		c.CPU.Shares, c.CPU.Quota, c.CPU.Period = uint64(max(h.CPUShares, 0)), max(h.CPUQuota, 0), h.CPUPeriod
		c.CPU.Limit = float64(h.NanoCPUs) / 1e9
		if c.CPU.Limit == 0 && h.CPUQuota > 0 {
			c.CPU.Limit = float64(h.CPUQuota) / float64(cmp.Or(h.CPUPeriod, 100_000))
		}
		c.Memory.Limit, c.Memory.SwapLimit = uint64(max(h.Memory, 0)), uint64(max(h.MemorySwap, 0))
		c.Memory.Reserved = uint64(max(h.MemoryReservation, 0))
	}
}

// timeOf parses a time of an inspection; Docker's zero time is the zero time.
func timeOf(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}

// maxLine is how much of a line of the log is kept, in bytes.
const maxLine = 512

// errorTail is how many lines of both streams may hold the last one of standard error.
const errorTail = "50"

// lastError returns why the last start failed, or the last line of standard error of a container whose program has
// failed.
func (d *docker) lastError(ctx context.Context, id string, i *container.InspectResponse) string {
	s := i.State
	if s.Error != "" {
		return bounded(s.Error)
	}
	if s.ExitCode == 0 && i.RestartCount == 0 {
		return ""
	}
	tty := i.Config != nil && i.Config.Tty
	body, err := d.api.ContainerLogs(ctx, id, client.Logs{Stderr: true, Stdout: tty, Tail: errorTail})
	if err != nil {
		return ""
	}
	defer body.Close()
	var lines bytes.Buffer
	if r := io.LimitReader(body, 1<<20); tty {
		_, _ = io.Copy(&lines, r)
	} else {
		_ = wire.Demux(nil, &lines, r)
	}
	text := strings.TrimSpace(lines.String())
	return bounded(strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]))
}

func bounded(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxLine)], "") }
