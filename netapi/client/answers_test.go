package client

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// Answers that are cut, empty or no JSON are errors that name the request, for typed and for raw answers alike.
func TestCutAnswers(t *testing.T) {
	for _, answer := range []string{"", " \n", `{"Id":`, `<html>no</html>`, `{"Id":"a"`, strings.Repeat("[", 20000)} {
		d := newDaemon(t, "1.47", map[string]http.HandlerFunc{
			"GET /info":              text(answer),
			"GET /containers/a/json": text(answer),
			"GET /images/a/json":     text(answer),
			"GET /networks/a":        text(answer),
			"GET /volumes/a":         text(answer),
			"GET /volumes":           text(answer),
			"GET /containers/a/top":  text(answer),
			"POST /commit":           text(answer),
		})
		c := d.client(t, Options{})
		ctx := context.Background()
		for path, call := range map[string]func() (any, error){
			"/info":              func() (any, error) { return c.Info(ctx) },
			"/containers/a/json": func() (any, error) { return c.ContainerInspect(ctx, "a", false) },
			"/images/a/json":     func() (any, error) { return c.ImageInspect(ctx, "a", "") },
			"/networks/a":        func() (any, error) { return c.NetworkInspect(ctx, "a", "", false) },
			"/volumes/a":         func() (any, error) { return c.VolumeInspect(ctx, "a") },
			"/volumes":           func() (any, error) { return c.VolumeList(ctx, nil) },
			"/containers/a/top":  func() (any, error) { return c.ContainerTop(ctx, "a", "") },
			"/commit":            func() (any, error) { return c.ContainerCommit(ctx, Commit{Container: "a"}) },
		} {
			if v, err := call(); err == nil || !strings.Contains(err.Error(), path) || len(err.Error()) > 300 {
				t.Errorf("%s answered %.20q: %v, %v", path, answer, v, err)
			}
		}
	}
}

// A raw answer is as the daemon sent it, byte for byte but for the space around it.
func TestRawAnswers(t *testing.T) {
	for _, answer := range []string{`{"b":1, "a":2}`, `{"big":123456789012345678901234567890}`, `{"x":"\u00e9<&>"}`,
		`null`,
		`{"a":1,"a":2}`} {
		d := newDaemon(t, "1.47", map[string]http.HandlerFunc{"GET /containers/a/json": text(" " + answer + "\n")})
		got, err := d.client(t, Options{}).ContainerInspect(context.Background(), "a", false)
		if err != nil || string(got) != answer {
			t.Errorf("%s: %s %v", answer, got, err)
		}
	}
}

// Errors of a daemon in every form: JSON, plain text, pages of a proxy, and nothing.
func TestErrorTexts(t *testing.T) {
	for _, row := range []struct {
		status       int
		kind, answer string
		says         string
		is           func(error) bool
	}{
		{404, "application/json", `{"message":"No such container: a"}`, "No such container: a", errdefs.IsNotFound},
		{409, "application/json", `{"message":"in use"}`, "in use", errdefs.IsConflict},
		{400, "application/json", `{"message":"bad"}`, "bad", errdefs.IsInvalidArgument},
		{403, "application/json", `{"message":"no"}`, "no", errdefs.IsPermissionDenied},
		{401, "application/json", `{"message":"who?"}`, "who?", errdefs.IsUnauthorized},
		{500, "application/json", `{"message":"broken"}`, "broken", nil},
		{503, "application/json", `{"message":"later"}`, "later", errdefs.IsUnavailable},
		{500, "text/plain", "plain words\n", "plain words", nil},
		{404, "application/json", `{"message":`, "", errdefs.IsNotFound},
		{404, "application/json", `{"message":5}`, "", errdefs.IsNotFound},
		{404, "application/json", `[]`, "", errdefs.IsNotFound},
		{500, "", "", "", nil},
		{502, "text/html", "<html>" + strings.Repeat("x", 1<<20), "", nil},
	} {
		d := newDaemon(t, "1.47", map[string]http.HandlerFunc{
			"GET /containers/a/json": func(w http.ResponseWriter, _ *http.Request) {
				if row.kind != "" {
					w.Header().Set("Content-Type", row.kind)
				}
				w.WriteHeader(row.status)
				w.Write([]byte(row.answer))
			}})
		_, err := d.client(t, Options{}).ContainerInspect(context.Background(), "a", false)
		if err == nil || row.is != nil && !row.is(err) || !strings.Contains(err.Error(), row.says) ||
			len(err.Error()) > 1<<17 || strings.TrimSpace(strings.TrimPrefix(err.Error(), "Error response from daemon:")) == "" {
			t.Errorf("%d %.40q: %.200v", row.status, row.answer, err)
		}
	}
}

// A daemon that never answers is left when the context ends, whatever the call.
func TestContextEnds(t *testing.T) {
	stuck := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	d := newDaemon(t, "1.47", map[string]http.HandlerFunc{"GET /info": stuck, "GET /events": stuck,
		"POST /containers/a/attach": stuck, "POST /containers/a/wait": stuck})
	c := d.client(t, Options{})
	if _, err := c.Version(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"info": func(ctx context.Context) error { _, err := c.Info(ctx); return err },
		"wait": func(ctx context.Context) error {
			w, err := c.ContainerWait(ctx, "a", "")
			if err == nil {
				_, err = w.Result()
			}
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		ended := make(chan error, 1)
		go func() { ended <- call(ctx) }()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s does not end with its context", name)
		}
		cancel()
	}
}

// Names from users cannot leave their place in the path or add a query.
func TestNamesInPaths(t *testing.T) {
	for _, row := range []struct{ name, uri string }{
		{"a", "/v1.47/containers/a/json"},
		{"/a", "/v1.47/containers/a/json"},
		{"a?size=1", "/v1.47/containers/a%3Fsize=1/json"},
		{"a#b", "/v1.47/containers/a%23b/json"},
		{"a b", "/v1.47/containers/a%20b/json"},
		{"a%2fb", "/v1.47/containers/a%252fb/json"},
		{"ä", "/v1.47/containers/%C3%A4/json"},
	} {
		d := newDaemon(t, "1.47", nil)
		_, err := d.client(t, Options{}).ContainerInspect(context.Background(), row.name, false)
		d.mu.Lock()
		last := d.seen[len(d.seen)-1]
		d.mu.Unlock()
		if err == nil || last != "GET "+row.uri {
			t.Errorf("%q: asked %s, %v", row.name, last, err)
		}
	}
}
