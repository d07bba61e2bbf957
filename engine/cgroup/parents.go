package cgroup

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// parentMark is the attribute of parents that box made, by which they are told from those that somebody else set up and
// limited.
const parentMark = "trusted.box.parent"

// MakeParents makes the parents of the group at p in every tree, for a group that somebody else makes.
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

// makeParents makes the folders above p below root that are not there.
func makeParents(root, p string) error {
	for i := 1; i < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		switch err := mkdir(root + p[:i]); err {
		case nil:
			_ = unix.Setxattr(root+p[:i], parentMark, []byte("1"), 0) // one without is only left when the daemon ends
		case unix.EEXIST:
		default:
			return err
		}
	}
	return nil
}

// RemoveParents removes the parents of groups that box made, the ones above p too, where no group is in them any more.
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

// removeParents removes those below dir, the deepest first; rmdir(2) keeps what is in use.
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
