// Package quota limits what folders take, by the project quotas of xfs and ext4: each file belongs to a project, a
// number that it inherits from its folder, and the file system counts and limits what a project takes.
//
// Nothing is kept here: the number of a folder is in its attributes, and its limit in the file system.
package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// Unsupported is what Docker says about a file system without project quotas.
const Unsupported = "Filesystem does not support, or has not enabled quotas"

// Projects limits folders in a root.
type Projects struct {
	root   string
	disk   *disk.Disk // where changes are made
	kernel kernel

	mu   sync.Mutex // one number is picked at a time
	last uint32     // the number picked last
}

// In limits folders that are in the folder root, all on its file system. It asks nothing of the kernel yet.
func In(root string, d *disk.Disk) *Projects {
	return &Projects{root: root, disk: d, kernel: host{root}}
}

// Supported returns an error of the class errdefs.ErrNotImplemented unless the file system limits projects now.
func (p *Projects) Supported() error {
	enforced, err := p.kernel.enforced()
	if err == nil && !enforced {
		err = errors.New("it is mounted without prjquota")
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w: %w", Unsupported, p.root, err, errdefs.ErrNotImplemented)
	}
	return nil
}

// Limit lets a folder in the root, with all that is in it and comes into it, take so many bytes. The first time the
// folder gets a project that no other has. What takes more already is refused with unix.EDQUOT. Nobody changes the
// folder meanwhile.
func (p *Projects) Limit(ctx context.Context, dir string, bytes int64) error {
	if err := p.Supported(); err != nil {
		return err
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	id, err := p.projectOf(f)
	if err == nil && id == 0 {
		return p.begin(ctx, f, bytes)
	}
	if err == nil {
		err = p.disk.Special(dir, func() error { return p.kernel.setLimit(id, bytes) })
	}
	return inDir(err, dir)
}

func inDir(err error, dir string) error {
	if err != nil {
		return fmt.Errorf("limit %s: %w", dir, err)
	}
	return nil
}

// begin gives a folder a project with a limit. The lock ends when the folder counts for its project, so that nobody
// picks the same.
func (p *Projects) begin(ctx context.Context, f *os.File, bytes int64) error {
	p.mu.Lock()
	id, err := p.pick()
	if err == nil {
		err = p.disk.Special(f.Name(), func() error { return p.kernel.setLimit(id, bytes) })
	}
	if err == nil {
		err = p.disk.Special(f.Name(), func() error { return p.join(f, id, true) })
		if err != nil {
			err = errors.Join(err, p.kernel.setLimit(id, 0)) // nobody would find it by the folder
		}
	}
	p.mu.Unlock()
	if err == nil {
		err = p.joinBelow(ctx, f, id)
	}
	if err != nil {
		return inDir(err, f.Name())
	}
	is, err := p.kernel.usage(id)
	if err == nil && is.bytes > bytes { // root may go beyond
		err = fmt.Errorf("it takes %d bytes, %d are allowed: %w", is.bytes, bytes, unix.EDQUOT)
	}
	return inDir(err, f.Name())
}

// pick returns the number of a project that has no file and no limit, whoever may have made it. Those up to that of the
// root are left to the administrator.
func (p *Projects) pick() (uint32, error) {
	root, err := p.rootProject()
	if err != nil {
		return 0, err
	}
	const tries = 1 << 20
	for id, n := max(p.last, root)+1, 0; n < tries; id, n = id+1, n+1 {
		if id == 0 || id == ^uint32(0) { // -1 is no project
			id = root + 1
		}
		is, err := p.kernel.usage(id)
		if err != nil {
			return 0, err
		}
		if is == (usage{}) {
			p.last = id
			return id, nil
		}
	}
	return 0, fmt.Errorf("no project is free: %w", errdefs.ErrResourceExhausted)
}

func (p *Projects) rootProject() (uint32, error) {
	f, err := os.Open(p.root)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	a, err := p.kernel.attributes(int(f.Fd()))
	return a.Project, err
}

// projectOf returns the project that a folder was given, 0 for none: one may come from the root.
func (p *Projects) projectOf(f *os.File) (uint32, error) {
	a, err := p.kernel.attributes(int(f.Fd()))
	if err != nil || a.Flags&inherit == 0 || a.Project == 0 {
		return 0, err
	}
	root, err := p.rootProject()
	if err != nil || a.Project == root {
		return 0, err
	}
	return a.Project, nil
}

// join makes an open file or folder part of a project.
func (p *Projects) join(f *os.File, id uint32, folder bool) error {
	a, err := p.kernel.attributes(int(f.Fd()))
	if err != nil {
		return err
	}
	a.Project = id
	if folder {
		a.Flags |= inherit
	}
	return p.kernel.setAttributes(int(f.Fd()), a)
}

// joinBelow makes what is in a folder part of a project. Links, devices and pipes stay out, since they cannot be opened
// and take no room.
func (p *Projects) joinBelow(ctx context.Context, dir *os.File, id uint32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if !folder && st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if err := p.joinEntry(ctx, dir, name, id, folder); err != nil {
			return err
		}
	}
	return nil
}

func (p *Projects) joinEntry(ctx context.Context, dir *os.File, name string, id uint32, folder bool) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), dir.Name()+"/"+name)
	defer f.Close()
	if err := p.join(f, id, folder); err != nil || !folder {
		return err
	}
	return p.joinBelow(ctx, f, id)
}

// Lift takes the limit off a folder that is about to be deleted. Its project is free when its last file is gone.
func (p *Projects) Lift(dir string) error {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil // nothing that could have one
	}
	defer f.Close()
	id, err := p.projectOf(f)
	if err != nil || id == 0 || p.Supported() != nil {
		return nil // the file system knows no projects, or does not count them now
	}
	if err := p.disk.Special(dir, func() error { return p.kernel.setLimit(id, 0) }); err != nil {
		return fmt.Errorf("lift the limit of %s: %w", dir, err)
	}
	return nil
}
