package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	apimount "github.com/moby/moby/api/types/mount"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/fs/archive"
	"box/fs/mount"
)

// files are the files of a container as its program sees them, or would see them. They are accessed from an open
// folder, so changes of names by the program lead nowhere else.
type files struct {
	root  *archive.Root
	rec   lifecycle.Record
	live  bool // the program runs: what it mounted is there too
	close func()
}

// openFiles opens the files of a container: through its first process if it runs, otherwise its root with its volumes
// and binds.
func (e *Engine) openFiles(ctx context.Context, c *lifecycle.Container) (*files, error) {
	rec := c.Record()
	st, _ := c.Now()
	switch {
	case c.Damaged() != "":
		return nil, refuse.Conflict("container %s is damaged and can only be removed: %s", ident.Short(rec.ID), c.Damaged())
	case st.State == api.StateRemoving || st.State == api.StateDead:
		return nil, refuse.Conflict("container %s is %s", ident.Short(rec.ID), st.State)
	}
	// Held for a running one too: when it ends and starts again meanwhile, it gets this mount and no second one.
	at, err := e.roots.MountAll(ctx, &rec)
	if err != nil {
		return nil, err
	}
	fd, live := -1, false
	drop := func() {}
	if st.Running() {
		fd, err = liveRoot(rec.ID, st.Pid)
		live = err == nil
	}
	if !live {
		fd, drop, err = e.restingRoot(at, &rec)
	}
	if err != nil {
		e.roots.UnmountAll(&rec)
		return nil, fmt.Errorf("open files of container %s: %w", ident.Short(rec.ID), err)
	}
	root := archive.NewRoot(fd)
	return &files{root: root, rec: rec, live: live, close: func() {
		root.Close()
		drop()
		e.roots.UnmountAll(&rec)
	}}, nil
}

// liveRoot opens the root of a process, and checks that it belongs to the container, since its pid may have been
// reused.
func liveRoot(id string, pid int) (int, error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	fd, err := unix.Open(dir+"root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	groups, err := os.ReadFile(dir + "cgroup")
	if err == nil && !strings.Contains(string(groups), id) {
		err = fmt.Errorf("process %d is not of the container", pid)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// resting is a mount of a container that is not running.
type resting struct {
	source, subpath string
	target          string
	readOnly        bool
}

// restingRoot opens the mounted root of a container that is not running, with its mounts. drop must be called when the
// root is closed.
func (e *Engine) restingRoot(at string, rec *lifecycle.Record) (fd int, drop func(), err error) {
	list, drop, err := e.restingMounts(rec)
	if err != nil {
		return -1, nil, err
	}
	if len(list) == 0 {
		fd, err = unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	} else {
		err = mount.Apart(func() error {
			for _, m := range list {
				if err := m.bind(at); err != nil {
					return fmt.Errorf("%s: %w", m.target, err)
				}
			}
			fd, err = mount.Clone(at)
			return err
		})
	}
	if err != nil {
		drop()
		return -1, nil, err
	}
	return fd, drop, nil
}

// restingMounts returns a container's volumes, which are kept ready until drop is called, its binds and the files that
// the engine writes for it, parents first.
func (e *Engine) restingMounts(rec *lifecycle.Record) (list []resting, drop func(), err error) {
	var using []string
	user := rec.ID + "/" + ident.New() // beside the container itself
	drop = func() {
		for _, name := range using {
			if _, err := e.volumes.Unmount(name, user); err != nil {
				e.log.Warn("unmount volume", "volume", name, "container", ident.Short(rec.ID), "error", err)
			}
		}
	}
	for _, m := range rec.Mounts {
		r := resting{source: m.Source, target: m.Destination, subpath: request.Subpath(&m.Spec), readOnly: !m.RW}
		switch m.Type {
		case apimount.TypeVolume:
			if r.source, err = e.volumes.Mount(m.Name, user); err != nil {
				drop()
				return nil, nil, err
			}
			using = append(using, m.Name)
		case apimount.TypeBind, apimount.TypeImage:
		default:
			continue
		}
		list = append(list, r)
	}
	for _, name := range []string{"resolv.conf", "hostname", "hosts"} {
		list = append(list, resting{source: filepath.Join(e.dir(rec.ID), name), target: "/etc/" + name})
	}
	slices.SortStableFunc(list, func(a, b resting) int {
		return strings.Count(a.target, "/") - strings.Count(b.target, "/")
	})
	return list, drop, nil
}

// bind mounts it in the root at. A missing mount point is created, as at a start. A missing source is skipped.
func (m *resting) bind(at string) error {
	source, err := m.open()
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(source)
	fd, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	root := archive.NewRoot(fd)
	defer root.Close()
	target, err := mountPointIn(root, m.target, source)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return mount.Bind(source, target, m.readOnly)
}

// open opens the source. A subpath does not lead out of its volume.
func (m *resting) open() (int, error) {
	fd, err := unix.Open(m.source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil || m.subpath == "" {
		return fd, err
	}
	root := archive.NewRoot(fd)
	defer root.Close()
	return root.Open(m.subpath, unix.O_PATH)
}

// mountPointIn opens the folder or file p, and creates it if it is missing, of the same kind as source.
func mountPointIn(root *archive.Root, p string, source int) (int, error) {
	target, err := root.Open(p, unix.O_PATH)
	if !errors.Is(err, unix.ENOENT) {
		return target, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(source, &st); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return root.MkdirAll(p)
	}
	above, err := root.MkdirAll(path.Dir(p))
	if err != nil {
		return -1, err
	}
	defer unix.Close(above)
	fd, err := unix.Openat(above, path.Base(p), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC,
		0o755)
	if err != nil {
		return -1, err
	}
	unix.Close(fd)
	return root.Open(p, unix.O_PATH)
}

// mountAt returns the mount that contains p, a path without links, or nil if it is in the root.
func (f *files) mountAt(p string) *request.Mount {
	var found *request.Mount
	for i := range f.rec.Mounts {
		m := &f.rec.Mounts[i]
		if request.Within(p, m.Destination) && (found == nil || len(m.Destination) > len(found.Destination)) {
			found = m
		}
	}
	for target := range f.rec.Host.Tmpfs {
		if target = path.Clean(target); request.Within(p, target) && (found == nil || len(target) > len(found.Destination)) {
			found = &request.Mount{MountPoint: api.MountPoint{Type: apimount.TypeTmpfs, Destination: target, RW: true}}
		}
	}
	return found
}
