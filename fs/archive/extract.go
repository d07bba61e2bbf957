package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
)

// ExtractOptions says how a tar is extracted to a folder that programs use.
type ExtractOptions struct {
	KeepKinds bool       // a folder never replaces another kind of entry, nor the other way round
	Owner     *Owner     // whom all belongs to; nil: as the archive has it
	UIDs      []fs.IDMap // ids in the archive -> ids on the host; none for as they are
	GIDs      []fs.IDMap
	Disk      *disk.Disk // where changes go: the kernel
}

// Owner is a user and a group, with the IDs in the container.
type Owner struct{ UID, GID int }

// Extract unpacks an uncompressed tar into the folder at of root. Programs may change the folder meanwhile: each
// entry is made anew in a folder that was reached step by step from the root without following a link, and what
// belongs to it is set on the open entry, so nothing outside root is ever written. What is there already is replaced,
// folders are kept and filled. Runs of zeros become holes. After an error what was unpacked so far stays.
func Extract(ctx context.Context, root *Root, at string, r io.Reader, o ExtractOptions) error {
	x := &extractor{o: o, at: path.Clean("/" + at)[1:], tree: newTree(root.fd), buf: make([]byte, 256<<10)}
	x.tree.create, x.tree.disk = true, o.Disk
	defer x.tree.flush()
	tr := tar.NewReader(bufio.NewReaderSize(r, 256<<10))
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return x.folderTimes()
		}
		if err != nil {
			return badTar(fmt.Sprintf("archive after %d entries", n), err)
		}
		if n == maxEntries {
			return fmt.Errorf("archive of more than %d entries: %w", maxEntries, errdefs.ErrInvalidArgument)
		}
		err = x.entry(h, tr)
		if kind := (*kindError)(nil); errors.As(err, &kind) {
			return kind
		}
		if err != nil {
			return fmt.Errorf("archive entry %q: %w", h.Name, err)
		}
	}
}

// extractor is one run of Extract.
type extractor struct {
	o     ExtractOptions
	at    string // clean, without the first slash
	tree  *tree
	buf   []byte
	times []folderTime
}

// maxReplaced limits how often an entry is retried if a program keeps putting others in its place.
const maxReplaced = 16

func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	p, ok := inside(h.Name)
	if !ok {
		return fmt.Errorf("path leads out of the folder: %w", errdefs.ErrInvalidArgument)
	}
	if p == "." {
		return nil // the folder itself stays as it is
	}
	if p = path.Join(x.at, p); len(p) > maxPath {
		return fmt.Errorf("path of %d bytes: %w", len(p), errdefs.ErrInvalidArgument)
	}
	make := x.maker(h)
	if make == nil {
		return fmt.Errorf("type %q of entry is not known: %w", h.Typeflag, errdefs.ErrInvalidArgument)
	}
	for range maxReplaced {
		x.tree.trim()
		dir, err := x.tree.dir(path.Dir(p))
		if err != nil {
			return fmt.Errorf("open folder: %w", err)
		}
		e := target{dir: dir, name: path.Base(p), h: h, content: content}
		if err = make(e); err == nil || !errors.Is(err, unix.EEXIST) {
			return err
		}
		if err := x.makeWay(e); err != nil {
			return err
		}
		x.tree.flush()
	}
	return fmt.Errorf("something else is put in its place again and again: %w", errdefs.ErrAborted)
}

// target is an entry to make in an open folder.
type target struct {
	dir     folder
	name    string
	h       *tar.Header
	content io.Reader
}

// maker returns the function that makes an entry of h's type. It returns unix.EEXIST, without having read content, if
// there is an entry already.
func (x *extractor) maker(h *tar.Header) func(target) error {
	switch h.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		return x.regular
	case tar.TypeDir:
		return x.folder
	case tar.TypeSymlink:
		return x.symlink
	case tar.TypeLink:
		return x.hardlink
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return x.device
	}
	return nil
}

// makeWay removes the entry that is in the way of a new one.
func (x *extractor) makeWay(e target) error {
	var st unix.Stat_t
	err := unix.Fstatat(e.dir.fd, e.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	is, becomes := st.Mode&unix.S_IFMT == unix.S_IFDIR, e.h.Typeflag == tar.TypeDir
	if x.o.KeepKinds && is != becomes {
		old, next := "directory", "non-directory"
		if becomes {
			old, next = next, old
		}
		return &kindError{fmt.Sprintf("cannot overwrite %s %q with %s %q", old, "/"+path.Join(e.dir.path, e.name), next,
			"/"+x.at)}
	}
	if err := (remover{disk: x.o.Disk}).remove(e.dir, e.name); err != nil && !errors.Is(err, unix.ENOTEMPTY) {
		return fmt.Errorf("replace: %w", err)
	}
	return nil
}

// kindError is the refusal of KeepKinds, in Docker's words.
type kindError struct{ text string }

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return errdefs.ErrInternal }

// folderTimes sets the times of folders when all of their content has been written.
func (x *extractor) folderTimes() error {
	for i := len(x.times) - 1; i >= 0; i-- {
		f := x.times[i]
		x.tree.trim()
		dir, err := x.tree.dir(path.Dir(f.path))
		if err == nil {
			err = unix.UtimesNanoAt(dir.fd, path.Base(f.path), f.times[:], unix.AT_SYMLINK_NOFOLLOW)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) { // a later entry or a program may have removed it
			return fmt.Errorf("set time of %s: %w", f.path, err)
		}
	}
	return nil
}
