package netapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"

	"box/panics"
)

// journal keeps what is logged.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(p))
	return len(p), nil
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "")
}

// TestPanic: a handler that panics, or whose goroutine does, answers 500 with a number that is in the log beside the
// stack; a reply that has begun breaks off, and tells of it in the stream where it is one of lines.
func TestPanic(t *testing.T) {
	for _, row := range []struct {
		name    string
		do      func(s *Server, w http.ResponseWriter, r *http.Request)
		status  int  // 0: the connection breaks
		inLines bool // of the body
		quiet   bool // the log has nothing
	}{
		{name: "handler", status: 500, do: func(*Server, http.ResponseWriter, *http.Request) { explode() }},
		{name: "handler with a body unread", status: 500, do: func(_ *Server, w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			explode()
		}},
		{name: "goroutine of a handler", status: 500, do: func(s *Server, w http.ResponseWriter, r *http.Request) {
			failed := make(chan error)
			go func() { failed <- panics.Call(func() error { explode(); return nil }) }()
			s.fail(w, r, <-failed)
		}},
		{name: "begun", do: func(_ *Server, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			explode()
		}},
		{name: "lines that have not begun", status: 500, do: func(s *Server, w http.ResponseWriter, r *http.Request) {
			s.progressing(w, r, func(*lineStream) error { return panics.Call(func() error { explode(); return nil }) })
		}},
		{name: "lines", status: 200, inLines: true, do: func(s *Server, w http.ResponseWriter, r *http.Request) {
			s.progressing(w, r, func(p *lineStream) error {
				p.begin()
				return panics.Call(func() error { explode(); return nil })
			})
		}},
		{name: "on purpose", quiet: true,
			do: func(*Server, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			log := &journal{}
			s := &Server{log: slog.New(slog.NewTextHandler(log, nil)), busy: func() {}, router: mux.NewRouter()}
			s.router.HandleFunc("/{x:.*}", func(w http.ResponseWriter, r *http.Request) { row.do(s, w, r) })
			h := httptest.NewServer(s)
			defer h.Close()
			status, body := post(t, h.URL)
			if status != row.status {
				t.Fatalf("status %d, want %d: %s", status, row.status, body)
			}
			if row.quiet {
				if log.all() != "" {
					t.Errorf("logged: %s", log.all())
				}
				return
			}
			if !strings.Contains(log.all(), "panic in a request") || !strings.Contains(log.all(), "netapi.explode") {
				t.Errorf("the log has no stack: %s", log.all())
			}
			if row.status != 0 {
				told(t, body, row.inLines, log.all())
			}
		})
	}
}

func explode() { none()["x"] = 1 }

func none() map[string]int { return nil }

// post sends a body and returns the status, 0 for a reply that breaks off.
func post(t *testing.T, url string) (int, []byte) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/x",
		strings.NewReader(strings.Repeat("x", 100000)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, body
}

// told checks that a reply names the number that the log has, and not what happened.
func told(t *testing.T, body []byte, inLines bool, log string) {
	var got struct {
		Message string
		Error   string
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("reply %q: %v", body, err)
	}
	text := got.Message
	if inLines {
		text = got.Error
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(text, "internal error "), ":")
	if len(number) < 10 || !strings.Contains(log, number) || strings.Contains(text, "nil map") {
		t.Errorf("reply %q, log %s", text, log)
	}
}
