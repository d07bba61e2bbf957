package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/refuse"
	"box/fs/inroot"
	"box/fs/tree"
)

// Fill copies the folder src of an image into a volume that is empty. With a subpath it fills the folder at that path
// of the volume, if there is one.
func (s *Store) Fill(ctx context.Context, name, container, subpath string, src *os.File) error {
	user := container + " fill"
	if _, err := s.Mount(name, user); err != nil {
		return err
	}
	defer s.Unmount(name, user)
	v, err := s.busy(name)
	if err != nil {
		return err
	}
	defer v.op.Unlock()
	dst, err := s.open(name, subpath)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dst.Close()
	if names, err := dst.Readdirnames(1); len(names) > 0 {
		return err
	}
	undo, err := s.markFilling(v, container, user)
	if err != nil {
		return err
	}
	copied, err := tree.Copy(ctx, s.disk, src, dst)
	if err != nil {
		return errors.Join(fmt.Errorf("fill volume %s: %w", name, err), undo(false))
	}
	if copied > 0 {
		err = s.disk.SyncAll(dst) // else power that goes away leaves files without content, which nobody fills again
	}
	return errors.Join(err, undo(err == nil))
}

// markFilling makes a crash from now on leave the volume empty. A new volume needs no mark, and one that others use at
// the moment cannot be emptied. The returned function ends the filling, and empties the volume if it failed.
func (s *Store) markFilling(v *entry, container, user string) (done func(good bool) error, err error) {
	s.mu.Lock()
	_, mine := v.holders[container]
	_, own := v.users[user]
	alone := mine && own && len(v.holders) == 1 && len(v.users) == 1 && !v.mounted()
	saved := v.saved
	s.mu.Unlock()
	if !alone || !saved {
		return func(bool) error { return nil }, nil
	}
	dir := filepath.Join(s.root, v.Name)
	mark := filepath.Join(dir, fillMarker)
	if err := errors.Join(s.touch(mark), s.disk.SyncFolder(dir)); err != nil {
		return nil, err
	}
	return func(good bool) error {
		if !good {
			if err := s.empty(s.Path(v.Name)); err != nil {
				return err // the mark stays: Open tries again
			}
		}
		return s.disk.Remove(mark)
	}, nil
}

// empty deletes the content of a folder.
func (s *Store) empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, s.disk.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// open opens the folder of a volume, or one below it. A link that leads out of the volume is an error.
func (s *Store) open(name, subpath string) (*os.File, error) {
	root, err := unix.Open(s.Path(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: s.Path(name), Err: err}
	}
	if subpath == "" {
		return os.NewFile(uintptr(root), s.Path(name)), nil
	}
	defer unix.Close(root)
	return Below(root, s.Path(name), subpath, unix.O_RDONLY|unix.O_DIRECTORY)
}

// Below opens a path below the open folder root; path is that of root, for messages. Nothing leads out of it.
func Below(root int, path, subpath string, flags int) (*os.File, error) {
	fd, err := inroot.Beneath(root, subpath, flags)
	switch {
	case errors.Is(err, unix.EXDEV):
		return nil, refuse.Invalid("path concatenation escapes the base directory, base: %s, subpath: %s", path, subpath)
	case err != nil:
		text := fmt.Sprintf("cannot access path %s: %v", filepath.Join(path, subpath), err)
		return nil, refuse.As(errdefs.ErrNotFound, err, text)
	}
	return os.NewFile(uintptr(fd), filepath.Join(path, subpath)), nil
}
