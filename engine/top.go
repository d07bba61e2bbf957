package engine

import (
	"context"
	"os"
	"os/user"
	"strconv"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/ps"
	"box/engine/refuse"
)

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

// remembered asks lookup once for each number.
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
