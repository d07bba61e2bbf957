// Package fs defines what a storage driver is: it keeps the layers of images and the writable layers of containers, and
// tells what to mount so that a stack of layers appears as one root.
//
// A driver makes no mounts that outlive a call: it returns them, and the engine makes them. All that a driver keeps
// below its root has a row in its table of layers; a folder without a row is an orphan, which the driver removes when
// it is opened.
package fs

import (
	"context"
	"io"
	"time"

	"box/fs/mount"
)

// State is the state of a layer.
type State uint8

const (
	// Staged is a layer that is being filled from an archive, or one whose row is Deferred. It has no row on disk and
	// is removed when the driver is opened.
	Staged State = iota + 1
	// Committed is a layer of an image: it is never written to again and may be a parent.
	Committed
	// Active is the writable layer of a container.
	Active
	// View is a read-only mount of a committed layer.
	View
)

// Info is what a driver knows about a layer without reading its files.
type Info struct {
	Name    string    // chain ID of a committed layer, the caller's key of any other
	Parent  string    // name of the layer below, "" at the bottom
	State   State     //
	ID      string    // name of its folder (subvolume, dataset, device) on disk
	Size    int64     // bytes of file content that a committed layer adds to its parent, -1 when not known
	Created time.Time //
}

// Purpose says who will write to a prepared layer.
type Purpose uint8

const (
	// ForLayer: filled by Apply from an archive, later committed.
	ForLayer Purpose = iota
	// ForContainer: written to by programs through a mount.
	ForContainer
)

// IDMap is a range of a user namespace's map: Size IDs from Container on are those from Host on outside.
type IDMap struct {
	Container, Host, Size int
}

// IDMaps are both maps of a user namespace. The zero value maps nothing.
type IDMaps struct{ UIDs, GIDs []IDMap }

// Root returns the IDs on the host of a container's root.
func (m IDMaps) Root() (uid, gid int) { return hostRoot(m.UIDs), hostRoot(m.GIDs) }

func hostRoot(ranges []IDMap) int {
	for _, r := range ranges {
		if r.Container == 0 {
			return r.Host
		}
	}
	return 0
}

// PrepareOptions says how to prepare a layer. The zero value is a layer for an archive, without ID maps and quota.
type PrepareOptions struct {
	Purpose Purpose
	IDMaps
	Quota int64 // bytes the layer may grow to, 0 for no limit; errdefs.ErrNotImplemented where a driver has none
	// Deferred leaves the row of a container's layer to the caller, who writes it with Keep in the transaction of the
	// container's own row, so that one write to the disk is enough. Until then the layer is removed when the driver is
	// opened.
	Deferred bool
}

// Usage is the space that a layer takes on disk. A file with several links counts once.
type Usage struct {
	Bytes  int64
	Inodes int64
}

// Driver is a storage driver. Methods may be called by several goroutines. Errors have the classes of
// containerd/errdefs: ErrNotFound for a missing name, ErrAlreadyExists for an existing one, ErrFailedPrecondition for a
// layer with children.
type Driver interface {
	// Name returns the name of the driver for --storage-driver.
	Name() string
	// Status returns what `docker info` prints about the driver, in order.
	Status() [][2]string
	// Stat returns a layer by name.
	Stat(ctx context.Context, name string) (Info, error)
	// Prepare makes an empty writable layer on parent, or without one if it is "". A parent is a committed layer, a
	// complete staged one, or an active one that is not written to any more (the -init layer of a container). For a
	// layer whose parent is not known yet see Rebaser. A container's layer is durable when Prepare returns, unless it
	// is Deferred.
	Prepare(ctx context.Context, name, parent string, o PrepareOptions) error
	// View makes a read-only layer with the content of parent.
	View(ctx context.Context, name, parent string) error
	// Mounts returns the root of an active layer or a view, and what to mount there first, in order. There are no
	// mounts if the folder itself is the root (vfs).
	Mounts(ctx context.Context, name string) (root string, mounts []mount.Mount, err error)
	// Apply fills a layer prepared ForLayer with an uncompressed layer tar, and returns the bytes of file content. It
	// never writes outside the layer. After an error the layer can only be removed.
	Apply(ctx context.Context, name string, tar io.Reader) (int64, error)
	// Commit turns staged layers into committed ones in the caller's transaction, so that an image and its layers
	// appear together. The caller has called Sync for them before.
	Commit(tx Tx, commits ...Commit) error
	// Keep makes Deferred layers active in the caller's transaction.
	Keep(tx Tx, names ...string) error
	// Forget removes rows in the caller's transaction. The caller then calls Remove for the files. So one write to the
	// disk is enough for a container and its layers.
	Forget(tx Tx, names ...string) error
	// Tar writes the tar that Apply read, byte for byte.
	Tar(ctx context.Context, name string, w io.Writer) error
	// TarSize returns how many bytes Tar writes, without reading the files of the layer.
	TarSize(ctx context.Context, name string) (int64, error)
	// Sync makes all writes to the named layers durable with one syncfs for each file system, and reports errors of
	// earlier writes.
	Sync(ctx context.Context, names ...string) error
	// Remove deletes a layer's row and then its files, so that a crash leaves an orphan. A missing name is no error.
	Remove(ctx context.Context, name string) error
	// Usage measures a layer, without its parents.
	Usage(ctx context.Context, name string) (Usage, error)
	// Walk calls fn for all layers in no particular order, until it returns an error.
	Walk(ctx context.Context, fn func(Info) error) error
	// Close closes the driver. Mounts of its layers stay.
	Close() error
}

// Commit says what a staged layer becomes.
type Commit struct {
	Staged string // the name it was prepared under
	Name   string // its chain ID from now on
	Parent string // chain ID of the layer below; must be what Prepare was told unless the driver is a Rebaser
	Size   int64  // bytes of file content, as Apply returned
}

// Rebaser is a driver that needs to know the parent of a staged layer only in Commit (overlay2, aufs), so that the
// layers of an image can be applied at the same time and in any order.
type Rebaser interface {
	// Rebases tells whether the driver can do so on this host.
	Rebases() bool
}

// Releaser is a driver whose layers lie on devices of their own, which Mounts makes ready.
type Releaser interface {
	// Release says that the mounts of a layer, which Mounts has returned, are undone.
	Release(ctx context.Context, name string) error
}

// Settler is a driver that keeps a Deferred layer of a container, whose content it can make again, before that is on
// the disk.
type Settler interface {
	// Unsettled lists the layers that may have lost content, because the host went down before it was on the disk. Each
	// has to be made again and then settled, those below others first, before the driver is used for anything else.
	Unsettled() []string
	// Remake makes the content of such a layer that of the one below.
	Remake(ctx context.Context, name string) error
	// Settle writes layers to the disk, which then are unsettled no more.
	Settle(ctx context.Context, names ...string) error
}

// Change is a difference between a layer and those below it.
type Change struct {
	Path string // absolute, in the container
	Kind ChangeKind
}

// ChangeKind is the kind of a change, with the numbers of Docker's API.
type ChangeKind uint8

const (
	// Modified is a path that existed and changed.
	Modified ChangeKind = iota
	// Added is a path that did not exist.
	Added
	// Deleted is a path that existed.
	Deleted
)

// Locator is a driver whose folders people inspect with their own tools.
type Locator interface {
	// Folders returns the folders of a layer and of those below it, under the keys of `docker inspect`.
	Folders(ctx context.Context, name string) (map[string]string, error)
}

// Differ is a driver that can list the changes of an active layer quickly.
type Differ interface {
	// Changes lists the changes of the active layer name, sorted by path.
	Changes(ctx context.Context, name string) ([]Change, error)
	// Diff writes the active layer name as a layer tar.
	Diff(ctx context.Context, name string, w io.Writer) error
}
