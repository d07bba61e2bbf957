package aufs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs/layers"
	"box/fs/module"
	"box/fs/mount"
)

// kernel is what the driver asks of the kernel when it is opened. Tests have one that stacks branches by other means.
type kernel interface {
	// known tells whether the kernel has aufs, and why a module was not loaded.
	known() (bool, error)
	// try makes mounts and undoes them.
	try(m mount.Mount) error
}

// host is what the kernel and the file system support.
type host struct {
	backing string // name of the file system below
	dirperm bool   // dirperm1: the mode of a folder in the top branch counts alone
	xino    bool   // there is a tmpfs for the table of inodes
}

// shm is where the table of inodes is written without a disk.
const shm = "/dev/shm"

// Probe tells whether the driver works on the folder dir, in which nothing stays.
func Probe(dir string) error {
	_, err := probe(system{}, dir)
	return err
}

// probe finds out whether aufs works on a folder, by a trial mount. Where it does not the error is
// errdefs.ErrNotImplemented.
func probe(k kernel, dir string) (host, error) {
	known, why := k.known()
	if !known {
		err := errors.New("this kernel has no aufs (/proc/filesystems): one that is built with it, or its module, would " +
			"bring it; no kernel of kernel.org has it")
		return host{}, fmt.Errorf("aufs does not work: %w: %w", errors.Join(err, why), errdefs.ErrNotImplemented)
	}
	h := host{backing: layers.Backing(dir)}
	switch h.backing {
	case "aufs", "btrfs", "ecryptfs": // as in Docker
		return host{}, fmt.Errorf("aufs does not work: AUFS is not supported over %s, which %s is on: %w", h.backing, dir,
			errdefs.ErrNotImplemented)
	}
	if st, err := os.Stat(shm); err == nil && st.IsDir() {
		h.xino = true
	}
	at, err := os.MkdirTemp(dir, "check-")
	if err != nil {
		return host{}, fmt.Errorf("try aufs: %w", err)
	}
	defer os.RemoveAll(at)
	for _, name := range []string{"base", "union"} {
		if err := os.Mkdir(filepath.Join(at, name), 0o755); err != nil {
			return host{}, fmt.Errorf("try aufs: %w", err)
		}
	}
	m := mount.Mount{Type: Name, Source: "none", Target: filepath.Join(at, "union"), Dir: at,
		Options: []string{"br:base=rw", "dio"}}
	if err := k.try(m); err != nil {
		return host{}, fmt.Errorf("aufs does not work on %s (%s): %w: %w", dir, h.backing, err, errdefs.ErrNotImplemented)
	}
	m.Options = append(m.Options, "dirperm1")
	h.dirperm = k.try(m) == nil
	return h, nil
}

// system is the kernel itself.
type system struct{}

func (system) known() (bool, error) {
	if listed() {
		return true, nil
	}
	_, err := module.Load(Name)
	return listed(), err
}

func listed() bool {
	raw, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(raw), "\t"+Name+"\n")
}

func (system) try(m mount.Mount) error {
	if err := mount.All([]mount.Mount{m}); err != nil {
		return err
	}
	return mount.Unmount(m.Target)
}
