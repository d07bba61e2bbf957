package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hookServer answers with statuses in turn, the last one for good, and keeps what it was sent.
type hookServer struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	got      []Message
	tries    int
}

func newHookServer(t *testing.T, statuses ...int) *hookServer {
	s := &hookServer{statuses: statuses}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tries++
		status := s.statuses[0]
		if len(s.statuses) > 1 {
			s.statuses = s.statuses[1:]
		}
		var m Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Method != http.MethodPost ||
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %v: %v", r.Method, r.Header, err)
		}
		if status == 200 {
			s.got = append(s.got, m)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *hookServer) wait(t *testing.T, tries, got int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		a, b := s.tries, len(s.got)
		s.mu.Unlock()
		if a == tries && b == got {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d tries, %d messages, want %d and %d", a, b, tries, got)
		}
	}
}

// sender makes one whose pauses are short.
func sender(t *testing.T, log *slog.Logger, urls ...string) *Sender {
	s := NewSender(nil, http.DefaultClient, log)
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	for _, u := range urls {
		h := &hook{url: u, client: http.DefaultClient, log: log, pause: time.Microsecond, wake: make(chan struct{}, 1)}
		s.hooks = append(s.hooks, h)
		s.work.Go(func() { h.run(ctx) })
	}
	t.Cleanup(s.Close)
	return s
}

// TestWebhook: each alert is sent once that it is taken, with its end; again where that may help, and not else.
func TestWebhook(t *testing.T) {
	a := Alert{Rule: "unhealthy", Host: "edge", Name: "web", Since: noon, Text: "web is unhealthy", Value: 1}
	over := a
	over.Ended = noon.Add(time.Minute)
	for _, c := range []struct {
		statuses   []int
		tries, got int
	}{
		{[]int{200}, 2, 2}, {[]int{500, 503, 429, 408, 200}, 6, 2}, {[]int{404, 200}, 2, 1}, {[]int{301, 200}, 2, 1},
		{[]int{500}, 2 * maxTries, 0},
	} {
		server := newHookServer(t, c.statuses...)
		s := sender(t, slog.New(slog.DiscardHandler), server.URL)
		s.Send([]Alert{a, over})
		server.wait(t, c.tries, c.got)
		if c.got < 2 {
			continue
		}
		m, n := server.got[0], server.got[1]
		if m.Status != "firing" || n.Status != "recovered" || m.ID != n.ID || m.Container != "web" || m.Ended != nil ||
			!n.Ended.Equal(over.Ended) || m.Text != "edge: web is unhealthy" || n.Text != "recovered: "+m.Text {
			t.Errorf("%+v, then %+v", m, n)
		}
	}
}

// TestWebhookStuck: one that does not answer holds up nobody, costs a bounded memory, and what is secret in its address
// is not in the log.
func TestWebhookStuck(t *testing.T) {
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer server.Close()
	defer close(stuck)
	good := newHookServer(t, 200)
	var log strings.Builder
	var mu sync.Mutex
	lines := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), nil))
	address := strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "/token?key=hidden"
	s := sender(t, lines, address, good.URL)
	began := time.Now()
	for n := range 100 {
		s.Send([]Alert{{Name: fmt.Sprint(n)}, {Name: "x"}, {Name: "y"}, {Name: "z"}})
		good.wait(t, 4*(n+1), 4*(n+1))
	}
	if n := len(s.hooks[0].queue); n != maxWaiting {
		t.Errorf("%d wait", n)
	}
	s.Close()
	if took := time.Since(began); took > replyTime/2 {
		t.Errorf("it took %s", took)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); !strings.Contains(text, "too slow") || strings.Contains(text, "secret") ||
		strings.Contains(text, "hidden") || strings.Contains(text, "token") {
		t.Errorf("the log says %s", text)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestWatcher: what is wrong is told once over restarts, and is saved before it is told.
func TestWatcher(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.json")
	v := healthy()
	v.Set.Containers[0].Health = "unhealthy"
	var told []Alert
	open := func() *Watcher {
		w := &Watcher{Rules: Default(), Views: func(context.Context) []View { return []View{v} },
			Log:  slog.New(slog.DiscardHandler),
			Save: func(raw []byte) error { return os.WriteFile(path, raw, 0o600) }}
		w.Tell = func(a []Alert) {
			if _, err := os.Stat(path); err != nil {
				t.Error("it is told and not saved")
			}
			told = append(told, a...)
		}
		w.Restore(path)
		return w
	}
	w := open()
	w.look(t.Context(), noon)
	w.look(t.Context(), noon.Add(time.Second))
	w = open()
	w.look(t.Context(), noon.Add(time.Hour))
	if len(told) != 1 || len(w.State().Active) != 1 {
		t.Errorf("%v is told", told)
	}
	v.Set.Containers[0].Health = "healthy"
	w = open()
	w.look(t.Context(), noon.Add(2*time.Hour))
	w = open()
	w.look(t.Context(), noon.Add(3*time.Hour))
	if len(told) != 2 || told[1].Ended.IsZero() {
		t.Errorf("%v is told", told)
	}
	if err := os.WriteFile(path, []byte("no state"), 0o600); err != nil {
		t.Fatal(err)
	}
	open().look(t.Context(), noon.Add(4*time.Hour))
	w = open()
	w.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	v.Set.Containers[0].Health = "unhealthy"
	w.Tell = func([]Alert) { cancel() }
	w.Run(ctx)
	if len(open().State().Active) != 1 {
		t.Error("at the end it was not saved")
	}
}
