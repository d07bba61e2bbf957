package hosts

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"box/engine/stats/machine"
	"box/engine/stats/sample"
	"box/netapi/client"
	"box/netapi/wire"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// serve serves a handler on a unix socket until stop is called.
func serve(t *testing.T, path string, h http.Handler) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return func() { srv.Close() }
}

// open returns the host at a socket, and ends it with the test.
func openAt(t *testing.T, path string, prepared ...func(*Host)) *Host {
	t.Helper()
	c, err := client.New(client.Options{Host: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	h := prepare("test", c)
	for _, f := range prepared {
		f(h)
	}
	h.start()
	t.Cleanup(func() { h.Close(); c.Close() })
	return h
}

// until watches a host until its state is as wanted.
func until(t *testing.T, h *Host, want string, ok func(State) bool) State {
	t.Helper()
	changes, stop := h.Watch()
	defer stop()
	late := time.After(patience)
	for {
		s := h.State()
		if ok(s) {
			return s
		}
		select {
		case <-changes:
		case <-late:
			t.Fatalf("never %s: %+v", want, s)
		}
	}
}

func alive(s State) bool { return !s.Dead && s.Set != nil }

// boxd is a daemon that is box: it sends a measurement every few milliseconds, and counts those who watch.
type boxd struct{ watching, sent atomic.Int32 }

func (b *boxd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/monitor") {
		wire.WriteError(w, http.StatusNotFound, "page not found", false)
		return
	}
	b.watching.Add(1)
	defer b.watching.Add(-1)
	for r.Context().Err() == nil {
		n := b.sent.Add(1)
		json.NewEncoder(w).Encode(sample.Set{At: time.Now(), Host: sample.Host{CPUs: int(n)}})
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

func TestBox(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	d := &boxd{}
	serve(t, path, d)
	h := openAt(t, path)
	time.Sleep(50 * time.Millisecond)
	if n := d.sent.Load(); n != 0 {
		t.Errorf("%d measurements for nobody", n)
	}
	s := until(t, h, "alive", alive)
	if s.Kind != Box || s.Since.IsZero() || s.Name != "test" || s.Address != "unix://"+path {
		t.Errorf("%+v", s)
	}
	_, stopOne := h.Watch()
	_, stopOther := h.Watch()
	stopOne()
	stopOne()
	first := h.State().Set.Host.CPUs
	until(t, h, "measured on", func(s State) bool { return s.Set.Host.CPUs > first })
	stopOther()
	for deadline := time.Now().Add(patience); d.watching.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the daemon measures for nobody")
		}
	}
	if s := h.State(); s.Dead || s.Set == nil {
		t.Errorf("a host that nobody watches is %+v", s)
	}
}

// One that dies keeps what it was, and comes back by itself.
func TestDeadAndBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stop := serve(t, path, &boxd{})
	h := openAt(t, path)
	before := until(t, h, "alive", alive)
	stop()
	s := until(t, h, "dead", func(s State) bool { return s.Dead })
	if s.Set == nil || s.Err == "" || s.Since.Before(before.Since) || s.Kind != Box {
		t.Errorf("dead: %+v", s)
	}
	since := s.Since
	time.Sleep(600 * time.Millisecond) // some attempts
	if s = h.State(); !s.Since.Equal(since) {
		t.Errorf("dead since %v, and then since %v", since, s.Since)
	}
	serve(t, path, &boxd{})
	if s = until(t, h, "back", alive); !s.Since.After(since) || s.Err != "" {
		t.Errorf("back: %+v", s)
	}
}

// What is no daemon, or one that says nothing, is dead with a reason, and Close ends everything.
func TestBadDaemons(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for name, handler := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
		"sends garbage": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "\x1b[31mgarbage{{{") },
		"sends halves":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"At":"2026-01-`) },
		"sends lists":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[1,2]`) },
		"ends":          func(http.ResponseWriter, *http.Request) {},
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			wire.WriteError(w, http.StatusForbidden, "no", false)
		},
		"has nothing": func(w http.ResponseWriter, _ *http.Request) {
			wire.WriteError(w, http.StatusNotFound, "page not found", false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			goroutines := runtime.NumGoroutine()
			path := filepath.Join(t.TempDir(), "s")
			stop := serve(t, path, handler)
			h := openAt(t, path, func(h *Host) { h.silence = 300 * time.Millisecond })
			if s := until(t, h, "dead", func(s State) bool { return s.Dead }); s.Err == "" || s.Set != nil {
				t.Errorf("%+v", s)
			}
			h.Close()
			h.Client().Close()
			stop()
			for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					raw := make([]byte, 1<<16)
					t.Fatalf("goroutines are left:\n%s", raw[:runtime.Stack(raw, true)])
				}
			}
		})
	}
}

func TestOnce(t *testing.T) {
	dir := t.TempDir()
	serve(t, filepath.Join(dir, "a"), &boxd{})
	good, gone := openAt(t, filepath.Join(dir, "a")), openAt(t, filepath.Join(dir, "b"))
	slow := openAt(t, filepath.Join(dir, "c"))
	block := make(chan struct{})
	defer close(block)
	serve(t, filepath.Join(dir, "c"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s := Once(ctx, []*Host{good, gone, slow})
	if !alive(s[0]) || !s[1].Dead || s[1].Err == "" || !s[2].Dead || s[2].Err == "" {
		t.Errorf("%+v", s)
	}
}

// A daemon that is not there leaves the control groups.
func TestGroups(t *testing.T) {
	dir, id := t.TempDir(), strings.Repeat("ab", 32)
	g := fakeGroups(t, id)
	path := filepath.Join(dir, "s")
	h := openAt(t, path, func(h *Host) { h.groups = g })
	s := until(t, h, "measured by control groups", func(s State) bool { return s.Set != nil })
	if s.Kind != Groups || !s.Dead || s.Err == "" {
		t.Errorf("%+v", s)
	}
	if c := s.Set.Containers; len(c) != 1 || c[0].ID != id || c[0].Memory.Usage != 4096 || c[0].Name != id[:12] {
		t.Errorf("%+v", s.Set)
	}
	if m := s.Set.Host.Memory; m.Total != 100<<10 || m.Available != 50<<10 || len(s.Set.Host.Files) != 1 {
		t.Errorf("%+v", s.Set.Host)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s = Once(ctx, []*Host{h})[0]; s.Kind != Groups || !s.Dead || s.Set == nil {
		t.Errorf("once: %+v", s)
	}
	past, err := h.History(context.Background(), id, s.Set.At.Add(-time.Minute), s.Set.At.Add(time.Minute), 100)
	if err != nil || len(past.Values) != len(sample.ContainerColumns) {
		t.Errorf("%+v, %v", past, err)
	}
	serve(t, path, &boxd{})
	if s = until(t, h, "alive", alive); s.Kind != Box {
		t.Errorf("%+v", s)
	}
}

// fakeGroups is a machine with one container, whose processor time grows.
func fakeGroups(t *testing.T, id string) *groups {
	folder := t.TempDir()
	write(t, folder, "memory.current", "4096\n")
	write(t, folder, "memory.stat", "anon 1\ninactive_file 96\n")
	write(t, folder, "memory.max", "max\n")
	write(t, folder, "cpu.stat", "usage_usec 5\n")
	proc := t.TempDir()
	write(t, proc, "self/mountinfo", "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
	write(t, proc, "meminfo", "MemTotal:  100 kB\nMemAvailable: 50 kB\n")
	g := &groups{ids: func() []string { return []string{"buildkit", id} }, pids: func(string) []int { return []int{1} },
		paths: func(string) (map[string]string, error) { return map[string]string{"": folder}, nil }}
	g.machine = machine.Machine{Proc: proc, Sys: t.TempDir(), Data: folder}
	return g
}
