package quota

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
	"box/fs/fstest"
)

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// volume is a file system with projects whose files are those of a folder: it counts the bytes of what there is.
type volume struct {
	root  string
	off   bool // mounted without prjquota
	fails error

	mu     sync.Mutex
	of     map[uint64]attributes // by inode
	limits map[uint32]int64
}

func newVolume(t *testing.T) *volume {
	return &volume{root: t.TempDir(), of: map[uint64]attributes{}, limits: map[uint32]int64{}}
}

func (v *volume) projects(d *disk.Disk) *Projects { return &Projects{root: v.root, disk: d, kernel: v} }

func inode(fd int) uint64 {
	var st unix.Stat_t
	_ = unix.Fstat(fd, &st)
	return st.Ino
}

func (v *volume) attributes(fd int) (attributes, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.of[inode(fd)], v.fails
}

func (v *volume) setAttributes(fd int, a attributes) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.of[inode(fd)] = a
	return nil
}

func (v *volume) enforced() (bool, error) { return !v.off, v.fails }

func (v *volume) usage(id uint32) (is usage, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	is.limit = v.limits[id]
	err = filepath.Walk(v.root, func(_ string, info os.FileInfo, err error) error {
		if err == nil && v.of[info.Sys().(*syscall.Stat_t).Ino].Project == id {
			is.inodes++
			if info.Mode().IsRegular() {
				is.bytes += info.Size()
			}
		}
		return err
	})
	return is, err
}

func (v *volume) setLimit(id uint32, bytes int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.limits[id] = bytes; bytes == 0 {
		delete(v.limits, id)
	}
	return nil
}

// folder makes a folder with a file of 100 bytes in a folder, and what cannot be opened.
func (v *volume) folder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(v.root, name)
	must(t, os.MkdirAll(filepath.Join(dir, "diff/deep"), 0o755),
		os.WriteFile(filepath.Join(dir, "diff/deep/f"), make([]byte, 100), 0o644),
		os.Symlink("/", filepath.Join(dir, "diff/link")), unix.Mkfifo(filepath.Join(dir, "diff/pipe"), 0o600))
	return dir
}

// remove deletes a folder; its inodes are others' from then on.
func (v *volume) remove(t *testing.T, dir string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	must(t, filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			delete(v.of, info.Sys().(*syscall.Stat_t).Ino)
		}
		return err
	}), os.RemoveAll(dir))
}

// project returns what is known of a path.
func (v *volume) project(t *testing.T, path string) attributes {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.of[st.Ino]
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Folders never share a project, whoever picked it and however often the daemon starts, and one is free when the
// last file is gone.
func TestProjectsAreNotShared(t *testing.T) {
	v := newVolume(t)
	root, err := os.Open(v.root)
	must(t, err)
	defer root.Close()
	must(t, v.setAttributes(int(root.Fd()), attributes{Project: 7, Flags: inherit}), v.setLimit(9, 1))
	owners := map[uint32]string{9: "an administrator's, of no file yet"}
	for i := range 6 {
		p := v.projects(nil) // a start
		for n := range 3 {
			name := fmt.Sprint(i, "-", n)
			dir := v.folder(t, name)
			// A new folder has what the root has.
			f, err := os.Open(dir)
			must(t, err, v.setAttributes(int(f.Fd()), attributes{Project: 7, Flags: inherit}), f.Close())
			must(t, p.Limit(t.Context(), dir, 1000))
			is := v.project(t, dir)
			if owner, taken := owners[is.Project]; taken || is.Project <= 7 || is.Flags&inherit == 0 {
				t.Errorf("%s got %+v, as %s has", name, is, owner)
			}
			owners[is.Project] = name
			for _, below := range []string{"diff", "diff/deep", "diff/deep/f"} {
				in := v.project(t, filepath.Join(dir, below))
				if in.Project != is.Project || in.Flags&inherit == 0 != strings.HasSuffix(below, "/f") {
					t.Errorf("%s in %s is of %+v", below, name, in)
				}
			}
			must(t, p.Limit(t.Context(), dir, 2000))
			if v.limits[is.Project] != 2000 || v.project(t, dir) != is {
				t.Errorf("limited again: %d, %+v", v.limits[is.Project], v.project(t, dir))
			}
		}
		// One goes, by a start that did not make it.
		dir := filepath.Join(v.root, fmt.Sprint(i, "-1"))
		id := v.project(t, dir).Project
		must(t, v.projects(nil).Lift(dir))
		if _, limited := v.limits[id]; limited {
			t.Error("what is removed is limited still")
		}
		if got, err := v.projects(nil).pick(); err != nil || got == id {
			t.Errorf("project %d is picked while it has files: %v", got, err)
		}
		v.remove(t, dir)
		if got, err := v.projects(nil).pick(); err != nil || got != id {
			t.Errorf("picked is %d, and %d is free: %v", got, id, err)
		}
		delete(owners, id)
	}
	if len(v.limits) != len(owners) {
		t.Errorf("limits %v, owners %v", v.limits, owners)
	}
}

// At the same time they do not either.
func TestProjectsAtOnce(t *testing.T) {
	v := newVolume(t)
	p, seen := v.projects(nil), map[uint32]bool{}
	var all sync.WaitGroup
	for i := range 8 {
		dir := v.folder(t, fmt.Sprint(i))
		all.Go(func() {
			if err := p.Limit(t.Context(), dir, 1000); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 8 {
		seen[v.project(t, filepath.Join(v.root, fmt.Sprint(i))).Project] = true
	}
	if len(seen) != 8 || seen[0] {
		t.Errorf("%v", seen)
	}
}

// What is refused or fails leaves no limit that nobody owns.
func TestRefused(t *testing.T) {
	v := newVolume(t)
	dir := v.folder(t, "full")
	if err := v.projects(nil).Limit(t.Context(), dir, 99); !errors.Is(err, unix.EDQUOT) {
		t.Errorf("more than the limit is there: %v", err)
	}
	must(t, v.projects(nil).Lift(dir))
	v.remove(t, dir)
	for at := range 2 {
		n := 0
		broken := &disk.Disk{Around: func(_ *disk.Op, do func() error) error {
			if n++; n > at {
				return unix.EIO
			}
			return do()
		}}
		dir := v.folder(t, fmt.Sprint("broken", at))
		if err := v.projects(broken).Limit(t.Context(), dir, 1000); !errors.Is(err, unix.EIO) ||
			!strings.Contains(err.Error(), dir) {
			t.Errorf("change %d: %v", at, err)
		}
		if len(v.limits) > 0 || v.project(t, dir).Project != 0 {
			t.Errorf("change %d leaves %v", at, v.limits)
		}
	}
	v.off = true
	dir = v.folder(t, "off")
	if err := v.projects(nil).Limit(t.Context(), dir, 1000); !errdefs.IsNotImplemented(err) ||
		!strings.Contains(err.Error(), Unsupported) || !strings.Contains(err.Error(), "without prjquota") {
		t.Error(err)
	}
	must(t, v.projects(nil).Lift(dir), v.projects(nil).Lift(filepath.Join(v.root, "none")))
	v.fails = unix.ENOTTY
	must(t, v.projects(nil).Lift(dir))
	if err := v.projects(nil).Supported(); !errdefs.IsNotImplemented(err) || !errors.Is(err, unix.ENOTTY) {
		t.Error(err)
	}
}

// TestStructs: sizes and places are those of the kernel.
func TestStructs(t *testing.T) {
	var l limits
	var s state
	for what, c := range map[string][2]uintptr{
		"fsxattr":               {unsafe.Sizeof(attributes{}), 28},
		"fsx_projid":            {unsafe.Offsetof(attributes{}.Project), 12},
		"fs_disk_quota":         {unsafe.Sizeof(l), 112},
		"d_fieldmask":           {unsafe.Offsetof(l.Fields), 2},
		"d_blk_hardlimit":       {unsafe.Offsetof(l.HardBlocks), 8},
		"d_bcount":              {unsafe.Offsetof(l.Blocks), 40},
		"d_icount":              {unsafe.Offsetof(l.Inodes), 48},
		"fs_quota_stat":         {unsafe.Sizeof(s), 80},
		"qs_flags":              {unsafe.Offsetof(s.Flags), 2},
		"FS_IOC_FSGETXATTR":     {getAttributes >> 16 & 0x3fff, unsafe.Sizeof(attributes{})},
		"QCMD(Q_XGETQSTAT,prj)": {getState<<8 | projects, 0x580502},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %#x, want %#x", what, c[0], c[1])
		}
	}
}

// A file system without projects is told by the kernel, and leaves nothing where it was asked.
func TestUnsupported(t *testing.T) {
	dir := t.TempDir()
	p := In(dir, nil)
	if p.Supported() == nil {
		t.Skip("the temporary files have project quotas")
	}
	err := p.Limit(t.Context(), dir, 1)
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), Unsupported) {
		t.Error(err)
	}
	must(t, p.Lift(dir))
	if os.Geteuid() == 0 { // the way of older kernels
		f, err := os.Open(dir)
		must(t, err)
		defer f.Close()
		var s state
		if (host{dir}).byDevice(f, getState<<8|projects, 0, unsafe.Pointer(&s)) == nil {
			t.Error("an older call knows more")
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// TestOlderCall: before Linux 5.14 a device is asked, and says the same.
func TestOlderCall(t *testing.T) {
	for _, kind := range []string{"xfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			at := fstest.WithProjects(t, kind)
			dir := filepath.Join(at, "older")
			must(t, os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1<<20), 0o600))
			p := In(at, nil)
			must(t, p.Limit(t.Context(), dir, 1<<23))
			f, err := os.Open(at)
			must(t, err)
			defer f.Close()
			id, err := p.projectOf(f)
			if must(t, err); id != 0 {
				t.Errorf("the root has project %d", id)
			}
			own, err := os.Open(dir)
			must(t, err)
			id, err = p.projectOf(own)
			must(t, err)
			var l limits
			must(t, host{at}.byDevice(f, getQuota<<8|projects, id, unsafe.Pointer(&l)))
			is, err := host{at}.usage(id)
			must(t, err)
			if l.ID != id || is != (usage{int64(l.Blocks) * block, int64(l.Inodes), 1 << 23}) ||
				int64(l.HardBlocks)*block != is.limit || is.inodes != 2 || is.bytes < 1<<20 {
				t.Errorf("project %d: %+v by its device, %+v else", id, l, is)
			}
			must(t, p.Lift(dir), os.RemoveAll(dir))
			if got, err := p.pick(); err != nil || got == id {
				t.Errorf("project %d is picked while a file of it is open: %v", got, err)
			}
			must(t, own.Close())
			for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // xfs deletes in the background
				is, err := host{at}.usage(id)
				if must(t, err); is == (usage{}) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%+v are left", is)
				}
			}
		})
	}
}
