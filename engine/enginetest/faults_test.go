package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// fault is one way in which an operation fails.
type fault struct {
	name string
	err  error
	half bool // of a write: half of it is done
}

var faults = []fault{{"EIO", unix.EIO, false}, {"ENOSPC", unix.ENOSPC, false}, {"a short write", unix.ENOSPC, true}}

// breaker fails the operation number at, once; it counts from arm on.
type breaker struct {
	mu    sync.Mutex
	armed bool
	count int
	at    int // 0 for none
	fault fault
	hit   string // what was failed
}

func (b *breaker) around(op *disk.Op, do func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.armed {
		return do()
	}
	b.count++
	if b.count != b.at {
		return do()
	}
	b.hit = fmt.Sprintf("%s %s%s", op.Kind, op.Path, path(op))
	if op.Kind == disk.Write && b.fault.half {
		op.Data = op.Data[:len(op.Data)/2]
		_ = do()
	}
	return b.fault.err
}

func (b *breaker) arm(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = on
}

// path is where the open file of an operation is.
func path(op *disk.Op) string {
	if op.Path != "" {
		return ""
	}
	p, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", op.FD))
	return p
}

// TestEveryOperationFails fails, once each, every operation of every step with every fault. A step that gives an
// error has changed nothing, and one that does not has done it all; so it is at once, and after the daemon was
// started anew; and nothing half made stays. Of the faults each operation gets one, by turns, unless all are wanted.
func TestEveryOperationFails(t *testing.T) { eachDriver(t, everyOperationFails) }

func everyOperationFails(t *testing.T, driver string) {
	base := home(t)
	steps := session(t)
	var pictures []picture // before each step, and after the last
	var counts []int
	at := func(n int) string { return filepath.Join(base, fmt.Sprint("before-", n)) }
	must := func(dir string, d *disk.Disk) *world {
		t.Helper()
		w, err := open(t, dir, driver, d)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	must(at(0), nil).close()
	for n, s := range steps {
		work := filepath.Join(base, "work")
		copyFolder(t, at(n), work)
		b := &breaker{}
		w := must(work, &disk.Disk{Around: b.around})
		pictures = append(pictures, w.picture())
		b.arm(true)
		if err := s.do(t.Context(), w.e); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		b.arm(false)
		counts = append(counts, b.count)
		w.close()
		must(work, nil).close()
		if err := os.Rename(work, at(n+1)); err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(filepath.Join(at(n+1), "run"))
	}
	end := must(at(len(steps)), nil)
	pictures = append(pictures, end.picture())
	end.close()
	runs, total := 0, 0
	for n, s := range steps {
		for k := 1; k <= counts[n]; k++ {
			for i, f := range faults {
				total++
				if (k+n)%len(faults) != i && !thorough() {
					continue
				}
				runs++
				tryFault(t, filepath.Join(base, "fault"), at(n), driver, s, &breaker{at: k, fault: f}, pictures[n], pictures[n+1])
			}
		}
	}
	t.Logf("%d steps with %v operations, %d of %d faults", len(steps), counts, runs, total)
}

func tryFault(t *testing.T, dir, from, driver string, s step, b *breaker, before, after picture) {
	t.Helper()
	defer os.RemoveAll(dir)
	copyFolder(t, from, dir)
	w, err := open(t, dir, driver, &disk.Disk{Around: b.around})
	if err != nil {
		t.Fatal(err)
	}
	b.arm(true)
	err = s.do(t.Context(), w.e)
	b.arm(false)
	want, failed := after, err
	if failed != nil {
		want = before
	}
	say := func(when string, got picture) {
		t.Errorf("%s, operation %d (%s) fails with %s; it gave %v. %s it is\n%s\n%s\nand should be\n%s\n%s", s.name, b.at,
			b.hit, b.fault.name, err, when, got.facts, got.files, want.facts, want.files)
	}
	if got := w.facts(); got != want.facts {
		say("At once", picture{facts: got})
	}
	w.look(s, failed)
	w.close()
	os.RemoveAll(filepath.Join(dir, "run"))
	if w, err = open(t, dir, driver, nil); err != nil {
		t.Errorf("%s, operation %d (%s) fails with %s: the next start: %v", s.name, b.at, b.hit, b.fault.name, err)
		return
	}
	if got, ok := w.settles(want); !ok {
		say("After a start", got)
	}
	w.look(s, failed)
	w.close()
}

// look has a step that succeeded look for itself.
func (w *world) look(s step, failed error) {
	w.t.Helper()
	if failed != nil || s.done == nil {
		return
	}
	if err := s.done(w.t.Context(), w.e); err != nil {
		w.t.Errorf("%s gave no error, but: %v", s.name, err)
	}
}
