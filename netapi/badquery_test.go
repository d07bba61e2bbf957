package netapi

import (
	"strings"
	"testing"
)

// TestBadQueries are parameters that are none, and those that are odd and taken, with the status and the words of
// Docker.
func TestBadQueries(t *testing.T) {
	e := startEdge(t)
	e.must(t, "POST", "/containers/create?name=made", "application/json", []byte(`{"Image":"edge"}`))
	for _, row := range []struct {
		request string
		status  int
		message string
	}{
		{"POST /containers/running/resize", 400, `invalid resize height`},
		{"POST /containers/running/resize?h=1", 400, `invalid resize width`},
		{"POST /containers/running/resize?h=-1&w=1", 400, `invalid resize height`},
		{"POST /containers/running/resize?h=99999999999&w=1", 400, `invalid resize height`},
		{"POST /containers/made/resize?h=70000&w=1", 409, "is not running"},
		{"POST /exec/none/resize", 400, `invalid resize height`},
		{"POST /exec/none/resize?h=1&w=1", 404, "No such exec instance: none"},
		{"POST /containers/none/attach?stream=1", 404, "No such container: none"},
		{"GET /containers/none/attach/ws", 404, "No such container: none"},
		{"POST /containers/running/attach?stream=1&detachKeys=ctrl-xx", 400, "Invalid detach keys (ctrl-xx) provided"},
		{"POST /containers/running/wait?condition=x", 400, "invalid condition"},
		{"POST /containers/running/stop?t=x", 400, "invalid timeout"},
		{"POST /containers/running/restart?t=1.5", 400, "invalid timeout"},
		{"POST /containers/running/kill?signal=99", 400, "The linux daemon does not support signal 99"},
		{"POST /containers/made/kill", 409, "is not running"},
		{"POST /containers/running/rename", 400, "Neither old nor new names may be empty"},
		{"GET /containers/json?limit=x", 400, "invalid limit"},
		{"GET /containers/json?filters=x", 400, "invalid filter"},
		{`GET /containers/json?filters={"label":"x"}`, 400, "invalid filter"},
		{`GET /containers/json?filters={"is-task":["x"]}`, 400, "invalid filter 'is-task=[x]'"},
		{`GET /containers/json?filters={"exited":["x"]}`, 400, "exited=x"},
		{`GET /networks?filters={"dangling":["x"]}`, 400, `invalid value for filter 'dangling', must be`},
		{`GET /networks?filters={"type":["x"]}`, 400, "invalid filter: 'type'='x'"},
		{`GET /networks?filters={"type":["custom"]}`, 200, ""},
		{`GET /volumes?filters={"dangling":["x"]}`, 400, "invalid filter 'dangling=[x]'"},
		{`GET /images/json?filters={"dangling":["x"]}`, 400, "invalid filter 'dangling=[x]'"},
		{`POST /containers/prune?filters={"until":["x"]}`, 400, "failed to parse value as time or duration"},
		{"POST /build/prune?keep-storage=x", 400, "keep-storage is in bytes and expects an integer, got x"},
		{"POST /build/prune?reserved-space=1g", 400, "reserved-space is in bytes and expects an integer"},
		{"POST /build/prune?keep-storage=100", 200, ""},
		{"GET /events?since=x", 400, "invalid syntax"},
		{"GET /events?since=5&until=2", 400, "cannot be after"},
		{"GET /containers/running/logs", 400, "you must choose at least one stream"},
		{"GET /containers/running/logs?stdout=1&since=x", 400, "invalid syntax"},
		{"GET /containers/running/archive", 400, "cannot be empty"},
		{"POST /commit", 400, `invalid name or ID supplied: \"\"`},
		{"POST /commit?container=running&repo=UP", 400, "must be lowercase"},
		{"POST /commit?container=running&changes=nonsense", 400, "nonsense is not a valid change command"},
		{"POST /images/edge/tag?repo=UP", 400, "must be lowercase"},
		{"GET /images/UP/json", 400, "must be lowercase"},
		{"DELETE /images/UP", 400, "must be lowercase"},
		{"POST /images/create?fromSrc=-&repo=i&tag=a%20b", 400, "invalid tag format"},
		{"POST /images/create?fromImage=x&platform=no/sense/at/all", 400, "cannot parse platform specifier"},
		{"GET /images/search?term=x&limit=1000", 400, "imit 1000 is outside the range of [1, 100]"},
	} {
		method, path, _ := strings.Cut(row.request, " ")
		status, body := e.ask(t, &call{method: method}, strings.ReplaceAll(path, `"`, "%22"), "", nil)
		if status != row.status || !strings.Contains(string(body), row.message) {
			t.Errorf("%s: %d %s", row.request, status, body)
		}
	}
	for name, want := range map[string]string{"%2F": "Invalid container name (/)", "a%20b": "Invalid container name (a b)",
		"%2F%2Fa": "Invalid container name (//a)", "a": "Invalid container name (a)"} {
		status, body := e.ask(t, &call{method: "POST"}, "/containers/create?name="+name, "application/json",
			[]byte(`{"Image":"edge"}`))
		if status != 400 || !strings.Contains(string(body), want) {
			t.Errorf("name %s: %d %s", name, status, body)
		}
	}
	for _, sort := range []string{"", "text/plain", "application/xml", "application/jsonx"} {
		for _, path := range []string{"/containers/create", "/containers/running/exec", "/containers/running/update",
			"/volumes/create", "/networks/create", "/commit?container=running"} {
			if status, body := e.ask(t, &call{method: "POST"}, path, sort, []byte(`{"Cmd":["x"]}`)); status != 400 ||
				!strings.Contains(string(body), "unsupported Content-Type header ("+sort+"): must be 'application/json'") {
				t.Errorf("%s as %s: %d %s", path, sort, status, body)
			}
		}
	}
}
