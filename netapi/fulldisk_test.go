package netapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// TestFullDisk: an error of a full disk says what to do wherever a client meets it: in the reply, in what inspect
// keeps of a start, on the stream of an exec, in the result of a health check.
func TestFullDisk(t *testing.T) {
	e := startEdge(t)
	told := func(where string, text []byte) {
		t.Helper()
		if n := bytes.Count(text, []byte("docker system prune")); n != 1 ||
			!bytes.Contains(text, []byte("no space left on device")) {
			t.Errorf("%s: %s", where, text)
		}
	}
	e.must(t, "POST", "/containers/create?name=big", "application/json",
		[]byte(`{"Image":"edge","Cmd":["big"],"HostConfig":{"NetworkMode":"host"}}`))
	status, reply := e.ask(t, &call{method: "POST"}, "/containers/big/start", "", nil)
	if status != http.StatusInternalServerError {
		t.Errorf("start: %d", status)
	}
	told("start", reply)
	var c struct{ State struct{ Error string } }
	if err := json.Unmarshal(e.must(t, "GET", "/containers/big/json", "", nil), &c); err != nil {
		t.Fatal(err)
	}
	told("State.Error", []byte(c.State.Error))
	for _, detach := range []bool{false, true} {
		var x struct{ ID string }
		if err := json.Unmarshal(e.must(t, "POST", "/containers/running/exec", "application/json",
			[]byte(`{"AttachStdout":true,"Cmd":["big"]}`)), &x); err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"Detach":%v}`, detach)
		head := "POST /exec/" + x.ID + "/start HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n"
		told(fmt.Sprint("exec, detached: ", detach),
			e.send(t, fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)))
	}
}

// TestLogThatCannotBeRead: the reply has begun, so the error is a line of it, for `docker logs` and for attach.
func TestLogThatCannotBeRead(t *testing.T) {
	e := startEdge(t)
	at := filepath.Join(filepath.Dir(e.socket), "data/containers", e.id, e.id+"-json.log")
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	attach := "POST /containers/running/attach?logs=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
	for what, reply := range map[string][]byte{
		"logs": e.must(t, "GET", "/containers/running/logs?stdout=1&stderr=1", "", nil), "attach": e.send(t, []byte(attach)),
	} {
		if !bytes.Contains(reply, []byte("\x02\x00\x00\x00")) || !bytes.Contains(reply, []byte("Error grabbing logs: ")) {
			t.Errorf("%s: %q", what, reply)
		}
	}
}
