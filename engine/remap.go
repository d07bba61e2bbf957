package engine

import (
	"fmt"

	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
	"box/engine/userns"
)

// remapped tells whether a container has a user namespace of its own.
func (e *Engine) remapped(h *api.HostConfig) bool {
	d := e.requestDaemon()
	return d.Remapped(h)
}

// holdUsers makes the user namespace of a container that starts, with a network namespace in it. Who shares the processes or the memory
// of another container shares its user namespace.
func (e *Engine) holdUsers(rec *lifecycle.Record, j *sandbox) (err error) {
	other := ""
	switch {
	case rec.Host.PidMode.IsContainer():
		other = rec.Host.PidMode.Container()
	case rec.Host.IpcMode.IsContainer():
		other = rec.Host.IpcMode.Container()
	}
	if other == "" {
		j.holder, err = userns.New(e.o.IDs)
	} else {
		var pid int
		if pid, err = e.pidOf(other); err != nil {
			return err
		}
		j.holder, err = userns.Join(fmt.Sprintf("/proc/%d/ns/user", pid))
	}
	if err != nil {
		return err
	}
	j.users = j.holder.User()
	return nil
}
