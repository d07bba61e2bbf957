package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/spec"
	mounts "box/fs/mount"
)

// shmPath is where the /dev/shm of a container that others may join is mounted on the host, as in Docker.
func (e *Engine) shmPath(id string) string { return filepath.Join(e.dir(id), "mounts", "shm") }

// shareIPC sets the IPC namespace and /dev/shm of a container that starts. A mount of another container's own could not be joined: the
// kernel binds only what is mounted in the caller's namespace.
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

// maxLent is how many containers may lend an IPC namespace on, from the first to the last.
const maxLent = 32

// shmOf is the /dev/shm of a container that lends its IPC namespace, or lends on another's.
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
			return "", refuse.Invalid("can't join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable for the donor container)", strings.TrimPrefix(ref, "/"))
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

// dropShm unmounts what mountShm mounted; where nothing is, it does nothing.
func (e *Engine) dropShm(id string) {
	at := e.shmPath(id)
	if _, err := os.Lstat(at); err != nil {
		return
	}
	if err := errors.Join(mounts.Unmount(at), os.RemoveAll(filepath.Dir(at))); err != nil {
		e.log.Warn("unmount shared memory", "container", short(id), "error", err)
	}
}
