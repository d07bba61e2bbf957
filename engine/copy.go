package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apimount "github.com/moby/moby/api/types/mount"
	"golang.org/x/sys/unix"

	"box/engine/refuse"
	"box/engine/spec"
	"box/fs"
	"box/fs/archive"
	"box/fs/inroot"
)

// openPath opens p, which inroot.Rooted returned, and describes it.
func (f *files) openPath(p string) (fd int, stat api.PathStat, err error) {
	fd, err = f.root.Open(p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return -1, stat, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, stat, err
	}
	stat = api.PathStat{
		Name: inroot.Base(p), Size: st.Size, Mode: archive.ModeOf(&st), Mtime: time.Unix(st.Mtim.Unix()).UTC(),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if stat.LinkTarget, err = f.root.Follow(p); err != nil {
			unix.Close(fd)
			return -1, stat, err
		}
	}
	return fd, stat, nil
}

// pathError converts an error about a path in a container to Docker's words.
func pathError(err error, ref, asked, p string) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return refuse.NotFound("Could not find the file %s in container %s", asked, ref)
	case errors.Is(err, unix.ENOTDIR):
		return refuse.Internal("lstat %s: not a directory", p)
	case errors.Is(err, unix.ELOOP):
		return refuse.Internal("evalSymlinksInScope: too many links in %s", p)
	case errors.Is(err, unix.ENAMETOOLONG):
		return refuse.Internal("lstat %s: file name too long", p)
	}
	return err
}

// StatPath describes a file of a container.
func (e *Engine) StatPath(ctx context.Context, ref, p string) (api.PathStat, error) {
	c, err := e.container(ref)
	if err != nil {
		return api.PathStat{}, err
	}
	f, err := e.openFiles(ctx, c)
	if err != nil {
		return api.PathStat{}, err
	}
	defer f.close()
	fd, stat, err := f.openPath(inroot.Rooted(p))
	if err != nil {
		return stat, pathError(err, ref, p, inroot.Rooted(p))
	}
	unix.Close(fd)
	return stat, nil
}

// CopyOut is a file or folder of a container to copy. It must be closed.
type CopyOut struct {
	Stat api.PathStat

	f   *files
	ids fs.IDMaps
	fd  int
	at  string
}

// CopyFrom opens a file or folder of a container for copying.
func (e *Engine) CopyFrom(ctx context.Context, ref, p string) (*CopyOut, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	f, err := e.openFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	fd, stat, err := f.openPath(inroot.Rooted(p))
	if err != nil {
		f.close()
		return nil, pathError(err, ref, p, inroot.Rooted(p))
	}
	e.publish(ctx, c, events.ActionArchivePath)
	return &CopyOut{Stat: stat, f: f, ids: e.o.IDs, fd: fd, at: inroot.Rooted(p)}, nil
}

// Write writes a tar whose first entry has the base name of the path. Folders on other file systems than the
// container's root and mounts, such as /proc, are empty in it.
func (o *CopyOut) Write(ctx context.Context, w io.Writer) error {
	at := path.Clean(o.at)
	if o.Stat.Mode.IsDir() {
		if real, err := o.f.root.Follow(at); err == nil {
			at = real
		}
	}
	p := archive.NewPacker(w, archive.PackOptions{UIDs: o.ids.UIDs, GIDs: o.ids.GIDs, Nobody: true,
		Enter: func(below string) bool { return o.f.mountAt(path.Join(at, below)) != nil }})
	if err := p.Add(ctx, o.fd, o.Stat.Name); err != nil {
		return err
	}
	return p.Close()
}

// Close closes it.
func (o *CopyOut) Close() {
	unix.Close(o.fd)
	o.f.close()
}

// CopyOptions says how CopyTo unpacks.
type CopyOptions struct {
	KeepKinds  bool // a folder never replaces another kind of file, nor the other way round
	ToTheirOwn bool // all belongs to the container's user when it has one
}

// CopyTo unpacks a tar, plain or compressed, into a folder of a container. After an error, a part of it may have been
// unpacked.
func (e *Engine) CopyTo(ctx context.Context, ref, p string, o CopyOptions, r io.Reader) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	f, err := e.openFiles(ctx, c)
	if err != nil {
		return err
	}
	defer f.close()
	at, err := f.folderFor(inroot.Rooted(p))
	if err != nil {
		return pathError(err, ref, p, inroot.Rooted(p))
	}
	x := archive.ExtractOptions{KeepKinds: o.KeepKinds, UIDs: e.o.IDs.UIDs, GIDs: e.o.IDs.GIDs, Disk: e.o.Disk}
	if o.ToTheirOwn && f.rec.Config.User != "" {
		u, err := spec.UserIn(f.root.Open, f.rec.Config.User, nil)
		if err != nil {
			return err
		}
		x.Owner = &archive.Owner{UID: int(u.UID), GID: int(u.GID)}
	}
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	defer plain.Close()
	if err := archive.Extract(ctx, f.root, at, plain, x); err != nil {
		return err
	}
	// What follows the end of the archive is not looked at, but a client that still writes it must not see a broken
	// connection.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return fmt.Errorf("read archive to its end: %w", err)
	}
	e.publish(ctx, c, events.ActionExtractToDir)
	return nil
}

// folderFor returns the folder that p leads to, and refuses one that must not be written to.
func (f *files) folderFor(p string) (string, error) {
	fd, err := f.root.Open(p, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", refuse.Invalid("extraction point is not a directory")
	}
	at, err := f.root.Follow(p)
	if err != nil {
		return "", err
	}
	m := f.mountAt(at)
	var sys unix.Statfs_t
	frozen := unix.Fstatfs(fd, &sys) == nil && sys.Flags&unix.ST_RDONLY != 0
	switch {
	case m != nil && (!m.RW || frozen):
		return "", refuse.Invalid("mounted volume is marked read-only")
	case m != nil && m.Type == apimount.TypeTmpfs && !f.live && f.rec.Host.ReadonlyRootfs,
		m == nil && (f.rec.Host.ReadonlyRootfs && !f.live || frozen):
		return "", refuse.Invalid("container rootfs is marked read-only")
	}
	return at, nil
}
