// Package overlayfs is what the storage drivers overlay2 and overlay share: whether the kernel's overlayfs works on a
// folder and how, its mounts, and what an upper folder changes.
package overlayfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"box/fs/layers"
	"box/fs/module"
	"box/fs/mount"
)

// Host is what the kernel and the file system support.
type Host struct {
	Backing string   // name of the file system below
	Options []string // added to each mount
}

// Probe finds out by a trial mount whether overlayfs works on root for a driver with several lower folders, or with
// one, whiteouts included: those need a file system that tells the types of names when a folder is read (xfs made with
// ftype=0 does not). Where it does not work the error is errdefs.ErrNotImplemented.
func Probe(root, driver string, lowers int) (Host, error) {
	// Before the options are looked up, which only the loaded module has. A kernel without it fails the trial.
	_, missing := module.Load("overlay")
	h := Host{Backing: layers.Backing(root), Options: quiet()}
	dir, err := os.MkdirTemp(root, "check-")
	if err != nil {
		return Host{}, fmt.Errorf("try %s: %w", driver, err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"lower", "below", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return Host{}, fmt.Errorf("try %s: %w", driver, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower", "file"), nil, 0o600); err != nil {
		return Host{}, fmt.Errorf("try %s: %w", driver, err)
	}
	if err := trial(dir, h, []string{"lower", "below"}[:lowers]); err != nil {
		return Host{}, fmt.Errorf("%s does not work on %s (%s): %w: %w", driver, root, h.Backing,
			errors.Join(err, missing), errdefs.ErrNotImplemented)
	}
	return h, nil
}

func trial(dir string, h Host, lowers []string) error {
	m := h.Mount(dir, Stack{Lowers: lowers, Upper: "upper", Work: "work"}, filepath.Join(dir, "merged"))
	if err := mount.All([]mount.Mount{m}); err != nil {
		return err
	}
	defer mount.Unmount(m.Target)
	if err := os.Remove(filepath.Join(m.Target, "file")); err != nil {
		return err
	}
	left, err := os.ReadDir(m.Target)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return errors.New("a deleted file still shows: the file system does not tell the types of names (d_type)")
	}
	return nil
}

// quiet returns the options that turn off features which put more into an upper folder than a layer tar can hold, if
// the kernel has them (index 4.13, redirect_dir 4.10, metacopy 4.19).
func quiet() []string {
	var on []string
	for _, name := range []string{"index", "redirect_dir", "metacopy"} {
		if _, err := os.Stat("/sys/module/overlay/parameters/" + name); err == nil {
			on = append(on, name+"=off")
		}
	}
	return on
}
