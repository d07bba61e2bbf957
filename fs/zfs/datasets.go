package zfs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
	"box/fs/mount"
	"box/fs/snapshots"
	"box/fs/zfs/control"
	"box/fs/zfs/nvlist"
)

// ownerProperty is the property with the folder of the driver whose layer a dataset is: no other is destroyed.
const ownerProperty = "box:root"

// datasets are trees that are datasets directly in another.
type datasets struct {
	dev    *control.Device
	disk   *disk.Disk
	within string // the dataset that they are in
	owner  string // of ownerProperty
	mount  func(dataset string) mount.Mount
}

// mounted returns what mounts a dataset.
func mounted(dataset string) mount.Mount { return mount.Mount{Type: Name, Source: dataset} }

var (
	_ snapshots.Mounted  = (*datasets)(nil)
	_ snapshots.Limiter  = (*datasets)(nil)
	_ snapshots.Informer = (*datasets)(nil)
)

// name returns the dataset of a path.
func (s *datasets) name(path string) string { return s.within + "/" + filepath.Base(path) }

// props are the properties of each: it is mounted by those who need it alone.
func (s *datasets) props() nvlist.List {
	return nvlist.List{{Name: "mountpoint", Value: "legacy"}, {Name: ownerProperty, Value: s.owner}}
}

// Make implements snapshots.Trees.
func (s *datasets) Make(path string) error {
	return s.disk.Special(path, func() error { return s.dev.Create(s.name(path), s.props()) })
}

// Clone implements snapshots.Trees. What a layer's clones are made of is its one snapshot, for it does not change.
func (s *datasets) Clone(_ context.Context, from, to string) error {
	origin := s.name(from) + "@layer"
	clone := func() error {
		return s.disk.Special(to, func() error { return s.dev.Clone(s.name(to), origin, s.props()) })
	}
	err := clone()
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	err = s.disk.Special(from, func() error { return s.dev.Snapshot(origin) })
	if err != nil && !errors.Is(err, unix.EEXIST) { // else somebody made it at the same time
		return err
	}
	return clone()
}

// Delete implements snapshots.Trees.
func (s *datasets) Delete(path string) error {
	name := s.name(path)
	p, err := s.dev.Stats(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.Local(ownerProperty, name) != s.owner {
		return fmt.Errorf("dataset %s is not of %s and stays: %w", name, s.owner, errdefs.ErrFailedPrecondition)
	}
	return s.destroy(name)
}

// destroy destroys a dataset with its snapshots, and the datasets that programs have made in it.
func (s *datasets) destroy(name string) error {
	err := s.destroyOne(name)
	if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EEXIST) {
		return err
	}
	var children []string
	err = s.dev.Children(name, func(child string, _ control.Properties) error {
		children = append(children, child)
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, child := range children { // one may have a clone that is another
		errs = append(errs, s.destroy(child))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	snapshots, err := s.dev.Snapshots(name)
	if err != nil {
		return err
	}
	if len(snapshots) > 0 {
		if err := s.disk.Special(name, func() error { return s.dev.DestroySnapshots(snapshots) }); err != nil {
			return err
		}
	}
	return s.destroyOne(name)
}

// destroyOne destroys a dataset that has nothing in it. A missing one is no error.
func (s *datasets) destroyOne(name string) error {
	err := s.disk.Special(name, func() error { return s.dev.Destroy(name) })
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// List implements snapshots.Mounted.
func (s *datasets) List() (names []string, err error) {
	err = s.dev.Children(s.within, func(name string, p control.Properties) error {
		if p.Local(ownerProperty, name) == s.owner {
			names = append(names, filepath.Base(name))
		}
		return nil
	})
	return names, err
}

// Mount implements snapshots.Mounted.
func (s *datasets) Mount(path string) mount.Mount {
	return s.mount(s.name(path))
}

// Rename implements snapshots.Mounted.
func (s *datasets) Rename(from, to string) error {
	return s.disk.Special(from, func() error { return s.dev.Rename(s.name(from), s.name(to)) })
}

// Limit implements snapshots.Limiter: what a container writes may take so many bytes, without those of the image.
func (s *datasets) Limit(path string, bytes int64) error {
	quota := nvlist.List{{Name: "quota", Value: uint64(bytes)}}
	return s.disk.Special(path, func() error { return s.dev.Set(s.name(path), quota) })
}
