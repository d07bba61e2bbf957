package enginetest

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// written is one operation as it was done, with paths instead of descriptors.
type written struct {
	disk.Op
	at, to string
}

// recorder writes operations down in the order in which they were done.
type recorder struct {
	mu  sync.Mutex
	ops []written
}

func (r *recorder) around(op *disk.Op, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := written{Op: *op, at: where(op.Dir, op.Path, op.FD), to: op.To}
	w.Data = bytes.Clone(op.Data)
	if op.Kind == disk.Write && op.Off < 0 {
		w.Off, _ = unix.Seek(op.FD, 0, unix.SEEK_CUR)
	}
	if op.Kind == disk.Link || op.Kind == disk.Rename {
		w.to = where(op.ToDir, op.To, 0)
	}
	err := do()
	if err == nil {
		r.ops = append(r.ops, w)
	}
	return err
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// where is the path of a name in an open folder, or of an open file.
func where(dir int, name string, fd int) string {
	switch {
	case name == "":
		dir = fd
	case filepath.IsAbs(name) || dir == unix.AT_FDCWD:
		return name
	}
	p, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir))
	return filepath.Join(p, name)
}

// redo does the operation again in another folder. One that what was lost has made impossible is lost too.
func (w *written) redo(from, to string) {
	in := func(p string) string { return to + strings.TrimPrefix(p, from) }
	at := in(w.at)
	if !strings.HasPrefix(w.at, filepath.Join(from, "data")) {
		return // the exec root is gone with the power
	}
	if strings.Contains(w.at, "/merged/") {
		return // was done in a mount, by which the file system has it elsewhere
	}
	switch w.Kind {
	case disk.Create:
		if f, err := os.OpenFile(at, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, os.FileMode(w.Mode)); err == nil {
			f.Close()
		}
	case disk.Write:
		if f, err := os.OpenFile(at, os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteAt(w.Data, w.Off)
			f.Close()
		}
	case disk.Truncate:
		_ = os.Truncate(at, w.Size)
	case disk.Mkdir:
		_ = os.Mkdir(at, os.FileMode(w.Mode))
	case disk.Symlink:
		_ = os.Symlink(w.to, at)
	case disk.Link:
		_ = os.Link(in(w.to), at)
	case disk.Node:
		_ = unix.Mknod(at, w.Mode, int(w.Size))
	case disk.Rename:
		_ = os.Rename(at, in(w.to))
	case disk.Unlink:
		_ = os.Remove(at)
	}
}

// durable tells for each operation of a prefix whether a sync after it has made it so: syncfs all, fsync of a file
// what was written to it, and fsync of a folder the names in it, with the files that were renamed into it; their
// content is a matter of their own sync.
func durable(ops []written) []bool {
	done := make([]bool, len(ops))
	for n, s := range ops {
		if s.Kind != disk.Sync && s.Kind != disk.SyncAll {
			continue
		}
		for i, w := range ops[:n] {
			content := w.Kind == disk.Write || w.Kind == disk.Truncate
			switch {
			case s.Kind == disk.SyncAll, content && w.at == s.at,
				!content && filepath.Dir(w.at) == s.at && w.Kind != disk.Rename:
				done[i] = true
			case w.Kind == disk.Rename && filepath.Dir(w.to) == s.at:
				done[i] = true
				for j := i - 1; j >= 0; j-- { // the file exists
					if made := ops[j].Kind == disk.Create || ops[j].Kind == disk.Mkdir; made && ops[j].at == w.at {
						done[j] = true
						break
					}
				}
			}
		}
	}
	return done
}

// TestPowerGoes writes down all that a session does to the disk, and builds for prefixes of it what a disk may hold
// when the power went there: all that was synced, and of the rest any part. The daemon opens each, and what is there
// is what the last reply said, or what the request under way was to make. Half of the disks are tried, each choice at
// every second prefix, unless all are wanted.
func TestPowerGoes(t *testing.T) { eachDriver(t, powerGoes) }

func powerGoes(t *testing.T, driver string) {
	base := home(t)
	live, start := filepath.Join(base, "live"), filepath.Join(base, "start")
	first, err := open(t, live, driver, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.close()
	copyFolder(t, live, start)
	r := &recorder{}
	w, err := open(t, live, driver, &disk.Disk{Around: r.around})
	if err != nil {
		t.Fatal(err)
	}
	pictures, begins, ends := []string{w.facts()}, []int{}, []int{}
	for _, s := range session(t) {
		begins = append(begins, r.count())
		if err := s.do(t.Context(), w.e); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		ends = append(ends, r.count())
		pictures = append(pictures, w.facts())
	}
	w.close()
	random := rand.New(rand.NewSource(1))
	stride, subsets := 1, 6
	if testing.Short() {
		stride, subsets = 3, 2
	}
	total := ends[len(ends)-1]
	prefixes, runs := 0, 0
	for end := 0; end <= total; end += stride {
		prefixes++
		at := 0 // the step that the power went in
		for at < len(ends) && ends[at] <= end {
			at++
		}
		allowed := []string{pictures[at]}
		if at < len(begins) && begins[at] <= end {
			allowed = append(allowed, pictures[at+1])
		}
		for n := range subsets {
			if (n+end)%2 == 1 && !thorough() {
				continue // every choice comes at every second prefix
			}
			runs++
			keep := []float64{0, 1, 0.5, 0.5, 0.2, 0.8}[n]
			if stride > 1 && n == 1 {
				keep = 0.5
			}
			replay(t, filepath.Join(base, "replayed"), driver, start, live, r.ops[:end], keep, random, allowed)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	t.Logf("%d operations, %d prefixes, %d disks", total, prefixes, runs)
}

func replay(t *testing.T, dir, driver, start, live string, ops []written, keep float64, random *rand.Rand,
	allowed []string) {
	t.Helper()
	defer os.RemoveAll(dir)
	copyFolder(t, start, dir)
	lost := redo(ops, live, dir, keep, random)
	last := describe(ops)
	w, err := open(t, dir, driver, nil)
	if err != nil {
		t.Errorf("after %s, %d lost: %v", last, lost, err)
		return
	}
	defer w.close()
	got := w.facts()
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	t.Errorf("after %s, %d lost, it is\n%s\nand should be\n%s", last, lost, got, strings.Join(allowed, "\nor\n"))
}

// redo does operations of the folder from again in another, but for a part of those that no sync has made durable,
// and tells how many it left out.
func redo(ops []written, from, to string, keep float64, random *rand.Rand) (lost int) {
	safe := durable(ops)
	for i := range ops {
		if safe[i] || random.Float64() < keep {
			ops[i].redo(from, to)
		} else {
			lost++
		}
	}
	return lost
}

func describe(ops []written) string {
	if len(ops) == 0 {
		return "no operation"
	}
	last := ops[len(ops)-1]
	return fmt.Sprintf("%d operations (%s %s)", len(ops), last.Kind, last.at)
}
