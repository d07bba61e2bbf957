package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// doomed is the suffix of a folder that is about to be deleted.
const doomed = ".removing"

// Sweep renames the folders in dir that no row has as its ID, so that their names are free at once, and returns the
// paths to delete. keep may exclude some that are not layers.
func (t *Table) Sweep(d *disk.Disk, dir string, keep func(name string) bool) ([]string, error) {
	known := map[string]bool{}
	if err := t.Walk(func(r Row) error { known[r.ID] = true; return nil }); err != nil {
		return nil, err
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for orphans: %w", err)
	}
	var orphans []string
	for _, e := range found {
		name := e.Name()
		if known[name] || keep(name) {
			continue
		}
		path := filepath.Join(dir, name)
		if !strings.HasSuffix(name, doomed) {
			if path, err = Doom(d, path); err != nil {
				return orphans, err
			}
		}
		orphans = append(orphans, path)
	}
	return orphans, nil
}

// Doom renames a layer's folder so that it is not a layer whatever happens next, and returns the new path. A missing
// folder is no error. What is left of an earlier layer of the name stays beside it until the next Sweep.
// Where that cannot be, for want of room or since something is mounted on it, it is to be deleted as it is.
func Doom(d *disk.Disk, path string) (string, error) {
	to := path + doomed
	err := d.Rename(path, to)
	for n := 2; errors.Is(err, os.ErrExist) || errors.Is(err, unix.ENOTEMPTY); n++ {
		to = path + "." + strconv.Itoa(n) + doomed
		err = d.Rename(path, to)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return to, nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return path, nil // a full btrfs renames nothing, but deletes
	case errors.Is(err, unix.EBUSY):
		return path, nil // something is mounted on it, which its removal undoes
	case errors.Is(err, unix.EXDEV):
		return path, nil // the folder has a project quota, and the one that it is in has another
	case err != nil:
		return "", fmt.Errorf("put orphan aside: %w", err)
	}
	return to, nil
}

// Delete deletes what Sweep returned until ctx ends. The next Sweep finds the rest.
func Delete(ctx context.Context, paths []string, remove func(path string) error) error {
	var errs []error
	for _, p := range paths {
		if ctx.Err() != nil {
			break
		}
		errs = append(errs, remove(p))
	}
	return errors.Join(errs...)
}

// Swept waits for the sweeps of a driver until ctx ends.
func Swept(ctx context.Context, sweeps *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { // ends with the driver
		defer close(done)
		sweeps.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
