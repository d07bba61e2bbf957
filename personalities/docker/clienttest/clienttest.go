// Package clienttest is a daemon that answers from a table and records what it is asked, for tests of the client.
package clienttest

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

// Daemon is a daemon on a socket that answers from a table and records what it is asked.
type Daemon struct {
	Host    string
	Seen    []string                    // requests without the version of the API
	Bodies  map[string][]byte           // the last body of a request, by the same key as routes
	Other   http.HandlerFunc            // what is not in routes; nil: not found
	Version string                      // of the API; empty: the latest
	Mu      sync.Mutex                  // guards Seen and Bodies while a command runs
	Routes  map[string]http.HandlerFunc // "GET /containers/json"
	main    Main
}

// Main is the client under test.
type Main func(context.Context, *cmd.Env) error

// New starts a daemon that answers by routes; main is what Docker runs.
func New(t *testing.T, main Main, routes map[string]http.HandlerFunc) *Daemon {
	f := &Daemon{main: main, Routes: routes, Host: "unix://" + filepath.Join(t.TempDir(), "d.sock"),
		Bodies: map[string][]byte{}}
	l, err := net.Listen("unix", strings.TrimPrefix(f.Host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: f}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return f
}

// ServeHTTP records and answers one request.
func (f *Daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	f.Mu.Lock()
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + r.URL.RawQuery
	}
	f.Seen = append(f.Seen, key+query)
	f.Bodies[key] = body
	f.Mu.Unlock()
	w.Header().Set("Api-Version", cmp.Or(f.Version, client.MaxVersion))
	if handler := f.Routes[key]; handler != nil {
		handler(w, r)
		return
	}
	if f.Other != nil && path != "/_ping" {
		f.Other(w, r)
		return
	}
	if path != "/_ping" {
		wire.WriteError(w, http.StatusNotFound, "page not found", false)
	}
}

// Reply answers with JSON.
func Reply(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// Refuse answers with an error.
func Refuse(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { wire.WriteError(w, status, text, false) }
}

// Result is how a command line ended.
type Result struct {
	Code        int
	Out, Stderr string
}

// Docker runs one command line against the daemon.
func (f *Daemon) Docker(t *testing.T, stdin string, args ...string) Result {
	t.Helper()
	return In(t, f.main, t.TempDir(), f.Host, stdin, args...)
}

// In runs one command line against a daemon at host, in a home.
func In(t *testing.T, main Main, home, host, stdin string, args ...string) Result {
	t.Helper()
	return From(t, main, home, host, strings.NewReader(stdin), args...)
}

// From is In with any standard input.
func From(t *testing.T, main Main, home, host string, stdin io.Reader, args ...string) Result {
	t.Helper()
	return Run(t, main, home, map[string]string{"DOCKER_HOST": host, "HOME": home, "FOO": "bar"}, stdin, args...)
}

// Run runs one command line with any environment.
func Run(t *testing.T, main Main, home string, env map[string]string, stdin io.Reader, args ...string) Result {
	t.Helper()
	var out, errw bytes.Buffer
	err := main(context.Background(), &cmd.Env{Args: args, Stdin: stdin, Stdout: &out, Stderr: &errw,
		Getenv: func(name string) string { return env[name] }, Dir: home})
	r := Result{Out: out.String(), Stderr: errw.String()}
	var exit *cmd.Exit
	switch {
	case errors.As(err, &exit):
		r.Code = exit.Code
		if exit.Err != nil {
			r.Stderr += err.Error() + "\n"
		}
	case err != nil:
		t.Errorf("%q: an error without an exit code: %v", args, err)
	}
	return r
}

// At walks decoded JSON: At(v, "HostConfig", "Memory").
func At(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// Decoded decodes JSON, or ends the test.
func Decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

// WriteFile makes a file in a folder of its own and returns its path.
func WriteFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WriteConfig makes the settings of a home.
func WriteConfig(t *testing.T, home, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
