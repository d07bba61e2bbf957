package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

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

// A new limit of memory keeps the swap that a container had, and what is not said stays as it is.
func TestUpdate(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d)
	measured(t, h)
	for _, one := range []struct {
		body string
		want map[string]float64 // nil: refused
	}{
		{`{"Memory":1073741824}`, map[string]float64{"Memory": 1 << 30, "MemorySwap": 1<<30 + 88<<20, "NanoCpus": 0}},
		{`{"CPUs":1.5}`, map[string]float64{"NanoCpus": 1.5e9, "Memory": 0, "MemorySwap": 0}},
		{`{"Pids":7}`, map[string]float64{"PidsLimit": 7}},
		{`{"CPUs":1e300}`, nil}, {`{"CPUs":-1}`, nil}, {`{"Memory":"1g"}`, nil},
	} {
		code, said := call(s, "POST", "/api/containers/ID/update", one.body, with("Authorization", "Bearer "+secret))
		if one.want == nil {
			if code != 400 {
				t.Errorf("%s: %d %s", one.body, code, said)
			}
			continue
		}
		d.mu.Lock()
		var got map[string]any
		err := json.Unmarshal([]byte(d.bodies["update"]), &got)
		d.mu.Unlock()
		for key, want := range one.want {
			if err != nil || code != 200 || got[key] != want {
				t.Errorf("%s: %s is %v, want %v (%d %s %v)", one.body, key, got[key], want, code, said, err)
			}
		}
	}
}
