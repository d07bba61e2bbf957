// Package fs says what a storage driver is: something that keeps the layers of images and the writable
// layers of containers, and that says what to mount so that a stack of them is seen as one root.
//
// A driver makes no mounts that outlive a call: it returns them, and the engine makes them. Everything a
// driver keeps under its root has a row in its table of layers; a folder without a row is an orphan that the
// driver removes when it is opened.
package fs

import (
	"context"
	"io"
	"time"

	"box/fs/mount"
)

// State says how far a layer is.
type State uint8

const (
	// Staged is a layer that is being filled from an archive, or one whose row is Deferred. It has no row on disk and
	// is dropped when the driver is opened.
	Staged State = iota + 1
	// Committed is a layer of an image: never written to again, and a possible parent.
	Committed
	// Active is the writable layer of a container.
	Active
	// View is a mount of a committed layer that cannot be written to.
	View
)

// Info is what a driver knows of one layer without looking at its files.
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

// IDMap is one range of a user namespace's map: Size ids from Container on inside are those from Host on outside.
type IDMap struct {
	Container, Host, Size int
}

// IDMaps are both maps of a user namespace; the zero value is none.
type IDMaps struct{ UIDs, GIDs []IDMap }

// Root is who a container's root is on the host.
func (m IDMaps) Root() (uid, gid int) { return hostRoot(m.UIDs), hostRoot(m.GIDs) }

func hostRoot(ranges []IDMap) int {
	for _, r := range ranges {
		if r.Container == 0 {
			return r.Host
		}
	}
	return 0
}

// PrepareOptions is how a layer is to be prepared. The zero value is a layer for an archive, ids unmapped,
// no quota.
type PrepareOptions struct {
	Purpose Purpose
	IDMaps
	Quota int64 // bytes the layer may grow to, 0 for no limit; errdefs.ErrNotImplemented where a driver has none
	// Deferred leaves the row of a container's layer to the caller, who writes it with Keep in the transaction that
	// writes the container's own row: one write to the disk for both. Until then the layer is dropped when the driver
	// is opened.
	Deferred bool
}

// Usage is what a layer takes on disk, counting a hard-linked file once.
type Usage struct {
	Bytes  int64
	Inodes int64
}

// Driver is a storage driver. All methods may be called from any goroutine; errors are of a class of
// containerd/errdefs: a name that is not there ErrNotFound, one that is there already ErrAlreadyExists,
// a layer that others stand on ErrFailedPrecondition.
type Driver interface {
	// Name is the driver's name as users type it after --storage-driver.
	Name() string
	// Status is what `docker info` prints below the driver's name, in order.
	Status() [][2]string
	// Stat finds a layer by name.
	Stat(ctx context.Context, name string) (Info, error)
	// Prepare makes an empty writable layer on parent ("" for none): a committed layer, a staged one that is filled,
	// or an active one that nobody writes to any more (the -init layer below a container's). For a layer whose parent
	// is not known yet see Rebaser. A container's layer is durable when Prepare returns, unless Deferred.
	Prepare(ctx context.Context, name, parent string, o PrepareOptions) error
	// View makes a read-only layer that shows parent.
	View(ctx context.Context, name, parent string) error
	// Mounts says where the root of an active layer or a view is seen, and what to mount there first, in order;
	// nothing when the folder is the root itself (vfs).
	Mounts(ctx context.Context, name string) (root string, mounts []mount.Mount, err error)
	// Apply fills a layer prepared ForLayer with an uncompressed layer tar. Nothing outside the layer is written,
	// whatever the archive says. It returns the bytes of file content. The layer is only good for Remove after an
	// error.
	Apply(ctx context.Context, name string, tar io.Reader) (int64, error)
	// Commit turns prepared layers into committed ones in the transaction of the caller, so that an image and its
	// layers appear together. The caller has synced them (Sync) before.
	Commit(tx Tx, commits ...Commit) error
	// Keep makes Deferred layers active ones in the transaction of the caller.
	Keep(tx Tx, names ...string) error
	// Forget takes rows away in the transaction of the caller, who calls Remove for the files after it: one write to
	// the disk for a container and its layers.
	Forget(tx Tx, names ...string) error
	// Tar writes the exact tar that Apply filled the layer from, byte for byte.
	Tar(ctx context.Context, name string, w io.Writer) error
	// TarSize is how many bytes Tar writes, told without reading the layer's files.
	TarSize(ctx context.Context, name string) (int64, error)
	// Sync makes everything that was written to the named layers durable: one syncfs a file system, errors of earlier
	// writes included.
	Sync(ctx context.Context, names ...string) error
	// Remove forgets a layer and deletes its files. A name that is not there is no error. The row goes first, so that
	// what a crash leaves is an orphan.
	Remove(ctx context.Context, name string) error
	// Usage measures a layer (for an active one: what was written to it, not its parents).
	Usage(ctx context.Context, name string) (Usage, error)
	// Walk calls fn for every layer, in no order. fn's error ends it.
	Walk(ctx context.Context, fn func(Info) error) error
	// Close ends the driver. Mounts of its layers stay.
	Close() error
}

// Commit names one staged layer and what it becomes.
type Commit struct {
	Staged string // the name it was prepared under
	Name   string // its chain ID from now on
	Parent string // chain ID of the layer below; must be what Prepare was told unless the driver is a Rebaser
	Size   int64  // bytes of file content, as Apply returned
}

// Rebaser is a driver whose staged layers need not know their parent until Commit (overlay2, aufs): layers of one
// image may then be applied at once and in any order.
type Rebaser interface {
	// Rebases tells whether it can on this host.
	Rebases() bool
}

// Change is one difference between a layer and what is below it.
type Change struct {
	Path string // absolute, in the container
	Kind ChangeKind
}

// ChangeKind says what happened to a path; the numbers are those of Docker's API.
type ChangeKind uint8

const (
	// Modified is a file or folder that was there and is other now.
	Modified ChangeKind = iota
	// Added is a path that was not there.
	Added
	// Deleted is a path that was there.
	Deleted
)

// Locator is a driver whose folders people look into with their own tools.
type Locator interface {
	// Folders says where a layer and those below it are, under the keys that `docker inspect` has for them.
	Folders(ctx context.Context, name string) (map[string]string, error)
}

// Differ is a driver that can tell quickly what an active layer changes.
type Differ interface {
	// Changes lists what the active layer name changes, sorted by path.
	Changes(ctx context.Context, name string) ([]Change, error)
	// Diff writes the active layer name as a layer tar.
	Diff(ctx context.Context, name string, w io.Writer) error
}
