package archive

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// whiteout does what an entry named .wh.* says. It hides what is below the layer only, never what the same layer
// brings, in whichever order the two come (image-spec, layer.md, "Whiteouts").
func (a *applier) whiteout(dir folder, base string) error {
	switch {
	case base == opaqueName && a.o.Whiteouts == Plain:
		return a.emptyBelow(dir)
	case base == opaqueName:
		return a.setOpaque(dir, ".")
	case strings.HasPrefix(base, metaPrefix):
		return nil // aufs kept its own books under such names
	}
	name := strings.TrimPrefix(base, whiteoutPrefix)
	if name == "" || name == "." || name == ".." {
		return fmt.Errorf("whiteout of nothing: %w", errdefs.ErrInvalidArgument)
	}
	switch a.o.Whiteouts {
	case Plain:
		err := a.remover(a.isMade).remove(dir, name)
		a.tree.flush()
		return err
	case Aufs:
		return a.markDeleted(dir, name)
	}
	err := a.disk.NodeAt(dir.fd, name, unix.S_IFCHR, 0)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("make whiteout: %w: %w", err, errdefs.ErrPermissionDenied)
	}
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return a.setOpaque(dir, name)
	}
	return nil // the layer's own file hides the one below as it is
}

func (a *applier) isMade(p string) bool {
	_, ok := a.made[p]
	return ok
}

// emptyBelow deletes from a full copy what the layers below brought into dir.
func (a *applier) emptyBelow(dir folder) error {
	r := a.remover(a.isMade)
	err := r.empty(dir, ".")
	a.tree.flush()
	return err
}

// replaceWhiteout puts a folder where a whiteout is, which then hides what is below as the whiteout did.
func (a *applier) replaceWhiteout(dir folder, name string) error {
	if err := a.disk.UnlinkAt(dir.fd, name, 0); err != nil {
		return err
	}
	if err := a.tree.mkdir(dir, name); err != nil {
		return err
	}
	return a.setOpaque(dir, name)
}

// setOpaque lets a folder of the layer hide what is below it. A full copy has nothing below.
func (a *applier) setOpaque(dir folder, name string) error {
	switch a.o.Whiteouts {
	case Plain:
		return nil
	case Aufs:
		return a.setOpaqueByName(dir, name)
	}
	if err := unix.Lsetxattr(viaProc(dir, name), opaqueXattr, []byte("y"), 0); err != nil {
		return fmt.Errorf("mark folder opaque: %w", err)
	}
	return nil
}

// remover deletes what an entry replaces. Where a record is kept it refuses to lose content that the record counts on.
func (a *applier) remover(keep func(string) bool) remover {
	r := remover{keep: keep, disk: a.disk}
	if a.o.Record == nil {
		return r
	}
	r.lost = func(p string, st *unix.Stat_t) error {
		ours := a.o.Whiteouts != Plain || a.isMade(p)
		_, counted := a.linked[p] // else the content is there by the name that the record has
		if ours && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size > 0 && (st.Nlink == 1 || counted) {
			return fmt.Errorf("%s comes more than once in the layer: %w", path.Join("/", p), errdefs.ErrInvalidArgument)
		}
		return nil
	}
	return r
}
