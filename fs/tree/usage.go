// Package tree copies and measures folders by descriptor. Whatever a program with write access does meanwhile, nothing
// outside of them is read or written.
package tree

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"box/fs"
)

// Measure returns the space that the folder dir takes on disk. It uses descriptors, so a program that moves folders
// meanwhile cannot lead it elsewhere. What disappears meanwhile is not counted.
func Measure(ctx context.Context, dir string) (fs.Usage, error) {
	m := measure{seen: map[[2]uint64]bool{}}
	err := m.at(ctx, dir)
	return m.sum, err
}

// MeasureBeside is Measure without the files that are in beside too, under whatever name.
func MeasureBeside(ctx context.Context, dir, beside string) (fs.Usage, error) {
	m := measure{seen: map[[2]uint64]bool{}}
	if err := m.at(ctx, beside); err != nil {
		return fs.Usage{}, err
	}
	m.sum = fs.Usage{}
	err := m.at(ctx, dir)
	return m.sum, err
}

func (m *measure) at(ctx context.Context, dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	if err := m.folder(ctx, f); err != nil {
		return fmt.Errorf("measure %s: %w", filepath.Base(dir), err)
	}
	return nil
}

type measure struct {
	sum  fs.Usage
	seen map[[2]uint64]bool // device and inode of files with several names
}

// folder counts the content of f and closes it.
func (m *measure) folder(ctx context.Context, f *os.File) error {
	defer f.Close()
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(int(f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			continue
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			m.file(&st)
			continue
		}
		m.sum.Inodes++
		fd, err := unix.Openat(int(f.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if err := m.folder(ctx, os.NewFile(uintptr(fd), name)); err != nil {
			return err
		}
	}
	return nil
}

func (m *measure) file(st *unix.Stat_t) {
	if st.Nlink > 1 {
		id := [2]uint64{st.Dev, st.Ino}
		if m.seen[id] {
			return
		}
		m.seen[id] = true
	}
	m.sum.Inodes++
	m.sum.Bytes += st.Size
}
