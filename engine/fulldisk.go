package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// Explain adds to the error of a full disk which one it is, how much of it is free now, and how room is made. It is asked for every error
// that leaves the daemon; all others stay as they are.
func (e *Engine) Explain(err error) error {
	if !isDiskFull(err) || strings.Contains(err.Error(), "prune") {
		return err
	}
	return fmt.Errorf("%w: %s: docker system df shows what takes room, docker system prune gives back what nobody uses", err, describeDisk(e.fullDisk(err)))
}

// isDiskFull tells the error of a disk, or of a quota, on which nothing has room. One that the keeper sent is but a text.
func isDiskFull(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || strings.Contains(err.Error(), unix.ENOSPC.Error()))
}

// fullDisk is a folder on the file system that an error is about: the one that it names, else the daemon's data root, unless only its other one is full.
func (e *Engine) fullDisk(err error) string {
	var at *os.PathError
	if errors.As(err, &at) && filepath.IsAbs(at.Path) && !strings.HasPrefix(at.Path, "/proc/") {
		return existing(at.Path)
	}
	var link *os.LinkError
	if errors.As(err, &link) && filepath.IsAbs(link.New) {
		return existing(link.New)
	}
	const full = 0.01
	if freePart(e.o.Run) < full && freePart(e.o.Root) >= full {
		return e.o.Run
	}
	return e.o.Root // also when what was written is gone again, and has left room
}

// existing is a path or the nearest folder above it that is there: what was being written may be gone again.
func existing(path string) string {
	for ; path != "/"; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); err == nil {
			break
		}
	}
	return path
}

// freePart is how much of a file system is free, of bytes or of inodes, whichever is less: 1 is all.
func freePart(path string) float64 {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil || st.Blocks == 0 {
		return 1
	}
	part := float64(st.Bavail) / float64(st.Blocks)
	if st.Files > 0 {
		part = min(part, float64(st.Ffree)/float64(st.Files))
	}
	return part
}

// describeDisk names the file system that a path is on.
func describeDisk(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return path
	}
	text := path
	if all, err := mount.Table(); err == nil {
		var on mount.Entry
		for _, m := range all {
			inside := m.Point == "/" || path == m.Point || strings.HasPrefix(path, m.Point+"/")
			if inside && len(m.Point) >= len(on.Point) { // the last of those at one place is on top
				on = m
			}
		}
		if on.Point != "" {
			text = fmt.Sprintf("%s is on %s (%s)", path, on.Point, on.Type)
		}
	}
	size := func(blocks uint64) string { return units.HumanSize(float64(blocks) * float64(st.Bsize)) }
	text += fmt.Sprintf(", of whose %s %s are free now", size(st.Blocks), size(st.Bavail))
	if st.Files > 0 && st.Ffree*100 < st.Files {
		text += fmt.Sprintf(", and %d of its %d inodes", st.Ffree, st.Files)
	}
	return text
}
