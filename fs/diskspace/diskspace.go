// Package diskspace explains errors of a full disk: which one it is, and what to do.
package diskspace

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// Explain adds to the error of a full disk which one it is, how much is free, and how to free space. It does not change
// other errors. An error without a path is about the first of the folders, unless only the disk of another one is full.
func Explain(err error, folders ...string) error {
	if !isFull(err) || strings.Contains(err.Error(), "prune") {
		return err
	}
	return fmt.Errorf("%w: %s: docker system df shows what takes room, docker system prune gives back what nobody uses",
		err, describe(place(err, folders)))
}

// InLog is for slog.HandlerOptions.ReplaceAttr. It explains errors in a log.
func InLog(folders ...string) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok && isFull(err) {
			a.Value = slog.StringValue(Explain(err, folders...).Error())
		}
		return a
	}
}

// isFull matches errors of a full disk or an exceeded quota. An error of another process is only a text.
func isFull(err error) bool {
	return err != nil && (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) ||
		strings.Contains(err.Error(), unix.ENOSPC.Error()))
}

// place returns a path on the file system that an error is about.
func place(err error, folders []string) string {
	var at *os.PathError
	if errors.As(err, &at) && filepath.IsAbs(at.Path) && !strings.HasPrefix(at.Path, "/proc/") {
		return existing(at.Path)
	}
	var link *os.LinkError
	if errors.As(err, &link) && filepath.IsAbs(link.New) {
		return existing(link.New)
	}
	const full = 0.01
	if len(folders) == 0 {
		folders = []string{"/"}
	}
	for _, folder := range folders {
		if freePart(folder) < full {
			return folder
		}
	}
	return folders[0] // what was written is gone again, and has left room
}

// existing returns path or its nearest existing parent, because a file that was being written may have been removed.
func existing(path string) string {
	for ; path != "/"; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); err == nil {
			break
		}
	}
	return path
}

// freePart returns the free part of a file system, of bytes or inodes, whichever is less. 1 is all.
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

// describe describes the file system of a path.
func describe(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return path
	}
	text := path
	if on, err := mount.On(path); err == nil && on.Mountpoint != "" {
		text = fmt.Sprintf("%s is on %s (%s)", path, on.Mountpoint, on.FSType)
	}
	size := func(blocks uint64) string { return units.HumanSize(float64(blocks) * float64(st.Bsize)) }
	text += fmt.Sprintf(", of whose %s %s are free now", size(st.Blocks), size(st.Bavail))
	if st.Files > 0 && st.Ffree*100 < st.Files {
		text += fmt.Sprintf(", and %d of its %d inodes", st.Ffree, st.Files)
	}
	return text
}
