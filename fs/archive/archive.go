// Package archive moves layers between tars and folders: an OCI layer tar (image-spec, layer.md) into a folder
// through descriptors that never leave it, a folder out as a tar, and a record beside the folder from which the very
// tar that filled it can be written again.
package archive

import (
	"os"

	"golang.org/x/sys/unix"

	"box/fs"
)

// Limits for archives, far above what images need.
const (
	maxEntries  = 16 << 20       // entries of one archive
	maxPath     = unix.PathMax   // bytes of a path, links resolved
	maxSparse   = int64(1) << 38 // bytes a sparse file may claim: its holes cost time but no space
	maxSymlinks = 40             // followed in one path, as in the kernel
)

// Whiteouts is how a folder marks deletions from the layers below.
type Whiteouts uint8

const (
	// Plain folders are full copies, so there are no marks.
	Plain Whiteouts = iota
	// Overlay folders are layers of overlayfs: character devices 0:0 and trusted.overlay.opaque,
	// see Documentation/filesystems/overlayfs.rst.
	Overlay
	// Aufs folders are branches of aufs: empty files under the names that a layer tar has, beside the books of aufs,
	// see aufs(5), "Whiteout".
	Aufs
)

// Names of entries that mark deletions in a layer tar (image-spec, layer.md, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	metaPrefix     = ".wh..wh."
	opaqueName     = ".wh..wh..opq"
)

// opaqueXattr marks an overlay folder that hides everything below it.
const opaqueXattr = "trusted.overlay.opaque"

// mapID translates an ID of an archive to one of the host. Without ranges it does not change.
func mapID(id int, ranges []fs.IDMap) (int, bool) {
	if len(ranges) == 0 {
		return id, true
	}
	for _, r := range ranges {
		if id >= r.Container && id < r.Container+r.Size {
			return r.Host + id - r.Container, true
		}
	}
	return 0, false
}

// unmapID is the inverse of mapID.
func unmapID(id int, ranges []fs.IDMap) (int, bool) {
	back := make([]fs.IDMap, len(ranges))
	for i, r := range ranges {
		back[i] = fs.IDMap{Container: r.Host, Host: r.Container, Size: r.Size}
	}
	return mapID(id, back)
}

// openRoot opens the folder to which all paths are relative.
func openRoot(dir string) (*os.File, error) {
	return os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}
