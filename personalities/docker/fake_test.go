package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/cmd"
)

// fake is a daemon on a socket that answers from a table and records what it is asked.
type fake struct {
	routes  map[string]http.HandlerFunc // "GET /containers/json"
	host    string
	mu      sync.Mutex
	seen    []string          // requests without the version
	bodies  map[string][]byte // the last body of a request, by the same key as routes
	other   http.HandlerFunc  // what is not in routes; nil: not found
	version string            // of the API; empty: the latest
}

func newFake(t *testing.T, routes map[string]http.HandlerFunc) *fake {
	f := &fake{routes: routes, host: "unix://" + filepath.Join(t.TempDir(), "d.sock"), bodies: map[string][]byte{}}
	l, err := net.Listen("unix", strings.TrimPrefix(f.host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: f}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return f
}

// ServeHTTP records and answers one request.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if strings.HasPrefix(path, "/v") {
		_, path, _ = strings.Cut(path[2:], "/")
		path = "/" + path
	}
	key := r.Method + " " + path
	var body []byte
	if r.Header.Get("Upgrade") == "" {
		body, _ = io.ReadAll(r.Body)
	}
	f.mu.Lock()
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + r.URL.RawQuery
	}
	f.seen = append(f.seen, key+query)
	f.bodies[key] = body
	f.mu.Unlock()
	w.Header().Set("Api-Version", cmp.Or(f.version, client.MaxVersion))
	if handler := f.routes[key]; handler != nil {
		handler(w, r)
		return
	}
	if f.other != nil && path != "/_ping" {
		f.other(w, r)
		return
	}
	if path != "/_ping" {
		wire.WriteError(w, http.StatusNotFound, "page not found", false)
	}
}

func reply(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

func refuse(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { wire.WriteError(w, status, text, false) }
}

// result is how a command line ended.
type result struct {
	code        int
	out, stderr string
}

// docker runs one command line against the fake.
func (f *fake) docker(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return dockerIn(t, t.TempDir(), f.host, stdin, args...)
}

func dockerIn(t *testing.T, home, host, stdin string, args ...string) result {
	t.Helper()
	return dockerFrom(t, home, host, strings.NewReader(stdin), args...)
}

// dockerFrom is dockerIn with any standard input.
func dockerFrom(t *testing.T, home, host string, stdin io.Reader, args ...string) result {
	t.Helper()
	return dockerWith(t, home, map[string]string{"DOCKER_HOST": host, "HOME": home, "FOO": "bar"}, stdin, args...)
}

// dockerWith is dockerFrom with any environment.
func dockerWith(t *testing.T, home string, env map[string]string, stdin io.Reader, args ...string) result {
	t.Helper()
	var out, errw bytes.Buffer
	err := Main(context.Background(), &cmd.Env{Args: args, Stdin: stdin, Stdout: &out, Stderr: &errw,
		Getenv: func(name string) string { return env[name] }, Dir: home})
	r := result{out: out.String(), stderr: errw.String()}
	var exit *cmd.Exit
	switch {
	case errors.As(err, &exit):
		r.code = exit.Code
		if exit.Err != nil {
			r.stderr += err.Error() + "\n"
		}
	case err != nil:
		t.Errorf("%q: an error without an exit code: %v", args, err)
	}
	return r
}

// at walks decoded JSON: at(v, "HostConfig", "Memory").
func at(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
