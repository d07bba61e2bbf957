package btrfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// subvolumes are trees that are subvolumes.
type subvolumes struct {
	disk  *disk.Disk
	least int64 // bytes that a limit has at least

	mu    sync.Mutex
	quota bool // known to be on
}

// in opens the folder of path for fn, which changes the disk.
func (s *subvolumes) in(path string, fn func(dir *os.File, name string) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.disk.Special(path, func() error { return fn(dir, filepath.Base(path)) })
}

// Make implements snapshots.Trees.
func (s *subvolumes) Make(path string) error {
	if err := s.in(path, create); err != nil {
		return fmt.Errorf("make subvolume: %w", err)
	}
	return nil
}

// Clone implements snapshots.Trees.
func (s *subvolumes) Clone(_ context.Context, from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	err = s.in(to, func(dir *os.File, name string) error { return snapshot(src, dir, name) })
	if err != nil {
		return fmt.Errorf("make snapshot: %w", err)
	}
	return nil
}

// Delete implements snapshots.Trees. Programs may have made subvolumes in a container's, each with more in it.
func (s *subvolumes) Delete(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.disk.RemoveAll(path) // not a folder
	}
	defer f.Close()
	if !isSubvolume(f) {
		return s.disk.RemoveAll(path)
	}
	id, err := idOf(f)
	if err == nil {
		err = s.deleteBelow(f, id)
	}
	if err == nil && nearlyFull(f) {
		s.empty(f)
	}
	f.Close() // else it is in use
	if err == nil {
		err = s.in(path, func(dir *os.File, name string) error {
			err := destroy(dir, name)
			if err == nil {
				_ = dropQuota(dir, id) // the kernel does it by itself since 6.11, and there may be none
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("delete subvolume %s: %w", path, err)
	}
	return nil
}

// nearlyFull tells whether a file system has less than a twentieth left.
func nearlyFull(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Bavail < st.Blocks/20
}

// empty deletes what it can of a tree that is to go. The kernel gives the room of files back at once, that of a
// subvolume in half a minute, and where there is no room at all never.
func (s *subvolumes) empty(f *os.File) {
	names, _ := f.Readdirnames(-1)
	for _, name := range names {
		_ = s.disk.RemoveAll(filepath.Join(f.Name(), name))
	}
}

// deleteBelow deletes the subvolumes in the one that f is open on, those in them first.
func (s *subvolumes) deleteBelow(f *os.File, id uint64) error {
	list, err := below(f, id)
	if err != nil {
		return err
	}
	for _, n := range list {
		if err := s.deleteBelow(f, n.id); err != nil {
			return err
		}
		err := s.disk.Special(f.Name(), func() error { return destroyNested(f, id, n) })
		if err != nil {
			return fmt.Errorf("subvolume %q in it: %w", n.name, err)
		}
		_ = dropQuota(f, n.id)
	}
	return nil
}

// destroyNested deletes a subvolume by its number, or by its path from f where the kernel cannot.
func destroyNested(f *os.File, outer uint64, n nested) error {
	err := destroyID(f, n.id)
	if !errors.Is(err, unix.ENOTTY) && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	path, err := pathOf(f, outer, n.folder)
	if err != nil {
		return err
	}
	// Nobody can move folders in it: a container's root is unmounted before.
	dir, err := openBelow(f, path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return destroy(dir, n.name)
}

// openBelow opens a folder by a path without links.
func openBelow(f *os.File, path string) (*os.File, error) {
	fd, err := unix.Openat2(int(f.Fd()), "./"+path, &unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// isSubvolume tells whether a folder is the root of a subvolume.
func isSubvolume(f *os.File) bool {
	var st unix.Stat_t
	var on unix.Statfs_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Ino == firstInode &&
		unix.Fstatfs(int(f.Fd()), &on) == nil && int64(on.Type) == unix.BTRFS_SUPER_MAGIC
}

// Limit implements snapshots.Limiter: the tree may refer to so many bytes, those of the image included.
func (s *subvolumes) Limit(path string, bytes int64) error {
	if bytes < s.least {
		return fmt.Errorf("btrfs: storage size cannot be less than %s: %w", size(s.least), errdefs.ErrInvalidArgument)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.enable(f); err != nil {
		return err
	}
	if err := s.disk.Special(path, func() error { return limit(f, bytes) }); err != nil {
		return fmt.Errorf("limit subvolume: %w", err)
	}
	return nil
}

// enable turns the quotas of the file system on for the first limit.
func (s *subvolumes) enable(f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quota {
		return nil
	}
	if err := s.disk.Special(f.Name(), func() error { return enableQuota(f) }); err != nil {
		return fmt.Errorf("turn quotas on: %w", err)
	}
	s.quota = true
	return nil
}

// Unchanged implements snapshots.Tracker by the generations of the file system: each inode has the number of the
// transaction that changed it last, and a snapshot that in which it was made.
func (s *subvolumes) Unchanged(ctx context.Context, before, now string) (func(*unix.Stat_t) bool, error) {
	old, err := os.Open(before)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	own, err := os.Open(now)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	was, err := infoOf(old)
	if err != nil {
		return nil, nil // an older kernel
	}
	is, err := infoOf(own)
	if err != nil || is.parent != was.uuid {
		return nil, nil // not its snapshot, but restored from elsewhere
	}
	if err := unix.Syncfs(int(own.Fd())); err != nil { // numbers are those on disk
		return nil, err
	}
	touched, err := foldersWithChanges(ctx, own, is.made)
	if errors.Is(err, errMany) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(own.Fd()), &st); err != nil {
		return nil, err
	}
	// Numbers of inodes are those of this subvolume, not of others in it.
	return func(f *unix.Stat_t) bool { return f.Dev == st.Dev && !touched[f.Ino] }, nil
}

// foldersWithChanges returns the inodes that were changed after a transaction, and all folders above them.
func foldersWithChanges(ctx context.Context, dir *os.File, made uint64) (map[uint64]bool, error) {
	todo, err := changedSince(dir, made)
	touched := map[uint64]bool{firstInode: true}
	for len(todo) > 0 && err == nil {
		inode := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if touched[inode] {
			continue
		}
		touched[inode] = true
		var above []uint64
		above, err = foldersOf(dir, inode)
		todo = append(todo, above...)
		if err == nil {
			err = ctx.Err()
		}
	}
	return touched, err
}
