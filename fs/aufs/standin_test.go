package aufs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/mount"
	"box/fs/overlayfs"
	"box/fs/tree"
)

// standIn stands between the driver and the kernel where that has no aufs: it reads the calls of mount(2) as aufs does,
// and stacks the branches by overlayfs, as copies with its marks. What is written comes back as aufs would leave it.
type standIn struct {
	*Driver
	t       *testing.T
	overlay overlayfs.Host
	beside  string // the copies: low/<id> and up/<id>
}

func newStandIn(t *testing.T, d *Driver) *standIn {
	t.Helper()
	s := &standIn{Driver: d, t: t, beside: d.root + ".stand-in"}
	for _, name := range []string{"low/none", "up"} {
		must(t, os.MkdirAll(filepath.Join(s.beside, name), 0o755))
	}
	var err error
	s.overlay, err = overlayfs.Probe(s.beside, "stand-in", 2)
	must(t, err)
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// withAufs is a kernel with aufs, as far as the driver asks.
type withAufs struct{ tries *[]mount.Mount }

func (withAufs) known() (bool, error) { return true, nil }

func (k withAufs) try(m mount.Mount) error {
	if k.tries != nil {
		*k.tries = append(*k.tries, m)
	}
	return nil
}

// branch is one of a mount: a folder, and what may be done there.
type branch struct{ dir, right string }

// read reads the calls that mount a root as aufs does, and checks them.
func read(calls []mount.Mount) (branches []branch, readOnly bool, err error) {
	for i, m := range calls {
		if n := len(strings.Join(m.Options, ",")); n >= os.Getpagesize() {
			return nil, false, fmt.Errorf("call %d: %d bytes of options are cut off", i, n)
		}
		if m.Type != Name || m.Source != "none" || m.Target != calls[0].Target {
			return nil, false, fmt.Errorf("call %d: %s", i, m)
		}
		ro := slices.Contains(m.Options, "ro")
		if readOnly = ro; slices.Contains(m.Options, "remount") != (i > 0) || ro != slices.Contains(calls[0].Options, "ro") {
			return nil, false, fmt.Errorf("call %d: flags of %v", i, m.Options)
		}
		var texts []string
		for n, o := range m.Options {
			switch {
			case strings.HasPrefix(o, "br:") && n == 0 && i == 0:
				texts = strings.Split(strings.TrimPrefix(o, "br:"), ":")
			case strings.HasPrefix(o, "append:") && i > 0:
				texts = append(texts, strings.TrimPrefix(o, "append:"))
			case o == "ro", o == "remount" && i > 0, i == 0 && slices.Contains([]string{"dio", "dirperm1",
				"xino=/dev/shm/aufs.xino"}, o):
			default:
				return nil, false, fmt.Errorf("call %d: option %q", i, o)
			}
		}
		for _, text := range texts {
			dir, right, _ := strings.Cut(text, "=")
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(m.Dir, dir)
			}
			branches = append(branches, branch{dir, right})
		}
	}
	for i, b := range branches {
		if right := map[bool]string{true: "rw", false: "ro+wh"}[i == 0 && !readOnly]; b.right != right {
			return nil, false, fmt.Errorf("branch %d of %d may %q, want %q", i, len(branches), b.right, right)
		}
		if st, err := os.Stat(b.dir); err != nil || !st.IsDir() {
			return nil, false, fmt.Errorf("branch %d of %d: %v", i, len(branches), err)
		}
	}
	return branches, readOnly, nil
}

// Mounts implements fs.Driver by overlayfs.
func (s *standIn) Mounts(ctx context.Context, name string) (string, []mount.Mount, error) {
	root, calls, err := s.Driver.Mounts(ctx, name)
	if err != nil {
		return root, nil, err
	}
	branches, readOnly, err := read(calls)
	if err != nil {
		return "", nil, err
	}
	chain, err := s.table.Chain(name)
	if err != nil || len(branches) != len(chain) {
		return "", nil, fmt.Errorf("%d branches for %d layers: %w", len(branches), len(chain), err)
	}
	var stack overlayfs.Stack
	for i, b := range branches {
		id := filepath.Base(b.dir)
		if id != chain[i].ID {
			return "", nil, fmt.Errorf("branch %d is %s, want %s", i, id, chain[i].ID)
		}
		if i == 0 && !readOnly {
			stack.Upper, stack.Work = "up/"+id+"/diff", "up/"+id+"/work"
			err = s.raise(b.dir, id)
		} else {
			stack.Lowers = append(stack.Lowers, lowName(id))
			err = s.lower(chain[i].State, b.dir, id)
		}
		if err != nil {
			return "", nil, err
		}
	}
	if len(stack.Lowers) < 2 {
		stack.Lowers = append(stack.Lowers, "low/none")
	}
	return root, []mount.Mount{s.overlay.Mount(s.beside, stack, root)}, nil
}

// raise makes the upper folder from a branch, unless it is mounted.
func (s *standIn) raise(dir, id string) error {
	if on, err := mount.Mounted(filepath.Join(s.root, "mnt", id)); on || err != nil {
		return err
	}
	up := filepath.Join(s.beside, "up", id)
	if err := os.RemoveAll(up); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(up, "work"), 0o755); err != nil {
		return err
	}
	return copied(dir, filepath.Join(up, "diff"), toOverlay)
}

// lowName is short, so that as many as aufs takes fit the one page of overlayfs.
func lowName(id string) string { return "low/" + id[:min(len(id), 16)] }

// lower makes a lower folder from a branch.
func (s *standIn) lower(state fs.State, dir, id string) error {
	low := filepath.Join(s.beside, lowName(id))
	if _, err := os.Stat(low); err == nil && state == fs.Committed {
		return nil
	}
	if err := os.RemoveAll(low); err != nil {
		return err
	}
	return copied(dir, low, toOverlay)
}

// back puts what was written into the branch.
func (s *standIn) back(name string) error {
	row, err := s.table.Get(name)
	if err != nil {
		return nil
	}
	up := filepath.Join(s.beside, "up", row.ID, "diff")
	if _, err := os.Stat(up); err != nil {
		return nil
	}
	dir := s.diff(row)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err != nil {
		return err
	}
	return copied(up, dir, toAufs)
}

// Release implements fs.Releaser.
func (s *standIn) Release(_ context.Context, name string) error { return s.back(name) }

// Changes implements fs.Differ.
func (s *standIn) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	if err := s.back(name); err != nil {
		return nil, err
	}
	return s.Driver.Changes(ctx, name)
}

// Diff implements fs.Differ.
func (s *standIn) Diff(ctx context.Context, name string, w io.Writer) error {
	if err := s.back(name); err != nil {
		return err
	}
	return s.Driver.Diff(ctx, name, w)
}

// Usage implements fs.Driver.
func (s *standIn) Usage(ctx context.Context, name string) (fs.Usage, error) {
	if err := s.back(name); err != nil {
		return fs.Usage{}, err
	}
	return s.Driver.Usage(ctx, name)
}

// Remove implements fs.Driver.
func (s *standIn) Remove(ctx context.Context, name string) error {
	row, err := s.table.Get(name)
	if err := s.Driver.Remove(ctx, name); err != nil {
		return err
	}
	if err != nil {
		return nil
	}
	return errors.Join(os.RemoveAll(filepath.Join(s.beside, "up", row.ID)),
		os.RemoveAll(filepath.Join(s.beside, lowName(row.ID))))
}

// copied copies a folder, with the marks of the other kind.
func copied(from, to string, convert func(dir string) error) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := tree.Copy(context.Background(), nil, src, dst); err != nil {
		return err
	}
	if err := sockets(from, to); err != nil {
		return err
	}
	return inFolders(to, convert)
}

// sockets makes those that a copy leaves out.
func sockets(from, to string) error {
	return filepath.WalkDir(from, func(at string, e os.DirEntry, err error) error {
		if err != nil || e.Type() != os.ModeSocket {
			return err
		}
		var st unix.Stat_t
		name := filepath.Join(to, strings.TrimPrefix(at, from))
		err = unix.Lstat(filepath.Dir(name), &st)
		if err == nil {
			err = unix.Mknod(name, unix.S_IFSOCK|0o755, 0)
		}
		return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Dir(name), []unix.Timespec{st.Atim, st.Mtim}, 0))
	})
}

// inFolders calls fn for a folder and all below it, and keeps their times.
func inFolders(dir string, fn func(dir string) error) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, inFolders(filepath.Join(dir, e.Name()), fn))
		}
	}
	if err == nil {
		err = fn(dir)
	}
	return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, dir, []unix.Timespec{st.Atim, st.Mtim}, 0))
}

const opaque = "trusted.overlay.opaque"

// toOverlay turns the names that mark deletions in a folder into what overlayfs has.
func toOverlay(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		name, marked := strings.CutPrefix(e.Name(), ".wh.")
		if !marked {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		switch {
		case name == ".wh..opq":
			err = errors.Join(err, unix.Setxattr(dir, opaque, []byte("y"), 0))
		case !strings.HasPrefix(name, ".wh."):
			err = errors.Join(err, unix.Mknod(filepath.Join(dir, name), unix.S_IFCHR, 0))
		}
	}
	return err
}

// toAufs is the way back. A branch that was written to has the books of aufs, and all its marks are links to one file.
func toAufs(dir string) error {
	one := dir
	for filepath.Base(filepath.Dir(one)) != "diff" {
		one = filepath.Dir(one)
	}
	base := filepath.Join(one, ".wh..wh.aufs")
	if f, err := os.OpenFile(base, os.O_CREATE, 0o444); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	for _, name := range []string{".wh..wh.plnk", ".wh..wh.orph"} {
		if err := os.MkdirAll(filepath.Join(one, name), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(one, ".wh..wh.plnk", "12.34"), []byte("a link"), 0o600); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	mark := func(name string) error { return os.Link(base, filepath.Join(dir, name)) }
	for _, e := range entries {
		var st unix.Stat_t
		at := filepath.Join(dir, e.Name())
		if err := unix.Lstat(at, &st); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
			if err := errors.Join(os.Remove(at), mark(".wh."+e.Name())); err != nil {
				return err
			}
		}
	}
	if n, err := unix.Getxattr(dir, opaque, nil); err == nil && n == 1 {
		if err := mark(".wh..wh..opq"); err != nil {
			return err
		}
	}
	for _, name := range []string{opaque, "trusted.overlay.origin", "trusted.overlay.impure"} {
		if err := unix.Removexattr(dir, name); err != nil && !errors.Is(err, unix.ENODATA) {
			return err
		}
	}
	return nil
}
