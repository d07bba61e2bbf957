package web

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"box/certs"
	"box/netapi/client"
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

// secure makes an authority, the TLS of a daemon and the configuration of a client with a certificate, or without.
func secure(t *testing.T) (server *certs.Server, with, without *tls.Config, revoke func()) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certs")
	a, ca, err := certs.NewAuthority(folder, "test", "", time.Hour, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	own, err := a.Server(certs.Leaf{Name: "daemon", Hosts: []string{"localhost", "127.0.0.1"}, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	anna, err := a.Client(certs.Leaf{Name: "anna", Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	write := func(files ...certs.File) {
		t.Helper()
		if err := certs.Write(folder, true, files); err != nil {
			t.Fatal(err)
		}
	}
	write(slices.Concat(certs.PairFiles(ca, certs.CAFile, certs.CAKeyFile),
		certs.PairFiles(own, certs.ServerFile, certs.ServerKeyFile),
		certs.PairFiles(anna, certs.ClientFile, certs.ClientKeyFile))...)
	server, err = certs.ServerTLS(certs.Files{CA: filepath.Join(folder, certs.CAFile),
		Cert: filepath.Join(folder, certs.ServerFile), Key: filepath.Join(folder, certs.ServerKeyFile)}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if with, err = certs.ClientTLS(certs.In(folder), true); err != nil {
		t.Fatal(err)
	}
	without = with.Clone()
	without.Certificates, without.GetClientCertificate = nil, nil
	return server, with, without, func() {
		list, err := a.Revoke(anna.Certificate.SerialNumber)
		if err != nil {
			t.Fatal(err)
		}
		write(list)
	}
}

// A certificate of the authority may act, in its own name; without one the page is read, until it is taken back.
func TestCertificate(t *testing.T) {
	d := newDaemon(1)
	server, with, without, revoke := secure(t)
	asked := make(chan string, 10)
	var h *hosts.Host
	s, h := serve(t, d, func(o *Options) {
		o.Secure = server
		o.As = func(c *tls.ConnectionState) (*client.Client, func(), error) {
			asked <- certs.Name(c.PeerCertificates[0])
			return o.Hosts[0].Client(), func() {}, nil
		}
	})
	measured(t, h)
	l, err := Listen("localhost:0", server, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	do := func(config *tls.Config, method, path string) (int, error) {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: patience}
		defer c.CloseIdleConnections()
		r, err := http.NewRequest(method, l.URL(server)+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(ownHeader, "1")
		answer, err := c.Do(r)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, err
	}
	stop := "api/containers/" + containerID(0) + "/stop"
	for _, one := range []struct {
		who    string
		config *tls.Config
		method string
		path   string
		want   int
	}{
		{"without", without, "GET", "api/hosts", 200}, {"without", without, "POST", stop, 401},
		{"with", with, "GET", "api/hosts", 200}, {"with", with, "POST", stop, 200},
	} {
		if code, err := do(one.config, one.method, one.path); code != one.want || err != nil {
			t.Errorf("%s a certificate: %s %s: %d %v, want %d", one.who, one.method, one.path, code, err, one.want)
		}
	}
	if len(asked) != 1 || <-asked != "anna" {
		t.Errorf("%d actions in a holder's name, want one of anna's", len(asked))
	}
	if got := d.acts(); len(got) != 1 || !strings.HasSuffix(got[0], "/stop") {
		t.Errorf("done: %v", got)
	}
	_, stranger, _, _ := secure(t)
	stranger.RootCAs = with.RootCAs
	if code, err := do(stranger, "GET", "api/hosts"); err == nil {
		t.Errorf("with a certificate of another authority: %d", code)
	}
	revoke()
	if code, err := do(with, "POST", stop); err == nil && code != 403 {
		t.Errorf("with a certificate that was taken back: %d", code)
	}
	if got := d.acts(); len(got) != 1 {
		t.Errorf("done: %v", got)
	}
	s.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// A token that is replaced is void at once; one that is too short or no file is refused.
func TestToken(t *testing.T) {
	d := newDaemon(1)
	path := tokenFile(t, secret)
	s, h := serve(t, d, func(o *Options) { o.Token = path })
	measured(t, h)
	stop := "/api/containers/ID/stop"
	if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+secret)); code != 200 {
		t.Errorf("the token: %d", code)
	}
	if err := os.WriteFile(path, []byte("another-token-of-24-chars"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+secret)); code != 403 {
		t.Errorf("the token before: %d", code)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{secret, "", "another-token-of-24-chars"} {
		if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+said)); code != 403 && code != 401 {
			t.Errorf("without the file, %q: %d", said, code)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", maxToken+1)} {
		if _, err := New(Options{Token: tokenFile(t, bad)}); err == nil {
			t.Errorf("a token of %d bytes was taken", len(bad))
		}
	}
	if _, err := New(Options{Token: t.TempDir()}); err == nil {
		t.Error("a folder was taken for a token")
	}
}

// Without a token nobody can act by one, whatever is shown.
func TestNoToken(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d, func(o *Options) { o.Token = "" })
	measured(t, h)
	for _, said := range []string{"", "x", secret} {
		code, _ := call(s, "POST", "/api/containers/ID/stop", "{}", with("Authorization", "Bearer "+said))
		if code != 401 && code != 403 {
			t.Errorf("%q: %d", said, code)
		}
	}
	if got := d.acts(); len(got) > 0 {
		t.Errorf("done: %v", got)
	}
}

// The values of a container's environment are for holders.
func TestEnvironment(t *testing.T) {
	s, h := serve(t, newDaemon(1))
	measured(t, h)
	_, body := call(s, "GET", "/api/containers/ID", "")
	if !strings.Contains(body, "PASSWORD") || strings.Contains(body, "hunter2") {
		t.Errorf("for all: %s", body)
	}
	_, body = call(s, "GET", "/api/containers/ID", "", with("Authorization", "Bearer "+secret))
	if !strings.Contains(body, "hunter2") {
		t.Errorf("for a holder: %s", body)
	}
}

// What is not known, not plain or too long is refused before a daemon hears of it.
func TestBadRequests(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d)
	measured(t, h)
	token := with("Authorization", "Bearer "+secret)
	for _, one := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/nothing", "", 404},
		{"GET", "/../server.go", "", 307},
		{"GET", "/api/nothing", "", 404},
		{"DELETE", "/api/hosts", "", 405},
		{"OPTIONS", "/api/hosts", "", 405},
		{"GET", "/api/hosts/x", "", 404},
		{"GET", "/api/containers/" + strings.Repeat("f", 64), "", 404},
		{"GET", "/api/containers/..%2f..%2fimages%2fx", "", 404},
		{"GET", "/api/history?host=other&series=host&from=1&to=2&points=1", "", 404},
		{"GET", "/api/history?series=../x&from=1&to=2&points=1", "", 400},
		{"GET", "/api/history?series=host&from=2&to=1&points=1", "", 400},
		{"GET", "/api/history?series=host&from=1&to=2&points=9999999", "", 400},
		{"GET", "/api/history?series=host&from=-1&to=99999999999999999999&points=1", "", 400},
		{"GET", "/api/events?from=x&to=2", "", 400},
		{"GET", "/api/containers/ID/log?tail=all", "", 400},
		{"POST", "/api/containers/ID/explode", "{}", 404},
		{"POST", "/api/containers/ID/stop", "", 400},
		{"POST", "/api/containers/ID/stop", "{} {}", 400},
		{"POST", "/api/containers/ID/update", `{"Memroy":1}`, 400},
		{"POST", "/api/containers/ID/update", `{"CPUs":"` + strings.Repeat("9", maxBody) + `"}`, 413},
		{"POST", "/api/containers/ID/shell", `{"Rows":0,"Columns":80}`, 400},
		{"POST", "/api/containers/ID/shell", `{"Rows":24,"Columns":100000}`, 400},
		{"POST", "/api/images/remove", `{"Name":"../containers/x"}`, 400},
		{"POST", "/api/images/remove", `{"Name":"x?force=1"}`, 400},
		{"POST", "/api/volumes/remove", `{"Name":""}`, 400},
		{"POST", "/api/networks/create", "{\"Name\":\"a\\u0000b\"}", 400},
		{"GET", "/api/shells/guess", "", 403},
		{"POST", "/api/shells/guess/size", `{"Rows":1,"Columns":1}`, 403},
	} {
		code, body := call(s, one.method, one.path, one.body, token)
		if code != one.want {
			t.Errorf("%s %s %.60s: %d, want %d: %s", one.method, one.path, one.body, code, one.want, body)
		}
	}
	if got := d.acts(); len(got) > 0 {
		t.Errorf("reached the daemon: %v", got)
	}
}

// Every answer binds browsers.
func TestHeaders(t *testing.T) {
	s, _ := serve(t, newDaemon(0))
	for _, path := range []string{"/", "/nothing", "/api/hosts", "/api/containers/x"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'",
			"base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "", "Set-Cookie": ""} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// What is done may take longer than a request may take to arrive.
func TestSlowAction(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d)
	s.bodyWait, d.slow = 50*time.Millisecond, 400*time.Millisecond
	measured(t, h)
	r, err := http.NewRequest("POST", "http://"+listening(t, s)+"/api/containers/"+containerID(0)+"/restart",
		strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, ownHeader: {"1"}, "Authorization": {"Bearer " + secret}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// A body that does not come is not waited for.
func TestSlowBody(t *testing.T) {
	s, h := serve(t, newDaemon(1))
	s.bodyWait = 50 * time.Millisecond
	measured(t, h)
	c, err := net.Dial("tcp", listening(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "POST /api/containers/%s/stop HTTP/1.1\r\nHost: localhost\r\n%s: 1\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{", containerID(0), ownHeader, secret)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 400 {
		t.Errorf("%s", answer.Status)
	}
}
