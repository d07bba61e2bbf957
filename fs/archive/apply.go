package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
)

// Options says how a tar is applied to a folder.
type Options struct {
	Whiteouts Whiteouts
	UIDs      []fs.IDMap // ids in the archive -> ids on the host; none for as they are
	GIDs      []fs.IDMap
	Record    io.Writer  // takes the record that Rebuild needs, nil for none
	Disk      *disk.Disk // where it goes; nil for the kernel
}

// Apply fills the folder dir from an uncompressed layer tar and returns the bytes of file content, links included, as
// Docker counts the size of a layer. It reads r to its end. Nothing outside dir is written, whatever the archive
// says: paths and link targets are resolved with dir as the root, and an archive that names a path above it is
// refused. A user who is not root gets what that user may make: ownership, devices and privileged attributes are left
// out.
//
// With a record, an archive that holds the same file twice is refused: the content of the first would be lost.
func Apply(ctx context.Context, dir string, r io.Reader, o Options) (int64, error) {
	root, err := openRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("apply layer: %w", err)
	}
	defer root.Close()
	a := newApplier(int(root.Fd()), o)
	defer a.tree.flush()
	in := &tap{r: r}
	if o.Record != nil {
		if in.rec, err = newRecorder(o.Record); err != nil {
			return 0, err
		}
	}
	if err := a.entries(ctx, in); err != nil {
		return 0, err
	}
	// What follows the end of the archive belongs to the layer's digest, and so to its record.
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, a.buf); err != nil {
		return 0, fmt.Errorf("read layer to its end: %w", err)
	}
	if in.rec != nil {
		if err := in.rec.close(); err != nil {
			return 0, fmt.Errorf("write tar record: %w", err)
		}
	}
	if err := a.folderTimes(); err != nil {
		return 0, err
	}
	return a.size, nil
}

// applier is one run of Apply.
type applier struct {
	o     Options
	disk  *disk.Disk
	tree  *tree
	buf   []byte
	size  int64
	user  bool                // not root: what only root may do is left out
	times []folderTime        // set at the end, since filling a folder changes its own
	made  map[string]struct{} // what this archive made, where whiteouts are Plain
	// What this archive made hard links to, where a record is kept: it names the content of a file by the first name.
	linked map[string]struct{}
}

type folderTime struct {
	path  string
	times [2]unix.Timespec
}

func newApplier(root int, o Options) *applier {
	a := &applier{o: o, disk: o.Disk, tree: newTree(root), buf: make([]byte, 256<<10), user: os.Geteuid() != 0}
	a.tree.create, a.tree.disk = true, o.Disk
	a.tree.uid, a.tree.gid = fs.IDMaps{UIDs: o.UIDs, GIDs: o.GIDs}.Root()
	if o.Record != nil {
		a.linked = map[string]struct{}{}
	}
	switch o.Whiteouts {
	case Plain:
		a.made = map[string]struct{}{}
	case Overlay:
		a.tree.hidden = a.replaceWhiteout
	case Aufs:
		a.tree.made = a.madeOverMark
	}
	return a
}

func (a *applier) entries(ctx context.Context, in *tap) error {
	tr := tar.NewReader(in)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badTar(fmt.Sprintf("layer tar after %d entries", n), err)
		}
		if n == maxEntries {
			return fmt.Errorf("layer tar of more than %d entries: %w", maxEntries, errdefs.ErrInvalidArgument)
		}
		if err := a.entry(hdr, tr, in); err != nil {
			return fmt.Errorf("layer entry %q: %w", hdr.Name, err)
		}
	}
}

// badTar adds a class to errors of the tar format. It does not change errors of the stream.
func badTar(what string, err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", what, Invalid(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// inside cleans the name of an entry. ok is false if it leads out of the root.
func inside(name string) (string, bool) {
	p := path.Clean(strings.TrimLeft(name, "/"))
	if p == ".." || strings.HasPrefix(p, "../") {
		return "", false
	}
	return p, true
}

func (a *applier) entry(hdr *tar.Header, content io.Reader, in *tap) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	p, ok := inside(hdr.Name)
	if !ok {
		return fmt.Errorf("path leads out of the layer: %w", errdefs.ErrInvalidArgument)
	}
	if len(p) > maxPath || strings.ContainsRune(p, 0) {
		return fmt.Errorf("path of %d bytes: %w", len(p), errdefs.ErrInvalidArgument)
	}
	if a.o.Whiteouts == Aufs && belowMark(p) {
		return nil // where aufs kept its books
	}
	a.tree.trim()
	dir, err := a.tree.dir(path.Dir(p))
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	base := path.Base(p)
	if strings.HasPrefix(base, whiteoutPrefix) {
		return a.whiteout(dir, base)
	}
	if a.o.Whiteouts == Aufs {
		return a.besideMark(dir, base, hdr, content, in)
	}
	if err := a.make(dir, base, hdr, content, in); err != nil {
		return err
	}
	if a.made != nil {
		a.made[path.Join(dir.path, base)] = struct{}{}
	}
	return nil
}

// IsSparse tells whether the content of an entry is stored in a sparse format.
func IsSparse(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range hdr.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (a *applier) make(dir folder, name string, hdr *tar.Header, content io.Reader, in *tap) error {
	uid, okU := mapID(hdr.Uid, a.o.UIDs)
	gid, okG := mapID(hdr.Gid, a.o.GIDs)
	if !okU || !okG {
		return fmt.Errorf("owner %d:%d has no place in the user namespace: %w", hdr.Uid, hdr.Gid, errdefs.ErrInvalidArgument)
	}
	n := node{dir: dir, name: name, uid: uid, gid: gid, mode: uint32(hdr.Mode) & 0o7777, times: timesOf(hdr)}
	switch hdr.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		return a.file(n, hdr, content, in)
	case tar.TypeDir:
		return a.folder(n, hdr)
	case tar.TypeSymlink:
		return a.symlink(n, hdr)
	case tar.TypeLink:
		return a.hardlink(n, hdr)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return a.device(n, hdr)
	}
	return fmt.Errorf("type %q of entry is not known: %w", hdr.Typeflag, errdefs.ErrInvalidArgument)
}

// timesOf returns the access and modification time of an entry.
func timesOf(hdr *tar.Header) [2]unix.Timespec {
	atime := hdr.AccessTime
	if atime.Before(hdr.ModTime) {
		atime = hdr.ModTime
	}
	return [2]unix.Timespec{timespec(atime), timespec(hdr.ModTime)}
}

func timespec(t time.Time) unix.Timespec {
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}

// folderTimes sets the times of folders when all of their content has been written.
func (a *applier) folderTimes() error {
	for i := len(a.times) - 1; i >= 0; i-- {
		f := a.times[i]
		a.tree.trim()
		dir, err := a.tree.dir(path.Dir(f.path))
		if err != nil {
			return fmt.Errorf("set time of %s: %w", f.path, err)
		}
		err = unix.UtimesNanoAt(dir.fd, path.Base(f.path), f.times[:], unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.ENOENT) { // a later entry may have replaced it
			return fmt.Errorf("set time of %s: %w", f.path, err)
		}
	}
	return nil
}
