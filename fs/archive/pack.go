package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/fs"
)

// PackOptions says how files become a tar.
type PackOptions struct {
	Whiteouts Whiteouts  // whose marks of deletion become those of a layer tar
	Seconds   bool       // cut times to seconds, as layers have them
	UIDs      []fs.IDMap // ids in the archive <- ids on the host; none for as they are
	GIDs      []fs.IDMap
	// Who has no place in the map becomes nobody, as a program in the namespace sees it; else it is an error
	Nobody bool
	// Enter is asked before a folder on another file system than the one above it is gone into; the path is from
	// where the packing began. Such a folder is packed empty when it says no. Nil: always.
	Enter func(path string) bool
}

// Packer writes a tar of files that programs may change meanwhile. It goes by descriptors and follows no link, so
// nothing is read but what is below the folders that it is given; it opens no device. What goes away under it is left
// out, a file that gets shorter is filled up with zeros.
type Packer struct {
	o      PackOptions
	out    stream
	linked map[[2]uint64]string // device and inode -> the name it was packed under first
}

// nobody is the owner, in a user namespace, of files whose owner is not mapped (user_namespaces(7), overflowuid).
const nobody = 65534

// NewPacker starts a tar on w. Close ends it.
func NewPacker(w io.Writer, o PackOptions) *Packer {
	return &Packer{o: o, out: stream{w: w, buf: make([]byte, 256<<10)}, linked: map[[2]uint64]string{}}
}

// Close writes the end of the tar.
func (p *Packer) Close() error {
	if err := tar.NewWriter(&p.out).Close(); err != nil {
		return err
	}
	return p.out.flush()
}

// place is where an entry is: its name in the archive, and its path from where packing started.
type place struct{ as, path string }

func (at place) below(name string) place {
	as := at.as + "/" + name
	if at.as == "" || strings.HasSuffix(at.as, "/") {
		as = at.as + name
	}
	return place{as, path.Join(at.path, name)}
}

// Add packs the file or folder open as fd, which may be O_PATH, with its content under the name as.
func (p *Packer) Add(ctx context.Context, fd int, as string) error {
	return p.add(ctx, fd, place{as: as}, 0)
}

// Content packs what is in the folder dir, without the folder.
func (p *Packer) Content(ctx context.Context, dir int) error {
	fd, err := reopen(dir, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	return p.content(ctx, fd, place{}, st.Dev)
}

// reopen opens for reading what an O_PATH descriptor refers to.
func reopen(fd, flags int) (int, error) {
	return unix.Open(procPath(fd), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|flags, 0)
}

// tree packs an entry of an open folder. It skips one that does not exist any more.
func (p *Packer) tree(ctx context.Context, dir int, name string, at place, above uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(at.as) > maxPath {
		return fmt.Errorf("pack %s: %w", at.as, unix.ENAMETOOLONG)
	}
	if p.o.Whiteouts == Aufs && isMark(name) {
		return p.mark(at.as, name)
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	defer unix.Close(fd)
	return p.add(ctx, fd, at, above)
}

// add packs what fd refers to. above is the file system of its folder, or 0 at the start.
func (p *Packer) add(ctx context.Context, fd int, at place, above uint64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return p.folder(ctx, fd, &st, at, above)
	}
	if err := p.file(fd, &st, at.as); err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	return nil
}

// Entry packs an entry of the folder dir without its content. It skips one that does not exist any more.
func (p *Packer) Entry(dir int, name, as string) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", as, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = p.folderHeader(fd, &st, as)
		} else {
			err = p.file(fd, &st, as)
		}
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", as, err)
	}
	return nil
}

// Deleted packs the mark of a layer tar that as is gone.
func (p *Packer) Deleted(as string) error {
	dir, base := path.Split(as)
	return p.header(&tar.Header{Typeflag: tar.TypeReg, Name: dir + whiteoutPrefix + base})
}

// mark packs a mark of aufs as it is, and none of the books of aufs.
func (p *Packer) mark(as, name string) error {
	if strings.HasPrefix(name, metaPrefix) && name != opaqueName {
		return nil
	}
	return p.header(&tar.Header{Typeflag: tar.TypeReg, Name: as})
}

func (p *Packer) folder(ctx context.Context, fd int, st *unix.Stat_t, at place, above uint64) error {
	if err := p.folderHeader(fd, st, at.as); err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	if st.Dev != above && p.o.Enter != nil && (above != 0 || isKernels(fd)) && !p.o.Enter(at.path) {
		return nil
	}
	// Not by its name: that may be another folder's by now.
	list, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	return p.content(ctx, list, at, st.Dev)
}

// isKernels tells whether a folder is on a file system of the kernel, such as proc.
func isKernels(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	return slices.Contains([]int64{
		unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC,
	}, int64(st.Type))
}

func (p *Packer) folderHeader(fd int, st *unix.Stat_t, as string) error {
	if !strings.HasSuffix(as, "/") {
		as += "/"
	}
	h, err := p.headerOf(st, as)
	if err != nil {
		return err
	}
	h.Typeflag = tar.TypeDir
	path := procPath(fd)
	p.attributes(h, path)
	if err := p.header(h); err != nil {
		return err
	}
	if p.o.Whiteouts != Overlay || !isOpaque(path) {
		return nil
	}
	opaque := *h
	opaque.Typeflag, opaque.Name, opaque.PAXRecords = tar.TypeReg, as+opaqueName, nil
	opaque.Mode &= 0o777
	return p.header(&opaque)
}

// content packs the content of the open folder fd, sorted, and closes it.
func (p *Packer) content(ctx context.Context, fd int, at place, dev uint64) error {
	f := os.NewFile(uintptr(fd), at.as)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("pack %s: %w", at.as, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := p.tree(ctx, fd, name, at.below(name), dev); err != nil {
			return err
		}
	}
	return nil
}

// headerOf returns the part of the header that all types of entries have.
func (p *Packer) headerOf(st *unix.Stat_t, as string) (*tar.Header, error) {
	uid, okU := unmapID(int(st.Uid), p.o.UIDs)
	gid, okG := unmapID(int(st.Gid), p.o.GIDs)
	switch {
	case okU && okG:
	case !p.o.Nobody:
		return nil, fmt.Errorf("owner %d:%d is not of the user namespace", st.Uid, st.Gid)
	default:
		if !okU {
			uid = nobody
		}
		if !okG {
			gid = nobody
		}
	}
	h := &tar.Header{Name: as, Mode: int64(st.Mode & 0o7777), Uid: uid, Gid: gid, ModTime: time.Unix(st.Mtim.Unix())}
	if p.o.Seconds {
		h.ModTime = time.Unix(st.Mtim.Sec, 0)
	}
	return h, nil
}

func (p *Packer) header(h *tar.Header) error {
	h.Format = tar.FormatPAX
	// Each header gets a writer of its own, so that content can go by it.
	return tar.NewWriter(&p.out).WriteHeader(h)
}
