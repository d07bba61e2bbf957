package netapi

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestBadBodies sends to every endpoint with a JSON body what is none, in versions old and new. Each is refused with
// 400 and words, as Docker does; nothing is made, and no handler panics.
func TestBadBodies(t *testing.T) {
	e := startEdge(t)
	before := string(e.must(t, "GET", "/containers/json?all=1&size=0", "", nil))
	for _, path := range []string{"/containers/create", "/containers/running/exec", "/containers/running/update",
		"/networks/create", "/networks/none/connect", "/networks/none/disconnect", "/volumes/create", "/auth",
		"/exec/none/start"} {
		for _, body := range []string{`{`, `[]`, `"text"`, `5`, `{"a":1`, `{"a":}`, `<html>`, "\x00", `{}{}`, `{} x`,
			strings.Repeat(`[`, 20000), strings.Repeat(`{"a":`, 20000)} {
			for _, at := range []string{"/v1.24", "/v1.44", ""} {
				status, reply := e.ask(t, &call{method: "POST"}, at+path, "application/json", []byte(body))
				var said struct{ Message string }
				if err := json.Unmarshal(reply, &said); status != 400 && !(path == "/exec/none/start" && status == 404) ||
					err != nil || said.Message == "" || len(said.Message) > 300 {
					t.Errorf("%s%s %.12q: %d %.200s", at, path, body, status, reply)
				}
			}
		}
	}
	if after := string(e.must(t, "GET", "/containers/json?all=1&size=0", "", nil)); len(after) != len(before) {
		t.Errorf("bodies that were refused made something: %s", after)
	}
	if said := e.panicked.Load(); said != nil {
		t.Error(*said)
	}
}

// TestOddHeaders are requests whose heads are odd: what is only odd is served, what is wrong is refused with words.
func TestOddHeaders(t *testing.T) {
	e := startEdge(t)
	long := strings.Repeat("x", 70<<10)
	for _, row := range []struct {
		head   string
		status int
		says   string
	}{
		{"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", 200, "OK"},
		{"GET /_ping HTTP/1.0\r\n\r\n", 200, "OK"},
		{"GET /_ping HTTP/1.1\r\nHost: \r\n\r\n", 200, "OK"},
		{"GET /_ping HTTP/1.1\r\nHost: %2Fvar%2Frun%2Fdocker.sock\r\n\r\n", 200, "OK"},
		{"GET /_ping HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		{"GET /_ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
		{"GET /_ping HTTP/1.1\r\nHost: d\r\nAccept: nothing/at-all;q=0\r\nAccept-Encoding: br, zstd\r\n\r\n", 200, "OK"},
		{"GET /_ping HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: !!!\r\n\r\n", 200, "OK"},
		{"GET //_ping HTTP/1.1\r\nHost: d\r\n\r\n", 301, ""}, // as Docker's router
		{"GET /v1.44/_ping HTTP/1.1\r\nHost: d\r\n\r\n", 200, "OK"},
		{"GET /v1.44//_ping HTTP/1.1\r\nHost: d\r\n\r\n", 301, ""},
		{"GET /v1.4x/_ping HTTP/1.1\r\nHost: d\r\n\r\n", 404, "page not found"},
		{"GET /v0.1/containers/json HTTP/1.1\r\nHost: d\r\n\r\n", 400, "is too old"},
		{"GET /v99.1/containers/json HTTP/1.1\r\nHost: d\r\n\r\n", 400, "is too new"},
		{"GET /v1../containers/json HTTP/1.1\r\nHost: d\r\n\r\n", 400, ""},
		{"GET /containers/%zz/json HTTP/1.1\r\nHost: d\r\n\r\n", 400, ""},
		{"GET /containers/../info HTTP/1.1\r\nHost: d\r\n\r\n", 301, ""},
		{"GET /containers/a%00b/json HTTP/1.1\r\nHost: d\r\n\r\n", 404, "No such container"},
		{"BREW /containers/json HTTP/1.1\r\nHost: d\r\n\r\n", 404, "page not found"},
		{"GET /containers/" + long + "/json HTTP/1.1\r\nHost: d\r\n\r\n", 404, "No such container"},
		{"GET /containers/json?all=" + long + " HTTP/1.1\r\nHost: d\r\n\r\n", 200, "edge"},
		{"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n", 400, ""},
		{"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, ""},
		{"POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: rot13\r\n\r\n", 501, ""},
		{"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: " +
			"chunked\r\n\r\n" +
			"zz\r\n", 400, ""},
	} {
		c := e.dial(t)
		if _, err := fmt.Fprint(c, row.head); err != nil {
			t.Errorf("%.60q: %v", row.head, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%.60q: %v", row.head, err)
			c.Close()
			continue
		}
		text := make([]byte, 4096)
		n, _ := res.Body.Read(text)
		if res.StatusCode != row.status || !strings.Contains(string(text[:n]), row.says) {
			t.Errorf("%.60q: %d %.200s", row.head, res.StatusCode, text[:n])
		}
		c.Close()
	}
	if said := e.panicked.Load(); said != nil {
		t.Error(*said)
	}
}
