package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/top/hosts"
)

const secret = "0123456789abcdef-token"

// tokenFile returns a file with a token.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve returns a server of one host, and the host.
func serve(t *testing.T, d *daemon, change ...func(*Options)) (*Server, *hosts.Host) {
	t.Helper()
	h := hostOf(t, "h", d)
	o := Options{Hosts: []*hosts.Host{h}, Token: tokenFile(t, secret)}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, h
}

// measured waits until a host has a measurement, as it has where a page is open.
func measured(t *testing.T, h *hosts.Host) {
	t.Helper()
	_, stop := h.Watch()
	t.Cleanup(stop)
	within(t, "a measurement", func() bool { return h.State().Set != nil })
}

// every is each route with a request that it would answer with success, and whether it acts.
var every = []struct {
	method, path, body string
	acts               bool
}{
	{"GET", "/", "", false},
	{"GET", "/unbuilt.html", "", false},
	{"GET", "/api/hosts", "", false},
	{"GET", "/api/history?series=host&from=1000&to=600000&points=10", "", false},
	{"GET", "/api/sparks", "", false},
	{"GET", "/api/events?from=1000&to=600000", "", false},
	{"GET", "/api/disk", "", false},
	{"GET", "/api/containers/ID", "", false},
	{"GET", "/api/containers/ID/top", "", false},
	{"GET", "/api/containers/ID/log?tail=5", "", false},
	{"POST", "/api/containers/ID/start", "{}", true},
	{"POST", "/api/containers/ID/stop", "{}", true},
	{"POST", "/api/containers/ID/restart", "{}", true},
	{"POST", "/api/containers/ID/kill", `{"Signal":"HUP"}`, true},
	{"POST", "/api/containers/ID/pause", "{}", true},
	{"POST", "/api/containers/ID/unpause", "{}", true},
	{"POST", "/api/containers/ID/remove", `{"Force":true}`, true},
	{"POST", "/api/containers/ID/update", `{"Memory":1048576}`, true},
	{"POST", "/api/containers/ID/shell", `{"Rows":24,"Columns":80}`, true},
	{"POST", "/api/images/pull", `{"Name":"busybox"}`, true},
	{"POST", "/api/images/remove", `{"Name":"busybox"}`, true},
	{"POST", "/api/volumes/create", `{"Name":"v"}`, true},
	{"POST", "/api/volumes/remove", `{"Name":"v"}`, true},
	{"POST", "/api/networks/create", `{"Name":"n"}`, true},
	{"POST", "/api/networks/remove", `{"Name":"n"}`, true},
}

// call sends a request to a server and returns the status and the body.
func call(s http.Handler, method, path, body string, change ...func(*http.Request)) (int, string) {
	r := httptest.NewRequest(method, strings.Replace(path, "/ID", "/"+containerID(0), 1), strings.NewReader(body))
	r.Host = "localhost:8080"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(ownHeader, "1")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func at(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }

// Each route, for each who may ask: what is read and what is refused, and that what is refused does not reach the
// daemon.
func TestWhoMay(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d)
	measured(t, h)
	token := with("Authorization", "Bearer "+secret)
	for _, who := range []struct {
		name        string
		as          []func(*http.Request)
		reads, acts int // expected status
	}{
		{"nobody", nil, 200, 401},
		{"the token", []func(*http.Request){token}, 200, 200},
		{"another token", []func(*http.Request){with("Authorization", "Bearer "+secret+"x")}, 200, 403},
		{"the token in part", []func(*http.Request){with("Authorization", "Bearer "+secret[:20])}, 200, 403},
		{"the token as a password", []func(*http.Request){with("Authorization", "Basic "+secret)}, 200, 401},
		{"another page, with the token", []func(*http.Request){token, with("Origin", "http://evil.example")}, 403, 403},
		{"a sandboxed page, with the token", []func(*http.Request){token, with("Origin", "null")}, 403, 403},
		{"the same name on another port", []func(*http.Request){token, with("Origin", "http://localhost:9")}, 403, 403},
		{"the same name by TLS", []func(*http.Request){token, with("Origin", "https://localhost:8080")}, 403, 403},
		{"our page", []func(*http.Request){token, with("Origin", "http://localhost:8080")}, 200, 200},
		{"a name that points here", []func(*http.Request){token, at("evil.example:8080")}, 403, 403},
		{"a name that looks like ours", []func(*http.Request){token, at("localhost.evil.example")}, 403, 403},
		{"no name", []func(*http.Request){token, at("")}, 403, 403},
		{"an address", []func(*http.Request){token, at("192.0.2.7:8080")}, 200, 200},
		{"an address of IPv6", []func(*http.Request){token, at("[::1]:8080")}, 200, 200},
		{"a form of another site", []func(*http.Request){token, with("Sec-Fetch-Site", "cross-site")}, 403, 403},
		{"a form without our header", []func(*http.Request){token, with(ownHeader, "")}, 200, 403},
		{"a form's type", []func(*http.Request){token, with("Content-Type", "text/plain")}, 200, 400},
	} {
		for _, one := range every {
			before := len(d.acts())
			code, body := call(s, one.method, one.path, one.body, who.as...)
			want := who.reads
			if one.acts {
				want = who.acts
			} else if who.reads == 403 && !strings.HasPrefix(one.path, "/api/") && slices.Contains([]string{
				"a form of another site"}, who.name) {
				want = 200 // a link of another site
			}
			if code != want {
				t.Errorf("%s: %s %s: %d, want %d: %s", who.name, one.method, one.path, code, want, body)
			}
			if now := d.acts(); code >= 400 && len(now) > before {
				t.Errorf("%s: %s %s was refused, and done: %v", who.name, one.method, one.path, now[before:])
			}
			if one.acts && code == 200 && len(d.acts()) == before {
				t.Errorf("%s: %s %s was not done", who.name, one.method, one.path)
			}
		}
	}
}

// The table has every route of the server, but for those that need what another one gave.
func TestWhoMayHasAllRoutes(t *testing.T) {
	s, _ := serve(t, newDaemon(0))
	var patterns []string
	for _, one := range every {
		r := httptest.NewRequest(one.method, strings.Replace(one.path, "/ID", "/x", 1), nil)
		_, p := s.mux.Handler(r)
		patterns = append(patterns, p)
	}
	for _, p := range []string{"GET /", "GET /api/hosts", "GET /api/history", "GET /api/sparks", "GET /api/events",
		"GET /api/disk", "GET /api/containers/{id}", "GET /api/containers/{id}/top", "GET /api/containers/{id}/log",
		"POST /api/containers/{id}/{verb}", "POST /api/containers/{id}/shell", "POST /api/images/{verb}",
		"POST /api/volumes/{verb}", "POST /api/networks/{verb}"} {
		if !slices.Contains(patterns, p) {
			t.Errorf("no row for %s", p)
		}
	}
}
