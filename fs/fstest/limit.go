package fstest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs"
)

// limit: a container takes no more than it may, another on the same layer what it likes, and room that is given back
// is there again: in the container, and when it is removed, for as many as come after it.
func limit(b *bench) {
	if b.suite.Limit == 0 {
		b.Skip("the suite has no size to try")
	}
	b.layer("base", "", Entry{Name: "d/"}, Entry{Name: "d/f", Body: strings.Repeat("f", 1<<20)})
	before := b.folders()
	o := fs.PrepareOptions{Purpose: fs.ForContainer}
	for n := range 4 {
		o.Quota = b.suite.Limit
		b.must(b.Prepare(b.Context(), "c", "base", o))
		o.Quota = 0
		b.must(b.Prepare(b.Context(), "free", "base", o))
		root, undo := b.mounted("c")
		free, undoFree := b.mounted("free")
		b.fills(filepath.Join(root, "d/f"), b.suite.Limit) // copied up, in overlay drivers
		b.must(os.Remove(filepath.Join(root, "d/f")))
		if n, err := write(filepath.Join(root, "fits"), b.suite.Limit/2); err != nil {
			b.Errorf("after %d bytes, what was removed is not given back: %v", n, err)
		}
		if n, err := write(filepath.Join(free, "big"), b.suite.Limit*2); err != nil {
			b.Errorf("without a limit, after %d bytes: %v", n, err)
		}
		b.must(os.Remove(filepath.Join(free, "big")))
		undo()
		if n == 1 { // it is the same after a start
			b.restart()
			root, undo = b.mounted("c")
			b.must(os.Remove(filepath.Join(root, "fits")))
			b.fills(filepath.Join(root, "big"), b.suite.Limit)
			undo()
		}
		undoFree()
		b.must(b.Remove(b.Context(), "c"))
		b.must(b.Remove(b.Context(), "free"))
		b.settles(before, fmt.Sprint("removal ", n))
	}
}

// fills writes to a file until its layer is full.
func (b *bench) fills(path string, limit int64) {
	b.Helper()
	n, err := write(path, 3*limit)
	if !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.ENOSPC) || n < limit/4 || n > limit {
		b.Errorf("%d bytes were written where the limit is %d: %v", n, limit, err)
	}
}

// write appends up to size bytes to a file as a program in a container does, which may not go beyond quotas as root
// may, and returns how many fit.
func write(path string, size int64) (written int64, err error) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- func() error {
			if err := dropResource(); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
			if err != nil {
				return err
			}
			defer f.Close()
			for block := make([]byte, 256<<10); written < size; {
				n, err := f.Write(block)
				if written += int64(n); err == nil && written%(1<<20) == 0 {
					err = f.Sync()
				}
				if err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	err = <-done
	return written, err
}

// dropResource takes CAP_SYS_RESOURCE from the thread, by which root goes beyond the quotas of ext4.
func dropResource() error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var c [2]unix.CapUserData
	if err := unix.Capget(&h, &c[0]); err != nil {
		return err
	}
	c[0].Effective &^= 1 << unix.CAP_SYS_RESOURCE
	return unix.Capset(&h, &c[0])
}

// WithProjects mounts a new file system with project quotas until the test ends, or skips the test where the kernel
// cannot. In BOX_PROJECTS_<kind> is a folder on one that is mounted already.
func WithProjects(t testing.TB, kind string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	if at := os.Getenv("BOX_PROJECTS_" + kind); at != "" {
		return at
	}
	args := map[string][]string{"ext4": {"-O", "quota,project", "-E", "quotatype=prjquota"}}[kind]
	at, err := os.MkdirTemp(inMemory(), "box-loop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(at) })
	if err := loop(kind, at, "prjquota", args...); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESRCH) {
		t.Skipf("the kernel has no project quotas for %s: %v", kind, err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	return at
}
