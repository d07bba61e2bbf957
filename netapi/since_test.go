package netapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"box/netapi/version"
)

// TestAnnotationFilter: containers are listed by their annotations since 1.56, by name or by name and value, of
// several all.
func TestAnnotationFilter(t *testing.T) {
	e := startEdge(t)
	for name, annotations := range map[string]string{"one": `{"color":"blue","size":""}`, "two": `{"color":"red"}`,
		"three": `{}`} {
		e.must(t, "POST", "/v1.43/containers/create?name="+name, "application/json",
			[]byte(`{"Image":"edge","HostConfig":{"NetworkMode":"host","Annotations":`+annotations+`}}`))
	}
	for _, row := range []struct {
		values string
		count  int
	}{
		{`["color"]`, 2}, {`["color=blue"]`, 1}, {`["color=blue","size"]`, 1}, {`["color=red","size"]`, 0}, {`["size="]`, 1},
		{`["col"]`, 0}, {`[]`, 4}, {`{"color=red":true}`, 1},
	} {
		var list []struct{ ID string }
		path := "/v1.56/containers/json?all=1&filters=" +
			strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D").Replace(`{"annotation":`+row.values+`}`)
		if err := json.Unmarshal(e.must(t, "GET", path, "", nil), &list); err != nil || len(list) != row.count {
			t.Errorf("%s: %d containers (%v), want %d", row.values, len(list), err, row.count)
		}
	}
	status, reply := e.ask(t, &call{method: "GET"}, "/v1.55/containers/json?filters=%7B%22annotation%22:[%22a%22]%7D", "",
		nil)
	if status != http.StatusBadRequest || !bytes.Contains(reply, []byte("invalid filter 'annotation'")) {
		t.Errorf("1.55: %d %s", status, reply)
	}
}

// TestUmaskField: a mask is taken and shown since 1.56.
func TestUmaskField(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct{ made, seen, want string }{
		{"1.56", "1.56", "18"}, {"1.56", "1.55", "absent"}, {"1.55", "1.56", "absent"},
	} {
		e.must(t, "POST", "/v"+row.made+"/containers/create?name=masked", "application/json",
			[]byte(`{"Image":"edge","HostConfig":{"NetworkMode":"host","Umask":18}}`))
		var c struct{ HostConfig map[string]json.RawMessage }
		if err := json.Unmarshal(e.must(t, "GET", "/v"+row.seen+"/containers/masked/json", "", nil), &c); err != nil {
			t.Fatal(err)
		}
		got, there := string(c.HostConfig["Umask"]), c.HostConfig["Umask"] != nil
		if !there {
			got = "absent"
		}
		if got != row.want {
			t.Errorf("made at %s, seen at %s: %s, want %s", row.made, row.seen, got, row.want)
		}
		e.must(t, "DELETE", "/containers/masked", "", nil)
	}
}

// TestEventForms: since 1.52 a client says in which form it reads events.
func TestEventForms(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct{ version, accept, want string }{
		{"1.51", "application/json-seq", "application/json"},
		{"1.52", "application/json-seq", "application/json-seq"},
		{"1.52", "application/x-ndjson;q=0.5, application/json-seq;q=0.4", "application/x-ndjson"},
		{"1.52", "application/jsonl", "application/json"},
		{"1.53", "application/jsonl", "application/jsonl"},
		{"1.53", "application/jsonl;q=0, application/*;q=0.1", "application/x-ndjson"},
		{"1.53", "*/*", "application/jsonl"},
		{version.Max, "text/html", "application/json"},
		{version.Max, "", "application/json"},
	} {
		head := fmt.Sprintf("GET /v%s/events?since=1&until=%d HTTP/1.1\r\nHost: d\r\nConnection: close\r\n", row.version,
			time.Now().Unix()+1)
		if row.accept != "" {
			head += "Accept: " + row.accept + "\r\n"
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(e.send(t, []byte(head+"\r\n")))), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if got := res.Header.Get("Content-Type"); got != row.want || err != nil {
			t.Errorf("%s, %q: %q (%v), want %q", row.version, row.accept, got, err, row.want)
		}
		lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
		for _, line := range lines {
			text, marked := bytes.CutPrefix(line, []byte{0x1e})
			if marked != (row.want == "application/json-seq") || !json.Valid(text) {
				t.Errorf("%s, %q: %q", row.version, row.accept, line)
			}
		}
		if len(lines) < 2 {
			t.Errorf("%s, %q: %d events", row.version, row.accept, len(lines))
		}
	}
}

// TestVolumeUpdate: only volumes of a swarm can be changed, and this daemon is in none.
func TestVolumeUpdate(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct {
		path, body, message string
		status              int
	}{
		{"/v1.42/volumes/any?version=1", `{}`, "volume update only valid for cluster volumes, but swarm is unavailable", 503},
		{"/v1.56/volumes/any?version=1", `{"Spec":{"Availability":"drain"}}`,
			"volume update only valid for cluster volumes, but swarm is unavailable", 503},
		{"/volumes/any", ``, "volume update only valid for cluster volumes, but swarm is unavailable", 503},
	} {
		status, reply := e.ask(t, &call{method: "PUT"}, row.path, "application/json", []byte(row.body))
		if status != row.status || !bytes.Contains(reply, []byte(row.message)) {
			t.Errorf("%s %s: %d %s", row.path, row.body, status, reply)
		}
	}
}
