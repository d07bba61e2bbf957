package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// keep opens a bus on a folder. It is closed with the test.
func keep(t *testing.T, dir string, d *disk.Disk) *Bus {
	t.Helper()
	b := &Bus{}
	if err := b.Keep(dir, d, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// past is all that is remembered since a time.
func past(t *testing.T, b *Bus, since time.Time) (all []events.Message) {
	t.Helper()
	err := b.Subscribe(t.Context(), since, time.Now().Add(time.Hour*24*36500), nil, func(m events.Message) error {
		if all = append(all, m); m.TimeNano == b.last {
			return errHeard
		}
		return nil
	})
	if !errors.Is(err, errHeard) {
		t.Fatal(err)
	}
	return all
}

var errHeard = errors.New("that is all")

// inOrder checks that there are the numbers from one to another, each once and later than the one before.
func inOrder(t *testing.T, all []events.Message, from, to int) {
	t.Helper()
	if len(all) != to-from {
		t.Errorf("%d events are heard, want %d", len(all), to-from)
	}
	last := int64(0)
	for n, m := range all {
		if m.Actor.ID != fmt.Sprint(from+n) || m.TimeNano <= last || m.Time != m.TimeNano/1e9 || m.Scope != "local" {
			t.Fatalf("%+v is heard after %d, want %d", m, last, from+n)
		}
		last = m.TimeNano
	}
}

// TestRestart: what was before restarts is heard, and what comes after it follows on, with nothing twice and nothing
// left out, also if the clock goes back.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	n := 0
	for range 4 {
		b := keep(t, dir, nil)
		heard, _ := listen(t, b, time.Unix(0, 1), time.Time{})
		for range 700 {
			say(b, fmt.Sprint(n))
			n++
		}
		var all []events.Message
		for range n {
			all = append(all, <-heard)
		}
		inOrder(t, all, 0, n)
		middle := all[len(all)*2/3]
		inOrder(t, past(t, b, time.Unix(0, middle.TimeNano)), len(all)*2/3, n)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		// The next start is before the last one, by the clock.
		f, err := os.OpenFile(filepath.Join(dir, "1.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		m := message(time.Now().Add(time.Duration(n)*time.Hour).UnixNano(), "container", "start", fmt.Sprint(n),
			map[string]string{})
		text, err := format(&m)
		if _, errW := f.Write(text); errors.Join(err, errW, f.Close()) != nil {
			t.Fatal(err, errW)
		}
		n++
	}
}

// TestAttributes: an event comes back from the disk as it was.
func TestAttributes(t *testing.T) {
	dir := t.TempDir()
	b := keep(t, dir, nil)
	attributes := map[string]string{"name": "a \"b\"\n\x00 ü 한국 \u2028", "": "x", "image": ""}
	b.Publish(WithClient(t.Context(), "anna"), events.VolumeEventType, "exec_start: sh -c 'a\nb'", "id", attributes)
	b.Publish(t.Context(), events.NetworkEventType, events.ActionPrune, "", map[string]string{})
	want := past(t, b, time.Time{}.Add(1))
	b.Close()
	got := past(t, keep(t, dir, nil), time.Time{}.Add(1))
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) || got[0].Actor.Attributes["certificate"] != "anna" {
		t.Errorf("%#v\nis heard, want\n%#v", got, want)
	}
}

// TestBounds: the files take what they may, however many events there are; what is too old is forgotten, and an event
// that is too long for them is heard by who is there.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	b := keep(t, dir, nil)
	long := map[string]string{"label": strings.Repeat("x", 1000)}
	for n := range 10_000 {
		b.Publish(t.Context(), events.ContainerEventType, events.ActionStart, fmt.Sprint(n), long)
	}
	size := int64(0)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > maxFiles*maxFile || size < maxFile {
		t.Errorf("%d bytes are taken", size)
	}
	all := past(t, b, time.Unix(0, 1))
	inOrder(t, all, 10_000-len(all), 10_000)
	if len(all) < 2000 || len(all) > 4000 {
		t.Errorf("%d events are heard", len(all))
	}
	heard, _ := listen(t, b, time.Time{}, time.Time{})
	b.Publish(t.Context(), events.ContainerEventType, events.ActionStart, "10000",
		map[string]string{"label": strings.Repeat("x", maxLine)})
	say(b, "10001")
	inOrder(t, []events.Message{<-heard, <-heard}, 10_000, 10_002)
}

// TestDamage: lines that were cut, changed or are none are left out, and no others.
func TestDamage(t *testing.T) {
	good := t.TempDir()
	b := keep(t, good, nil)
	for n := range 1000 {
		say(b, fmt.Sprint(n))
	}
	b.Close()
	raw, err := os.ReadFile(filepath.Join(good, "1.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	head, tail := join(lines[:500]...), join(lines[501:]...)
	flipped := bytes.Replace(lines[500], []byte(`"500"`), []byte(`"600"`), 1)
	for name, c := range map[string]struct {
		data []byte
		lost int
	}{
		"nothing":                    {raw, 0},
		"zeros":                      {join(head, make([]byte, 100_000), []byte("\n"), tail), 1},
		"zeros at the end":           {join(raw, make([]byte, 4096)), 0},
		"an end that was cut":        {raw[:len(raw)-10], 1},
		"another number":             {join(head, flipped, tail), 1},
		"a time that is far ahead":   {join(head, []byte("9"), lines[500][1:], tail), 1},
		"a time beyond all":          {join(head, []byte("99999999999999999999 {} 00000000\n"), tail), 1},
		"a line that is no event":    {join(head, []byte("hello\n\n\n{}\n"), tail), 1},
		"a line that is too long":    {join(head, bytes.Repeat([]byte("x"), 3*maxLine), []byte("\n"), tail), 1},
		"what was there came twice":  {join(raw, raw), 0},
		"and more files than needed": {raw, 0},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1.log"), c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "and more") {
			for _, file := range []string{"0.log", "-1.log", "01.log", "x.log", "1.log.gz", "log"} {
				if err := os.WriteFile(filepath.Join(dir, file), lines[0], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "2.log"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		b := keep(t, dir, nil)
		say(b, "later")
		all := past(t, b, time.Unix(0, 1))
		if len(all) != 1001-c.lost || all[0].Actor.ID != "0" || all[len(all)-1].Actor.ID != "later" {
			t.Errorf("%s: %d events are heard, want %d", name, len(all), 1001-c.lost)
		}
		b.Close()
	}
}

// TestDiskFails: while the disk is full nobody who listens misses anything, and later it is written again.
func TestDiskFails(t *testing.T) {
	var full atomic.Bool
	dir := t.TempDir()
	b := keep(t, dir, &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		if full.Load() && (op.Kind == disk.Write || op.Kind == disk.Create) {
			if op.Kind == disk.Write {
				op.Data = op.Data[:len(op.Data)/2]
				_ = do()
			}
			return unix.ENOSPC
		}
		return do()
	}})
	heard, _ := listen(t, b, time.Time{}, time.Time{})
	for n := range 3000 {
		full.Store(n >= 1000 && n < 2000)
		say(b, fmt.Sprint(n))
		if m := <-heard; m.Actor.ID != fmt.Sprint(n) {
			t.Fatalf("%s is heard, want %d", m.Actor.ID, n)
		}
	}
	b.Close()
	all := past(t, keep(t, dir, nil), time.Unix(0, 1))
	if len(all) != 2000 {
		t.Errorf("%d events are on disk", len(all))
	}
}

// TestBehind: one that is too slow for the memory reads on from the disk, and is cut off when that has forgotten too.
func TestBehind(t *testing.T) {
	for _, c := range []struct {
		name   string
		events int
		label  string
		whole  bool
	}{{"memory", queued / 2, "", true}, {"disk", 3 * queued, "", true}, {"neither", 3 * queued, strings.Repeat("x", 2000),
		false}} {
		b := keep(t, t.TempDir(), nil)
		stuck, started, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		var all []events.Message
		go func() {
			over <- b.Subscribe(t.Context(), time.Time{}, time.Time{}, func() { close(started) },
				func(m events.Message) error {
					<-stuck
					if all = append(all, m); len(all) == c.events {
						return errHeard
					}
					return nil
				})
		}()
		<-started
		for n := range c.events {
			b.Publish(t.Context(), events.ContainerEventType, events.ActionStart, fmt.Sprint(n),
				map[string]string{"l": c.label})
		}
		if len(b.ring) > queued {
			t.Errorf("%s: %d events are in memory", c.name, len(b.ring))
		}
		close(stuck)
		if err := <-over; errors.Is(err, errHeard) != c.whole {
			t.Errorf("%s: over with %v after %d", c.name, err, len(all))
		}
		inOrder(t, all, 0, len(all))
	}
}

// TestBehindAndGoingOn: the files grow for one that is behind and goes on, up to a bound, and shrink again; for one
// that stands still they do not.
func TestBehindAndGoingOn(t *testing.T) {
	dir := t.TempDir()
	count := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	b := keep(t, dir, nil)
	l := b.join(time.Time{}, false)
	defer b.leave(l)
	n := 0
	publish := func(events int) {
		for range events {
			b.Publish(t.Context(), "container", "start", fmt.Sprint(n), map[string]string{"l": strings.Repeat("x", 1000)})
			n++
		}
	}
	publish(12_000) // of more than 1,000 bytes: six files
	if got := count(); got < 6 || got > 7 {
		t.Errorf("there are %d files", got)
	}
	var all []events.Message
	for {
		some, ok := b.next(l)
		if !ok {
			t.Fatalf("it is cut off after %d", len(all))
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
	}
	inOrder(t, all, 0, n)
	publish(3000)
	if got := count(); got != maxFiles {
		t.Errorf("there are %d files when it has read them", got)
	}
	publish(20_000)
	if got := count(); got != mostFiles {
		t.Errorf("there are %d files when it is too far behind", got)
	}
	l.taken = time.Now().Add(-2 * patience)
	publish(3000)
	if got := count(); got != maxFiles {
		t.Errorf("there are %d files when it stands still", got)
	}
	if _, ok := b.next(l); ok {
		t.Error("it is not cut off")
	}
}

// TestSyncs: an event is on the disk with its write, and a sync follows within a minute, once for all.
func TestSyncs(t *testing.T) {
	var writes, syncs atomic.Int32
	b := keep(t, t.TempDir(), &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		switch op.Kind {
		case disk.Write:
			writes.Add(1)
		case disk.Sync:
			syncs.Add(1)
		}
		return do()
	}})
	for n := range 100 {
		say(b, fmt.Sprint(n))
	}
	if w, s := writes.Load(), syncs.Load(); w != 100 || s != 0 {
		t.Errorf("%d writes, %d syncs", w, s)
	}
	if err := b.Close(); err != nil || syncs.Load() != 2 { // the file and the folder
		t.Errorf("%d syncs at the end, %v", syncs.Load(), err)
	}
	say(b, "after the end")
}

// TestManyListeners: of 50,000 events 15 listeners hear each one once, while five others stand still; what these cost
// is bounded.
func TestManyListeners(t *testing.T) {
	const total, live, stalled = 50_000, 15, 5
	b := keep(t, t.TempDir(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	var ready sync.WaitGroup
	ready.Add(live + stalled)
	var counts [live]atomic.Int64
	for n := range live {
		group.Go(func() {
			last := int64(0)
			err := b.Subscribe(ctx, time.Time{}, time.Time{}, ready.Done, func(m events.Message) error {
				if want := fmt.Sprint(counts[n].Load()); m.Actor.ID != want || m.TimeNano <= last {
					return fmt.Errorf("%s is heard, want %s", m.Actor.ID, want)
				}
				if last = m.TimeNano; counts[n].Add(1) == total {
					return errHeard
				}
				return nil
			})
			if !errors.Is(err, errHeard) {
				t.Errorf("listener %d is over after %d: %v", n, counts[n].Load(), err)
			}
		})
	}
	for range stalled {
		group.Go(func() {
			_ = b.Subscribe(ctx, time.Time{}, time.Time{}, ready.Done, func(events.Message) error {
				<-ctx.Done()
				return nil
			})
		})
	}
	ready.Wait()
	before, most := heap(), int64(0)
	for n := range total {
		b.Publish(t.Context(), events.ContainerEventType, events.ActionStart, fmt.Sprint(n),
			map[string]string{"name": "web", "image": "example.org/web:1", "com.example.label": "value"})
		if n%1000 == 0 { // as fast as a machine may be on which they all run
			slowest(t, counts[:], n-4000)
		}
		if n%10_000 == 0 {
			most = max(most, heap()-before)
		}
	}
	slowest(t, counts[:], total)
	cancel()
	group.Wait()
	t.Logf("at most %d bytes of memory", most)
	if most > 8<<20 {
		t.Errorf("%d bytes of memory are taken", most)
	}
}

// slowest waits until all have heard so many.
func slowest(t *testing.T, counts []atomic.Int64, want int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		least := counts[0].Load()
		for n := range counts {
			least = min(least, counts[n].Load())
		}
		if least >= int64(want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after a minute one has heard %d, want %d", least, want)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkPublish(b *testing.B) {
	for _, listeners := range []int{0, 20} {
		b.Run(fmt.Sprint(listeners), func(b *testing.B) {
			bus := &Bus{}
			if err := bus.Keep(b.TempDir(), nil, slog.Default()); err != nil {
				b.Fatal(err)
			}
			defer bus.Close()
			for range listeners {
				go func() {
					_ = bus.Subscribe(b.Context(), time.Time{}, time.Time{}, nil,
						func(events.Message) error { return nil })
				}()
			}
			for b.Loop() {
				say(bus, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
			}
		})
	}
}

// FuzzFile: whatever a file holds, it is opened, and what comes is heard after all that it has, in order.
func FuzzFile(f *testing.F) {
	m := message(noon, "container", "start", "1", map[string]string{"a": "b"})
	good, err := format(&m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("\n\n1 {} 00000000\n9223372036854775807 {\"type\":\"x\",\"action\":\"y\"} 12345678\n\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		// A sum that is right is not found by chance.
		var text []byte
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			text = fmt.Appendf(text, "%s %08x\n%s\n", line, crc32.ChecksumIEEE(line), line)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1.log"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		b := keep(t, dir, nil)
		say(b, "later")
		last := int64(0)
		all := past(t, b, time.Unix(0, 1))
		for _, m := range all {
			if m.TimeNano <= last {
				t.Errorf("%d is heard after %d", m.TimeNano, last)
			}
			last = m.TimeNano
		}
		if len(all) == 0 || all[len(all)-1].Actor.ID != "later" {
			t.Errorf("%v is heard", all)
		}
	})
}

const noon = 1796040000_000000000
