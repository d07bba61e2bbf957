package netapi

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"box/engine"
	"box/engine/enginetest"
)

// edge is a whole server over a socket, with an engine whose programs are echoes.
type edge struct {
	engine   *engine.Engine
	socket   string
	id       string                 // of a running container
	panicked atomic.Pointer[string] // what the server and the engine say of the last panic
}

// patience is how long a reply may take that must come.
const patience = 2 * time.Minute

// Enabled, Handle, WithAttrs and WithGroup make edge the server's log, where a panic of a handler's is told.
func (e *edge) Enabled(context.Context, slog.Level) bool { return true }

func (e *edge) Handle(_ context.Context, r slog.Record) error {
	said := r.Message
	r.Attrs(func(a slog.Attr) bool {
		said += " " + a.String()
		return true
	})
	if strings.Contains(r.Message, "panic") || strings.Contains(said, "panic serving") {
		e.panicked.Store(&said)
	}
	return nil
}

func (e *edge) WithAttrs([]slog.Attr) slog.Handler { return e }
func (e *edge) WithGroup(string) slog.Handler      { return e }

// startEdge serves an engine with one image, edge:latest, and one running container of it.
func startEdge(tb testing.TB) *edge {
	e := &edge{}
	en, dir := enginetest.Open(tb, func(o *engine.Options) { o.Log = slog.New(e) })
	e.engine, e.socket = en, filepath.Join(dir, "s")
	s := New(en, Product{Release: "29.1.0+box-test", Version: "test"}, slog.New(e), func() {})
	l, err := net.Listen("unix", e.socket)
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Shutdown(ctx)
	})
	e.must(tb, "POST", "/images/load", "application/x-tar", edgeImage(tb))
	e.must(tb, "POST", "/images/load", "application/x-tar", bareImage(tb))
	e.run(tb)
	return e
}

// run makes and starts the container running.
func (e *edge) run(tb testing.TB) {
	tb.Helper()
	var made struct{ ID string }
	reply := e.must(tb, "POST", "/containers/create?name=running", "application/json",
		[]byte(`{"Image":"edge","Cmd":["echo"],"OpenStdin":true,"StdinOnce":true,"HostConfig":{"NetworkMode":"host"}}`))
	if err := json.Unmarshal(reply, &made); err != nil {
		tb.Fatal(err)
	}
	e.id = made.ID
	e.must(tb, "POST", "/containers/running/start", "", nil)
}

// edgeImage is a docker archive of an image with one empty layer.
func edgeImage(tb testing.TB) []byte {
	var layer bytes.Buffer
	if err := tar.NewWriter(&layer).Close(); err != nil {
		tb.Fatal(err)
	}
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Cmd":["echo"]},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`,
		sha256.Sum256(layer.Bytes()))
	return archiveOf(tb, []string{
		"layer.tar", layer.String(), "config.json", config,
		"manifest.json", `[{"Config":"config.json","RepoTags":["edge:latest"],"Layers":["layer.tar"]}]`,
	})
}

// archiveOf is a tar of files, given as name and content by turns.
func archiveOf(tb testing.TB, files []string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for f := range slices.Chunk(files, 2) {
		err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1]))})
		_, failed := io.WriteString(w, f[1])
		if err := errors.Join(err, failed); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(tb testing.TB, raw []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(raw)
	if err := errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// must sends one request that must succeed and returns the reply's body.
func (e *edge) must(tb testing.TB, method, path, mediaType string, body []byte) []byte {
	tb.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: %d\r\n", method, path,
		len(body))
	if mediaType != "" {
		head += "Content-Type: " + mediaType + "\r\n"
	}
	c := e.dial(tb)
	defer c.Close()
	if _, err := c.Write(append([]byte(head+"\r\n"), body...)); err != nil {
		tb.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		tb.Fatalf("%s %s: %s: %s (%v)", method, path, res.Status, reply, err)
	}
	return reply
}

func (e *edge) dial(tb testing.TB) *net.UnixConn {
	tb.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: e.socket, Net: "unix"})
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		tb.Fatal(err)
	}
	return c
}

// send writes raw bytes and the end of them, and returns all that is replied until the server ends the connection. A
// server that closes early, before it has read everything, is within its rights.
func (e *edge) send(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	c := e.dial(tb)
	defer c.Close()
	_, _ = c.Write(raw)
	_ = c.CloseWrite()
	reply, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		tb.Fatalf("no end of the reply to %q after %v; until then %q", raw, patience, reply)
	}
	return reply
}

// unharmed fails the test when a handler panicked or the server does not answer any more, and when the running
// container is gone.
func (e *edge) unharmed(tb testing.TB, raw []byte) {
	tb.Helper()
	if said := e.panicked.Load(); said != nil {
		tb.Fatalf("after %q: %s", raw, *said)
	}
	if got := e.must(tb, "GET", "/_ping", "", nil); string(got) != "OK" {
		tb.Fatalf("ping after %q: %q", raw, got)
	}
}

// FuzzVersion asks for any version and path. What is answered has a status line and, where it is an error, Docker's
// JSON.
func FuzzVersion(f *testing.F) {
	e := startEdge(f)
	for _, s := range []string{"/v1.41/_ping", "/v1.12/containers/json", "/v9999.99/info", "/v1/version",
		"/v1.41//containers/running/json",
		"/v1.24/containers/running/../running/json", "/v1.44/containers/" + strings.Repeat("a", 300) + "/json", "/x/json",
		"/v1.51/events?until=1", "/v1.41/volumes?filters={}",
		"/v1.40/containers/running/logs?tail=-1&stdout=1", "/v.1/_ping", "/v1.41/volumes/..",
		"/v1.30/images/edge:latest/json?x=&y",
		"/v1.20/containers/json?filters={\"status\":[\"running\"]}&size=1", "/v1.45/system/df?type=container"} {
		f.Add("GET", s)
		f.Add("HEAD", s)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		if method != "GET" && method != "HEAD" || strings.ContainsAny(path, " \r\n") || endless(path) {
			return
		}
		raw := method + " " + path + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
		wellFormed(t, []byte(raw), e.send(t, []byte(raw)))
		e.unharmed(t, []byte(raw))
	})
}

// endless says whether a GET of path may rightly have no end, or asks a registry: streams that follow.
func endless(path string) bool {
	for _, word := range []string{"events", "stats", "logs", "attach", "search", "distribution"} {
		if strings.Contains(path, word) && !strings.Contains(path, "until=1") {
			return true
		}
	}
	return strings.Contains(path, "%") // an escaped word of those
}

// wellFormed fails the test unless reply is nothing or an HTTP response, whose error, if it is one of the API's, is
// told as JSON.
func wellFormed(t *testing.T, raw, reply []byte) {
	t.Helper()
	if len(reply) == 0 {
		return
	}
	r := bufio.NewReader(bytes.NewReader(reply))
	method, _, _ := strings.Cut(string(raw), " ")
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reply to %q is no HTTP: %q: %v", raw, reply, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil && res.StatusCode >= 400 {
		t.Fatalf("reply to %q breaks off: %q: %v", raw, reply, err)
	}
	if res.StatusCode < 400 || method == "HEAD" || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return
	}
	var told struct{ Message string }
	if err := json.Unmarshal(body, &told); err != nil || told.Message == "" {
		t.Fatalf("error reply to %q has no message: %q", raw, reply)
	}
	if parts := strings.Split(told.Message, ": "); len(slices.Compact(slices.Clone(parts))) < len(parts) {
		t.Fatalf("error reply to %q says something twice: %q", raw, told.Message)
	}
}

// FuzzHeaders sends any head with a body of any length to the requests that have one.
func FuzzHeaders(f *testing.F) {
	e := startEdge(f)
	for _, s := range []string{"Content-Length: 2\r\n", "Content-Length: -1\r\n",
		"Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "Content-Type: text/html\r\nContent-Length: 2\r\n",
		"Upgrade: tcp\r\nConnection: Upgrade\r\n",
		"Expect: 100-continue\r\nContent-Length: 2\r\n", "X-Registry-Auth: e30=\r\n", "Connection: close\r\nHost: \r\n",
		": \r\n", "A\r\n", "Host: x\r\nHost: y\r\n",
		"Content-Encoding: gzip\r\nContent-Length: 2\r\n", "X: " + strings.Repeat("y", 70000) + "\r\n"} {
		f.Add(s, []byte("{}"), true)
		f.Add(s, []byte("0\r\n\r\n"), false)
	}
	f.Fuzz(func(t *testing.T, head string, body []byte, create bool) {
		path := "/containers/none/exec"
		if create {
			path = "/volumes/create"
		}
		raw := append([]byte("POST "+path+" HTTP/1.1\r\nHost: d\r\n"+head+"\r\n"), body...)
		if pipelined(raw) {
			return
		}
		_ = e.send(t, raw)
		e.unharmed(t, raw)
	})
}

// pipelined says whether raw holds a second request: it may be any, also one without an end.
func pipelined(raw []byte) bool { return bytes.Count(raw, []byte("HTTP/")) > 1 }

// bodies are the requests that read JSON, and change nothing but the engine's own root.
var bodies = []string{
	"POST /containers/create", "POST /containers/running/exec", "POST /volumes/create", "POST /containers/running/update",
	"POST /commit?container=none", "PUT /volumes/none", "POST /exec/none/start", "POST /containers/running/start",
	"PUT /containers/running/archive?path=/", "POST /images/load",
}

// FuzzBodies sends any body.
func FuzzBodies(f *testing.F) {
	e := startEdge(f)
	for i, s := range []string{
		`{"Image":"edge","Cmd":["x"],"HostConfig":{"NetworkMode":"host","Memory":1,"PortBindings":{"80/tcp":[{"HostPort":"1-99999"}]}}}`,
		`{"Cmd":["x"],"User":"0:0","Env":["A"],"WorkingDir":"x"}`,
		`{"Name":"v","Driver":"local","DriverOpts":{"type":"tmpfs","o":"size=1"}}`,
		`{"Memory":-1,"NanoCpus":9e99,"RestartPolicy":{"Name":"x","MaximumRetryCount":-1}}`,
		`{"Env":null,"ExposedPorts":{"a/b":{}}}`,
		`{"Spec":{}}`, `{"Detach":true,"Tty":true,"ConsoleSize":[1,2]}`, `{}`, "a\x00\x00", `[[[[`,
	} {
		f.Add(uint8(i), []byte(s))
		f.Add(uint8(0), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		target := bodies[int(which)%len(bodies)]
		mediaType := "application/json"
		if strings.Contains(target, "archive") || strings.Contains(target, "load") {
			mediaType = "application/x-tar"
		}
		raw := append(fmt.Appendf(nil, "%s HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: "+
			"%d\r\n\r\n", target, mediaType, len(body)), body...)
		reply := e.send(t, raw)
		wellFormed(t, raw, reply)
		e.unharmed(t, raw)
		e.forget(t, target, reply)
	})
}

// forget removes what a request made, so that the thousandth finds what the first did.
func (e *edge) forget(t *testing.T, target string, reply []byte) {
	path := ""
	switch _, body, _ := bytes.Cut(reply, []byte("\r\n\r\n")); {
	case !bytes.HasPrefix(reply, []byte("HTTP/1.1 201")):
		return
	case strings.Contains(target, "containers/create"):
		var made struct{ ID string }
		_ = json.Unmarshal(body, &made)
		path = "/containers/" + made.ID
	case strings.Contains(target, "volumes/create"):
		var made struct{ Name string }
		_ = json.Unmarshal(body, &made)
		path = "/volumes/" + made.Name
	default:
		return
	}
	e.send(t, []byte("DELETE "+path+"?force=1&v=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"))
}

// FuzzHijack attaches and execs with streams of any bytes in pieces of any length, ended by a half-close or cut: what
// went in comes back whole after a half-close.
func FuzzHijack(f *testing.F) {
	e := startEdge(f)
	f.Add([]byte("hello"), uint8(1), true, true, true)
	f.Add([]byte{}, uint8(0), true, false, true)
	f.Add(bytes.Repeat([]byte("0123456789"), 20000), uint8(255), false, true, true)
	f.Add([]byte("GET /_ping HTTP/1.1\r\n\r\n"), uint8(7), false, false, true)
	f.Add([]byte("cut"), uint8(3), true, true, false)
	f.Fuzz(func(t *testing.T, input []byte, piece uint8, attach, upgrade, half bool) {
		path, body := "/containers/running/attach?stream=1&stdin=1&stdout=1", ""
		if !attach {
			var made struct{ ID string }
			reply := e.must(t, "POST", "/containers/running/exec", "application/json",
				[]byte(`{"Cmd":["x"],"AttachStdin":true,"AttachStdout":true}`))
			if err := json.Unmarshal(reply, &made); err != nil {
				t.Fatal(err)
			}
			path, body = "/exec/"+made.ID+"/start", `{}`
		}
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path,
			len(body))
		if upgrade {
			head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
		}
		c := e.dial(t)
		defer c.Close()
		if _, err := io.WriteString(c, head+"\r\n"+body); err != nil {
			t.Fatal(err)
		}
		go func() {
			n := int(piece)*16 + 1
			for rest := input; len(rest) > 0; rest = rest[min(n, len(rest)):] {
				if _, err := c.Write(rest[:min(n, len(rest))]); err != nil {
					return
				}
			}
			if half {
				_ = c.CloseWrite()
			} else {
				c.Close()
			}
		}()
		r := bufio.NewReader(c)
		var got []byte
		res, err := http.ReadResponse(r, nil)
		if err == nil {
			got, err = io.ReadAll(r)
		}
		switch {
		case !half: // cut: nothing is promised but that the daemon lives
		case err != nil:
			t.Fatalf("stream of %d bytes: %v after %d", len(input), err, len(got))
		case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusSwitchingProtocols:
			t.Fatalf("stream refused: %s", res.Status)
		case !bytes.Equal(got, input):
			t.Fatalf("of %d bytes %d came back, or others", len(input), len(got))
		}
		e.unharmed(t, []byte(path))
	})
}
