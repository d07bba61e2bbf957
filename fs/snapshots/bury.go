package snapshots

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/fs/layers"
)

// doomed is the end of the name of a tree that is about to be deleted, as layers.Doom has it.
const doomed = ".removing"

// How often it is tried to delete what is in use, and how long the removal of a layer waits for that.
const (
	firstTry = 10 * time.Millisecond
	lastTry  = 30 * time.Second
	soon     = time.Second
)

// openMounted finds the layers whose trees are missing, and the paths of trees without a layer.
func (d *Driver) openMounted() (orphans []string, err error) {
	if err := d.disk.MkdirAll(d.apart(), 0o700); err != nil {
		return nil, err
	}
	names, err := d.mounted.List()
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	known := map[string]bool{}
	err = d.table.Walk(func(row layers.Row) error {
		known[row.ID] = true
		if !there[row.ID] {
			d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: its tree %s is not there", row.Name, row.ID))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name := range there {
		if known[name] {
			continue
		}
		path := filepath.Join(d.folders(), name)
		if !strings.HasSuffix(name, doomed) {
			if path, err = d.aside(path); err != nil {
				return nil, err
			}
		}
		orphans = append(orphans, path)
	}
	for _, dir := range []string{d.folders(), d.apart()} {
		if err := d.places(dir, known); err != nil {
			return nil, err
		}
	}
	return orphans, nil
}

// places unmounts and removes the folders in dir, but in that of layers those of layers.
func (d *Driver) places(dir string, known map[string]bool) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if dir == d.folders() && known[e.Name()] {
			continue
		}
		at := filepath.Join(dir, e.Name())
		if err := unmounted(at); err != nil {
			return err
		}
		if err := d.disk.RemoveAll(at); err != nil {
			return err
		}
	}
	return nil
}

// deleteMounted deletes the tree of a layer and its folder.
func (d *Driver) deleteMounted(path string) error {
	d.release(filepath.Base(path), true)
	if err := unmounted(path); err != nil {
		return err
	}
	if err := d.deleteSoon(path); err != nil {
		return err
	}
	return d.disk.RemoveAll(path)
}

// deleteSoon deletes a tree. One that is in use loses its name, and is deleted in the background.
func (d *Driver) deleteSoon(path string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := d.mounted.Delete(path)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if wait >= soon {
			break
		}
		time.Sleep(wait)
	}
	to, err := d.aside(path)
	if err != nil {
		return err
	}
	d.sweeps.Go(func() {
		select {
		case d.graves <- to:
		case <-d.stopped.Done(): // the next Open finds it
		}
	})
	return nil
}

// aside takes its name from a tree, and returns the path that it has now.
func (d *Driver) aside(path string) (string, error) {
	to := path + doomed
	err := d.mounted.Rename(path, to)
	for n := 2; errors.Is(err, os.ErrExist); n++ {
		to = path + "." + strconv.Itoa(n) + doomed
		err = d.mounted.Rename(path, to)
	}
	return to, err
}

// bury deletes trees, and then those of d.graves, until ctx ends. What is in use is tried again, ever more seldom.
func (d *Driver) bury(ctx context.Context, paths []string) {
	wait := firstTry
	for {
		var again <-chan time.Time
		paths = slices.DeleteFunc(paths, func(path string) bool {
			return ctx.Err() == nil && d.mounted.Delete(path) == nil
		})
		if len(paths) > 0 {
			again = time.After(wait)
			wait = min(2*wait, lastTry)
		}
		select {
		case <-ctx.Done():
			return
		case path := <-d.graves:
			paths, wait = append(paths, path), firstTry
		case <-again:
		}
	}
}
