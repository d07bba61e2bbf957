package enginetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/volume"
	"golang.org/x/sys/unix"

	"box/engine/stats/history"
	measured "box/engine/stats/sample"
	"box/fs/disk"
)

// TestPastKept: what was measured is there after a restart, and of a container that went meanwhile for a while.
func TestPastKept(t *testing.T) {
	dir := filepath.Join(home(t), "w")
	w, err := open(t, dir, "vfs", nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour)
	row := make([]float64, len(measured.ContainerColumns))
	for n := range 100 {
		row[0] = 2
		w.e.History().Append("gone", at.Add(time.Duration(n)*10*time.Second), row)
	}
	w.close()
	if w, err = open(t, dir, "vfs", nil); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	h := w.e.History().Query("gone", at, at.Add(10*time.Minute), 100)
	if v := h.Values[0][10]; v == nil || math.Abs(*v-2) > 0.01 {
		t.Errorf("after a restart it is %v", h.Values[0])
	}
	if w.e.History().Size() == 0 {
		t.Error("it takes nothing on the disk")
	}
}

// TestPowerGoesInHistory builds, for moments of two days in which series come and go, what a disk may hold when the
// power went there. The history opens each, with all that was written a minute before, and nothing that never was.
func TestPowerGoesInHistory(t *testing.T) {
	base := home(t)
	live := filepath.Join(base, "live")
	r := &recorder{}
	at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	s := openPast(t, live, &disk.Disk{Around: r.around})
	random := rand.New(rand.NewSource(1))
	type flush struct {
		ops   int
		until time.Time
	}
	begin, flushes := at, []flush{{}}
	for n := range 48 * 360 {
		at = at.Add(10 * time.Second)
		for _, name := range []string{"host", "busy", fmt.Sprint("hour-", n/720)} {
			s.Append(name, at, pastRow(name, random))
		}
		if n%720 == 719 {
			s.Gone(fmt.Sprint("hour-", n/720), at)
		}
		if n%30 == 29 { // more rarely than once a minute, so that there are fewer
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			flushes = append(flushes, flush{r.count(), at.Add(-10 * time.Second)})
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	runs, done := 0, 0
	for end := 0; end <= len(r.ops); end += 1 + random.Intn(2*len(r.ops)/pastRuns()) {
		for done+1 < len(flushes) && flushes[done+1].ops <= end {
			done++
		}
		runs++
		dir := filepath.Join(base, "replayed")
		keep := []float64{0, 1, 0.5, 0.2, 0.8}[runs%5]
		if err := os.MkdirAll(filepath.Join(dir, "data", "stats"), 0o700); err != nil {
			t.Fatal(err)
		}
		lost := redo(r.ops[:end], live, dir, keep, random)
		checkPast(t, dir, begin, flushes[done].until)
		if t.Failed() {
			t.Fatalf("after %s, %d lost", describe(r.ops[:end]), lost)
		}
		os.RemoveAll(dir)
	}
	t.Logf("%d operations, %d disks", len(r.ops), runs)
}

// pastRuns is how many disks are tried.
func pastRuns() int {
	if thorough() {
		return 5000
	}
	return 100
}

func openPast(t *testing.T, dir string, d *disk.Disk) *history.Store {
	t.Helper()
	s, err := history.Open(filepath.Join(dir, "data", "stats"), history.Options{Disk: d, Log: slog.New(faultyLog{t})})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// faultyLog is a log of which every line is a fault.
type faultyLog struct{ t *testing.T }

func (faultyLog) Enabled(context.Context, slog.Level) bool { return true }
func (l faultyLog) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l faultyLog) WithGroup(string) slog.Handler          { return l }
func (l faultyLog) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.t.Error(line)
	return nil
}

// pastRow is a row of which the first column is about ten, and what it is for others.
func pastRow(name string, random *rand.Rand) []float64 {
	row := make([]float64, len(measured.ContainerColumns))
	if name == "host" {
		row = make([]float64, len(measured.HostColumns))
	}
	for i := range row {
		row[i] = 10 + random.Float64()
	}
	return row
}

// checkPast looks at all that there is, and that nothing is missing of what was written.
func checkPast(t *testing.T, dir string, begin, until time.Time) {
	s := openPast(t, dir, nil)
	defer s.Close()
	for _, name := range append(s.Series(), "busy") {
		h := s.Query(name, begin, begin.Add(50*time.Hour), 5000)
		for n, v := range h.Values[0] {
			at := h.At.Add(time.Duration(float64(n)*h.Step) * time.Second)
			switch {
			case v == nil && name == "busy" && at.Before(until.Add(-time.Duration(h.Step)*time.Second)):
				t.Errorf("%s: of %s nothing is known, and all until %s was written", name, at, until)
				return
			case v != nil && (*v < 9.9 || *v > 11.1):
				t.Errorf("%s: %s is %g", name, at, *v)
				return
			}
		}
	}
	s.Append("busy", until.Add(time.Hour), pastRow("busy", rand.New(rand.NewSource(2))))
	if err := s.Flush(); err != nil {
		t.Error(err)
	}
}

// TestDiskFailsInHistory fails operations of four hours, one at a time and all of an hour. What was measured is there
// while it is so, and on the disk when that works again.
func TestDiskFailsInHistory(t *testing.T) {
	base := home(t)
	for at := 1; at < 1000; at += 7 {
		dir := filepath.Join(base, fmt.Sprint(at))
		f := faults[at%len(faults)]
		b := &breaker{at: at, fault: f}
		ops := 0
		all := at == 50 // fails from there on, until told otherwise
		s, err := history.Open(filepath.Join(dir, "data", "stats"), history.Options{Log: slog.New(slog.DiscardHandler),
			Disk: &disk.Disk{Around: func(op *disk.Op, do func() error) error {
				if ops++; all && ops > at {
					return unix.ENOSPC
				}
				return b.around(op, do)
			}}})
		if err != nil {
			t.Fatal(err)
		}
		b.arm(true)
		begin := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
		now, random := begin, rand.New(rand.NewSource(1))
		for n := range 4 * 360 {
			now = now.Add(10 * time.Second)
			s.Append("busy", now, pastRow("busy", random))
			if all = all && n < 360; n%6 == 5 {
				_ = s.Flush() // fails, once
			}
		}
		count := func(s *history.Store) (rows int) {
			for _, v := range s.Query("busy", begin, now, 2000).Values[0] {
				if v != nil {
					rows++
				}
			}
			return rows
		}
		if got := count(s); got < 4*360-1 {
			t.Errorf("operation %d (%s) fails with %s: %d rows of %d", at, b.hit, f.name, got, 4*360)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s = openPast(t, dir, nil)
		if got := count(s); got < 4*360-1 {
			t.Errorf("operation %d (%s) fails with %s: after a restart %d rows of %d", at, b.hit, f.name, got, 4*360)
		}
		s.Close()
		if b.hit == "" && at != 50 {
			break
		}
	}
}

// TestEventsOverRestarts: who asks for the past hears what was before a restart, however that came about, the start,
// and what comes, each once and in order.
func TestEventsOverRestarts(t *testing.T) {
	dir := filepath.Join(home(t), "w")
	w, err := open(t, dir, "vfs", nil)
	if err != nil {
		t.Fatal(err)
	}
	volume := func(name string) {
		if _, err := w.e.VolumeCreate(t.Context(), volume.CreateRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	volume("one")
	killed := filepath.Join(home(t), "killed") // what is there when the daemon is killed
	copyFolder(t, dir, killed)
	w.close()
	if w, err = open(t, killed, "vfs", nil); err != nil {
		t.Fatal(err)
	}
	volume("two")
	w.close()
	if w, err = open(t, killed, "vfs", nil); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	var got []string
	last, errHeard := int64(0), errors.New("that is all")
	err = w.e.Events().Subscribe(t.Context(), time.Unix(0, 1), time.Now().Add(time.Minute), func() { volume("three") },
		func(m events.Message) error {
			got = append(got, fmt.Sprint(m.Action, " ", m.Actor.Attributes["driver"]))
			if m.TimeNano <= last {
				t.Errorf("%v comes after %d", m, last)
			}
			if last = m.TimeNano; m.Actor.ID == "three" {
				return errHeard
			}
			return nil
		})
	want := "[startup  create local startup  create local startup  create local]"
	if fmt.Sprint(got) != want || !errors.Is(err, errHeard) {
		t.Errorf("%v is heard (%v), want %s", got, err, want)
	}
}
