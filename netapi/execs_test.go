package netapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// prepare creates an exec in a container.
func (e *edge) prepare(tb testing.TB, container string) string {
	tb.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal(e.must(tb, "POST", "/containers/"+container+"/exec", "application/json",
		[]byte(`{"Cmd":["x"]}`)), &made); err != nil {
		tb.Fatal(err)
	}
	return made.ID
}

// is checks the status of a reply that has no streams.
func (e *edge) is(tb testing.TB, want int, method, path string) {
	tb.Helper()
	if status, reply := e.ask(tb, &call{method: method}, path, "application/json",
		[]byte(`{"Detach":true}`)); status != want {
		tb.Errorf("%s %s: %d %s, want %d", method, path, status, reply, want)
	}
}

// TestExecsGo: an exec is there as long as Docker has it: one that waits until its container stops, one that ended
// until the container is removed.
func TestExecsGo(t *testing.T) {
	e := startEdge(t)
	waits, ended := e.prepare(t, "running"), e.prepare(t, "running")
	e.is(t, http.StatusOK, "POST", "/exec/"+ended+"/start")
	e.is(t, http.StatusOK, "GET", "/exec/"+waits+"/json")
	e.must(t, "POST", "/containers/running/stop", "", nil)
	e.is(t, http.StatusNotFound, "GET", "/exec/"+waits+"/json")
	e.is(t, http.StatusOK, "GET", "/exec/"+ended+"/json")
	e.must(t, "POST", "/containers/running/start", "", nil)
	e.is(t, http.StatusNotFound, "POST", "/exec/"+waits+"/start")
	e.is(t, http.StatusOK, "GET", "/exec/"+ended+"/json")
	e.must(t, "DELETE", "/containers/running?force=1", "", nil)
	e.is(t, http.StatusNotFound, "GET", "/exec/"+ended+"/json")
	e.is(t, http.StatusNotFound, "POST", "/exec/"+ended+"/resize?h=1&w=1")
}

// TestExecsAreBounded: a client that prepares execs without end costs no more memory than so many.
func TestExecsAreBounded(t *testing.T) {
	e := startEdge(t)
	const more = 5000
	first := e.prepare(t, "running")
	for range more {
		e.prepare(t, "running")
	}
	last := e.prepare(t, "running")
	var c struct{ ExecIDs []string }
	if err := json.Unmarshal(e.must(t, "GET", "/containers/running/json", "", nil), &c); err != nil {
		t.Fatal(err)
	}
	if n := len(c.ExecIDs); n >= more {
		t.Errorf("%d execs are kept", n)
	}
	e.is(t, http.StatusNotFound, "GET", fmt.Sprintf("/exec/%s/json", first))
	e.is(t, http.StatusOK, "POST", fmt.Sprintf("/exec/%s/start", last))
}

// TestResizeWaits: a change of the terminal that overtakes the start of its exec waits for that.
func TestResizeWaits(t *testing.T) {
	e := startEdge(t)
	id := e.prepare(t, "running")
	resized := make(chan int, 1)
	go func() {
		status, _ := e.ask(t, &call{method: "POST"}, "/exec/"+id+"/resize?h=1&w=1", "", nil)
		resized <- status
	}()
	select {
	case status := <-resized:
		t.Fatalf("answered before the start: %d", status)
	case <-time.After(50 * time.Millisecond):
	}
	e.is(t, http.StatusOK, "POST", "/exec/"+id+"/start")
	if status := <-resized; status != http.StatusOK {
		t.Errorf("status %d after the start", status)
	}
}
