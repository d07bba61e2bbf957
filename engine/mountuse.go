package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/mount"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/volume"
	mounts "box/fs/mount"
)

// useMounts prepares the mounts of a container, and returns them for the runtime. dropMounts must be called after an
// error and when the container has ended.
func (e *Engine) useMounts(rec *lifecycle.Record) ([]specs.Mount, error) {
	var list []specs.Mount
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		var s specs.Mount
		var err error
		switch m.Type {
		case mount.TypeTmpfs:
			s, err = request.TmpfsMount(&m.Spec)
		case mount.TypeVolume:
			s, err = e.useVolume(rec, i)
		case mount.TypeImage:
			s, err = e.useImage(rec, i)
		default:
			s, err = useBind(m)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	for _, target := range request.SortedKeys(rec.Host.Tmpfs) {
		options, err := request.TmpfsOptions(rec.Host.Tmpfs[target])
		if err != nil {
			return nil, err
		}
		list = append(list, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: path.Clean(target), Options: options})
	}
	return list, nil
}

func useBind(m *request.Mount) (specs.Mount, error) {
	if err := m.CheckSource(exists); err != nil {
		return specs.Mount{}, err
	}
	if m.Make {
		if err := os.MkdirAll(m.Source, 0o755); err != nil && !errors.Is(err, unix.ENOTDIR) {
			return specs.Mount{}, fmt.Errorf("error while creating mount source path '%s': %w", m.Source, err)
		}
	}
	return bound(m, m.Source)
}

// useVolume mounts the volume of mount i.
func (e *Engine) useVolume(rec *lifecycle.Record, i int) (specs.Mount, error) {
	m := &rec.Mounts[i]
	source, err := e.volumes.Mount(m.Name, rec.ID)
	if err != nil {
		return specs.Mount{}, err
	}
	if source, err = e.part(rec, i, source); err != nil {
		return specs.Mount{}, err
	}
	e.bus.Publish(context.Background(), events.VolumeEventType, events.ActionMount, m.Name, map[string]string{
		"driver": m.Driver, "container": rec.ID, "destination": m.Destination,
		"read/write": strconv.FormatBool(m.RW), "propagation": string(m.Propagation),
	})
	return bound(m, source)
}

// useImage returns mount i, whose layer is mounted together with the container's root.
func (e *Engine) useImage(rec *lifecycle.Record, i int) (specs.Mount, error) {
	source, err := e.part(rec, i, rec.Mounts[i].Source)
	if err != nil {
		return specs.Mount{}, err
	}
	return bound(&rec.Mounts[i], source)
}

// part returns source or, if mount i is for a part of it, where that is mounted.
func (e *Engine) part(rec *lifecycle.Record, i int, source string) (string, error) {
	if subpath := request.Subpath(&rec.Mounts[i].Spec); subpath != "" {
		return e.pinSubpath(rec.ID, i, source, subpath)
	}
	return source, nil
}

// pinsDir is where subpaths of a container's volumes and images are mounted while it runs.
func (e *Engine) pinsDir(id string) string { return filepath.Join(e.o.Run, "mounts", id) }

// pinSubpath mounts a file or folder of a volume or image at a place of its own. If the runtime used its path instead,
// another container could lead it out of the volume between check and mount.
func (e *Engine) pinSubpath(id string, i int, root, subpath string) (string, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	f, err := volume.Below(dir, root, subpath, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	pin := filepath.Join(e.pinsDir(id), strconv.Itoa(i))
	if err := os.MkdirAll(filepath.Dir(pin), 0o700); err != nil {
		return "", err
	}
	if st.IsDir() {
		err = os.Mkdir(pin, 0o700)
	} else {
		err = os.WriteFile(pin, nil, 0o600)
	}
	if err != nil {
		return "", err
	}
	from := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	return pin, mounts.All([]mounts.Mount{{Type: "bind", Source: from, Target: pin, Options: []string{"rbind"}}})
}

func (e *Engine) unpin(id string) {
	entries, err := os.ReadDir(e.pinsDir(id))
	if err != nil {
		return
	}
	for _, entry := range entries {
		pin := filepath.Join(e.pinsDir(id), entry.Name())
		if err := errors.Join(mounts.Unmount(pin), os.Remove(pin)); err != nil {
			e.log.Warn("unmount subpath of a volume", "container", ident.Short(id), "error", err)
		}
	}
	_ = os.Remove(e.pinsDir(id))
}

// dropMounts undoes useMounts as far as it got. The returned function publishes it.
func (e *Engine) dropMounts(rec *lifecycle.Record) (tell func()) {
	e.unpin(rec.ID)
	e.dropShm(rec.ID)
	var unmounted []string
	for _, name := range rec.Volumes() {
		used, err := e.volumes.Unmount(name, rec.ID)
		if err != nil {
			e.log.Warn("unmount volume", "volume", name, "container", ident.Short(rec.ID), "error", err)
		}
		if used {
			unmounted = append(unmounted, name)
		}
	}
	id := rec.ID
	return func() {
		for _, name := range unmounted {
			e.bus.Publish(context.Background(), events.VolumeEventType, events.ActionUnmount, name,
				map[string]string{"driver": volume.Driver, "container": id})
		}
	}
}

// bound makes a bind of source for the runtime.
func bound(m *request.Mount, source string) (specs.Mount, error) {
	s := specs.Mount{Type: "bind", Source: source, Destination: m.Destination, Options: []string{"rbind"}}
	var o mount.BindOptions
	if m.Spec.BindOptions != nil {
		o = *m.Spec.BindOptions
	}
	if o.NonRecursive {
		s.Options[0] = "bind"
	}
	if !m.RW {
		readOnly := "ro"
		switch {
		case recursiveReadOnly() && !o.ReadOnlyNonRecursive:
			readOnly = "rro"
		case o.ReadOnlyForceRecursive:
			return s, refuse.Invalid("rro is not supported: kernel does not support mount_setattr, which came with Linux 5.12")
		}
		s.Options = append(s.Options, readOnly)
	}
	mode, err := propagation(m, source)
	if mode != "" {
		s.Options = append(s.Options, string(mode))
	}
	return s, err
}

// recursiveReadOnly tells whether the kernel can make a mount and those below it read-only. The error EBADF means that
// it can.
func recursiveReadOnly() bool {
	return errors.Is(unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}),
		unix.EBADF)
}

// propagation returns the propagation of a mount. The source of a shared or slave mount must be shared on the host;
// only the automatic propagation for the data root is dropped if it is not.
func propagation(m *request.Mount, source string) (mount.Propagation, error) {
	slave := m.Propagation == mount.PropagationSlave || m.Propagation == mount.PropagationRSlave
	shared := m.Propagation == mount.PropagationShared || m.Propagation == mount.PropagationRShared
	if !slave && !shared {
		return m.Propagation, nil
	}
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return "", err
	}
	at, err := mounts.On(real)
	if err != nil {
		return "", err
	}
	has := func(kind string) bool { return strings.Contains(" "+at.Optional, " "+kind+":") }
	switch {
	case has("shared"), slave && has("master"):
		return m.Propagation, nil
	case slave && (m.Spec.BindOptions == nil || m.Spec.BindOptions.Propagation == ""):
		return mount.PropagationRPrivate, nil
	case slave:
		return "", fmt.Errorf("path %s is mounted on %s but it is not a shared or slave mount", source, at.Mountpoint)
	}
	return "", fmt.Errorf("path %s is mounted on %s but it is not a shared mount", source, at.Mountpoint)
}

// restoreMounts restores which containers hold and use which volumes after the daemon was started, and cleans up what
// nobody uses.
func (e *Engine) restoreMounts() {
	running := map[string]bool{}
	for id, c := range e.containers {
		rec, st, _ := c.See()
		running[id] = st.Running()
		if !running[id] {
			e.dropShm(id)
		}
		for _, name := range rec.Volumes() {
			if _, err := e.volumes.Hold(name, id); err != nil {
				e.log.Error("volume of a container is lost", "container", ident.Short(id), "error", err)
			}
			if running[id] {
				e.volumes.Restore(name, id)
			}
		}
	}
	if err := e.volumes.Settle(); err != nil {
		e.log.Warn("unmount volumes that nobody uses", "error", err)
	}
	entries, _ := os.ReadDir(filepath.Join(e.o.Run, "mounts"))
	for _, entry := range entries {
		if !running[entry.Name()] {
			e.unpin(entry.Name())
		}
	}
}
