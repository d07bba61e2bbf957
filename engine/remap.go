package engine

import (
	"fmt"

	api "github.com/moby/moby/api/types/container"

	"box/engine/refuse"
	"box/engine/userns"
)

// remapped tells whether a container has a user namespace of its own.
func (e *Engine) remapped(h *api.HostConfig) bool {
	return len(e.o.IDs.UIDs) > 0 && h.UsernsMode.IsPrivate()
}

// checkRemap refuses, in Docker's words, what a user namespace of its own has no power over.
func (e *Engine) checkRemap(h *api.HostConfig) error {
	switch {
	case !e.remapped(h):
	case h.Privileged:
		return refuse.Invalid("privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode")
	case h.NetworkMode.IsHost():
		return refuse.Invalid("cannot share the host's network namespace when user namespaces are enabled")
	case h.PidMode.IsHost():
		return refuse.Invalid("cannot share the host PID namespace when user namespaces are enabled")
	}
	return nil
}

// holdUsers makes the user namespace of a container that starts, with a network namespace in it. Who shares the processes or the memory
// of another container shares its user namespace.
func (e *Engine) holdUsers(rec *record, j *sandbox) (err error) {
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
