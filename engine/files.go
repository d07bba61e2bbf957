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

	"box/fs/archive"
	"box/fs/mount"
)

// files are a container's, as its program sees them or would see them. They are reached from an open folder alone, so what the
// program does to names meanwhile leads nowhere else.
type files struct {
	root  *archive.Root
	rec   record
	live  bool // the program runs: what it mounted is there too
	close func()
}

// openFiles opens the files of a container: through its first process while it runs, else its root with its volumes and binds.
func (e *Engine) openFiles(ctx context.Context, c *container) (*files, error) {
	rec := c.snapshot()
	st, _ := c.now()
	switch {
	case c.damaged != "":
		return nil, conflict("container %s is damaged and can only be removed: %s", short(rec.ID), c.damaged)
	case st.State == api.StateRemoving || st.State == api.StateDead:
		return nil, conflict("container %s is %s", short(rec.ID), st.State)
	}
	// Held for a running one too: when it ends and starts again meanwhile, it gets this mount and no second one.
	at, err := e.mountRoot(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	fd := -1
	if st.running() {
		fd, err = liveRoot(rec.ID, st.Pid)
	}
	live := fd >= 0
	if !live {
		fd, err = e.restingRoot(at, &rec)
	}
	if err != nil {
		e.unmountRoot(rec.ID)
		return nil, fmt.Errorf("open files of container %s: %w", short(rec.ID), err)
	}
	root := archive.NewRoot(fd)
	return &files{root: root, rec: rec, live: live, close: func() {
		root.Close()
		e.unmountRoot(rec.ID)
	}}, nil
}

// liveRoot opens the root of a process, which must be one of the container's: its number may be another's by now.
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

// restingRoot opens the mounted root of a container that does not run, with what it mounts by its configuration.
func (e *Engine) restingRoot(at string, rec *record) (int, error) {
	binds := e.restingBinds(rec)
	if len(binds) == 0 {
		return unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	view := -1
	err := mount.Apart(func() (err error) {
		for _, b := range binds {
			if err := bindAt(at, b); err != nil {
				return fmt.Errorf("%s: %w", b.Destination, err)
			}
		}
		view, err = mount.Clone(at)
		return err
	})
	return view, err
}

// restingBinds are the mounts of a container that hold files while it does not run, those above others first.
func (e *Engine) restingBinds(rec *record) []api.MountPoint {
	var list []api.MountPoint
	for _, m := range rec.Mounts {
		if m.Type != apimount.TypeTmpfs && m.Source != "" {
			list = append(list, m)
		}
	}
	for _, name := range []string{"resolv.conf", "hostname", "hosts"} {
		source := filepath.Join(e.dir(rec.ID), name)
		if isFile(source) {
			list = append(list, api.MountPoint{Source: source, Destination: "/etc/" + name, RW: true})
		}
	}
	slices.SortStableFunc(list, func(a, b api.MountPoint) int {
		return strings.Count(a.Destination, "/") - strings.Count(b.Destination, "/")
	})
	return list
}

// bindAt mounts one source in the root at. What it is mounted on is made where it is missing, as a start does. A source that is missing
// is left out.
func bindAt(at string, m api.MountPoint) error {
	source, err := unix.Open(m.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
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
	target, err := mountPointIn(root, m.Destination, source)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return mount.Bind(source, target, !m.RW)
}

// mountPointIn opens the folder or file p, which is made where it is missing: of the kind of what source is open on.
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
	fd, err := unix.Openat(above, path.Base(p), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return -1, err
	}
	unix.Close(fd)
	return root.Open(p, unix.O_PATH)
}

// mountAt is the mount of the container's configuration that holds p, a path without links; nil when it is in the root.
func (f *files) mountAt(p string) *api.MountPoint {
	var found *api.MountPoint
	for i, m := range f.rec.Mounts {
		if within(p, m.Destination) && (found == nil || len(m.Destination) > len(found.Destination)) {
			found = &f.rec.Mounts[i]
		}
	}
	return found
}

// within tells whether the clean path p is the folder dir or below it.
func within(p, dir string) bool {
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
