package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/userns"
	mounts "box/fs/mount"
)

// shmPath is where the /dev/shm of a container that others may join is mounted on the host, as in Docker.
func (e *Engine) shmPath(id string) string { return filepath.Join(e.dir(id), "mounts", "shm") }

// shareIPC sets the IPC namespace and /dev/shm of a container that is started. The /dev/shm of a joined container has
// to be mounted on the host, since the kernel binds only what is mounted in the caller's namespace.
func (e *Engine) shareIPC(rec *lifecycle.Record, in *spec.Input) error {
	switch mode := rec.Host.IpcMode; {
	case mode.IsHost():
		in.Shm = "/dev/shm"
	case mode.IsShareable():
		in.Shm = e.shmPath(rec.ID)
		return e.mountShm(rec)
	case mode.IsContainer():
		pid, err := e.pidOf(mode.Container())
		var stopped *notRunning
		if errors.As(err, &stopped) {
			return refuse.Internal("can't join IPC of container %s: %v", stopped.id, err)
		}
		if err != nil {
			return err
		}
		in.IPCNS = fmt.Sprintf("/proc/%d/ns/ipc", pid)
		in.Shm, err = e.shmOf(mode.Container())
		return err
	}
	return nil
}

// maxLent limits the length of a chain of containers that each share the IPC namespace of the next.
const maxLent = 32

// shmOf returns the /dev/shm of a container whose IPC namespace is shared.
func (e *Engine) shmOf(ref string) (string, error) {
	for range maxLent {
		c, err := e.container(ref)
		if err != nil {
			return "", err
		}
		rec := c.Record()
		switch mode := rec.Host.IpcMode; {
		case mode.IsHost():
			return "/dev/shm", nil
		case mode.IsShareable():
			return e.shmPath(rec.ID), nil
		case !mode.IsContainer():
			return "", refuse.Invalid("can't join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable for the "+
				"donor container)", strings.TrimPrefix(ref, "/"))
		default:
			ref = mode.Container()
		}
	}
	return "", refuse.Invalid("can't join IPC of container %s: lent on by more than %d containers", ref, maxLent)
}

func (e *Engine) mountShm(rec *lifecycle.Record) error {
	at := e.shmPath(rec.ID)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	if there, err := mounts.Mounted(at); err != nil || there {
		return err
	}
	uid, gid := e.o.IDs.Root()
	return mounts.All([]mounts.Mount{{Type: "tmpfs", Source: "shm", Target: at, Options: []string{
		"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d,uid=%d,gid=%d", rec.Host.ShmSize, uid, gid),
	}}})
}

// dropShm unmounts what mountShm mounted, if anything.
func (e *Engine) dropShm(id string) {
	at := e.shmPath(id)
	if _, err := os.Lstat(at); err != nil {
		return
	}
	if err := errors.Join(mounts.Unmount(at), os.RemoveAll(filepath.Dir(at))); err != nil {
		e.log.Warn("unmount shared memory", "container", ident.Short(id), "error", err)
	}
}

// shareName gives a container the host name of the one whose network it shares.
func (e *Engine) shareName(rec *lifecycle.Record, in *spec.Input) error {
	other, err := e.container(rec.Host.NetworkMode.ConnectedContainer())
	if err != nil {
		return err
	}
	config, from := *rec.Config, other.Record().Config
	config.Hostname, config.Domainname = from.Hostname, from.Domainname
	in.Config, in.Hostname = &config, from.Hostname
	return nil
}

// shareNamespaces resolves container:NAME of the PID and IPC modes.
func (e *Engine) shareNamespaces(rec *lifecycle.Record, in *spec.Input) error {
	if rec.Host.PidMode.IsContainer() {
		pid, err := e.pidOf(rec.Host.PidMode.Container())
		if err != nil {
			return err
		}
		in.PidNS = fmt.Sprintf("/proc/%d/ns/pid", pid)
	}
	return e.shareIPC(rec, in)
}

// pidOf returns the first process of a running container.
func (e *Engine) pidOf(ref string) (int, error) {
	c, err := e.container(ref)
	if err != nil {
		return 0, err
	}
	st, _ := c.Now()
	if !st.Running() {
		return 0, &notRunning{c.ID()}
	}
	return st.Pid, nil
}

// notRunning is the error about a container whose namespace cannot be joined. As in Docker it is a server error, except
// for a network.
type notRunning struct{ id string }

func (e *notRunning) Error() string { return "container " + e.id + " is not running" }
func (e *notRunning) Unwrap() error { return errdefs.ErrInternal }

// lenders refuses to create a container that joins the PID or IPC namespace of one that does not exist.
func (e *Engine) lenders(h *api.HostConfig) error {
	for _, ref := range []string{h.PidMode.Container(), h.IpcMode.Container()} {
		if ref == "" {
			continue
		}
		if _, err := e.container(ref); err != nil {
			return refuse.Invalid("%v", err)
		}
	}
	return nil
}

// remapped tells whether a container has a user namespace of its own.
func (e *Engine) remapped(h *api.HostConfig) bool {
	d := e.requestDaemon()
	return d.Remapped(h)
}

// holdUsers makes the user namespace of a container that is started, with a network namespace in it. A container that
// shares processes or memory of another one shares its user namespace.
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
