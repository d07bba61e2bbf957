package cgroup

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// parentMark is the extended attribute that distinguishes parents made by box from those that somebody else set up
// and limited.
const parentMark = "trusted.box.parent"

// MakeParents makes the parents of the group at p in every tree, for a caller that makes the group itself.
func (h *Hierarchies) MakeParents(p string) error {
	for _, m := range h.mounts {
		if m.controllers == nil {
			continue
		}
		err := makeParents(m.dir, filepath.Clean("/"+p))
		if err != nil && (h.unified || !m.optional()) {
			return fmt.Errorf("create parents of control group %s: %w", p, err)
		}
	}
	return nil
}

// makeParents makes the missing folders above p below root.
func makeParents(root, p string) error {
	for i := 1; i < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		switch err := mkdir(root + p[:i]); err {
		case nil:
			_ = unix.Setxattr(root+p[:i], parentMark, []byte("1"), 0) // without it the folder merely stays
		case unix.EEXIST:
		default:
			return err
		}
	}
	return nil
}

// RemoveParents removes the parents that box made and that are empty, p and those above it included.
func (h *Hierarchies) RemoveParents(p string) {
	p = filepath.Clean("/" + p)
	for _, m := range h.mounts {
		if m.controllers == nil {
			continue
		}
		removeParents(m.dir)
		for up := p; up != "/" && isParent(m.dir+up) && unix.Rmdir(m.dir+up) == nil; up = filepath.Dir(up) {
		}
	}
}

// removeParents removes those below dir, the deepest first; rmdir(2) keeps those in use.
func removeParents(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); e.IsDir() && isParent(path) {
			removeParents(path)
			_ = unix.Rmdir(path)
		}
	}
}

func isParent(dir string) bool {
	_, err := unix.Getxattr(dir, parentMark, nil)
	return err == nil
}
