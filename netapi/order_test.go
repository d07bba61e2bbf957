package netapi

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// seen is an event of the container that a test is about, with the state that an inspection shows that is asked for
// as soon as the event is there.
type seen struct{ action, state string }

// follow gives the events of containers from now on.
func (e *edge) follow(tb testing.TB) <-chan seen {
	c := e.dial(tb)
	tb.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: d\r\n\r\n"); err != nil {
		tb.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		tb.Fatal(err)
	}
	out := make(chan seen, 1000)
	go func() {
		defer close(out)
		for d := json.NewDecoder(res.Body); ; {
			var m struct{ Type, Action, ID string }
			if d.Decode(&m) != nil {
				return
			}
			if m.Type == "container" {
				out <- seen{m.Action, e.state(m.ID)}
			}
		}
	}()
	return out
}

// state is what inspect says of a container: how it is, or gone. It may be asked for when the test has ended.
func (e *edge) state(ref string) string {
	dialed := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", e.socket) }}}
	res, err := dialed.Get("http://d/containers/" + ref + "/json")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var c struct {
		State struct {
			Status              string
			Running, Restarting bool
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil || res.StatusCode == http.StatusNotFound {
		return "gone"
	}
	if up := slices.Contains([]string{"running", "paused", "restarting"}, c.State.Status); c.State.Running != up ||
		c.State.Restarting != (c.State.Status == "restarting") {
		return fmt.Sprintf("%+v", c.State)
	}
	return c.State.Status
}

// TestEventsInOrder: events come in Docker's order, and who looks when one arrives finds what it tells of.
func TestEventsInOrder(t *testing.T) {
	e := startEdge(t)
	events := e.follow(t)
	const stays, ends = `{"Image":"edge","HostConfig":{"NetworkMode":"host"}}`,
		`{"Image":"edge","Cmd":["false"],"HostConfig":{"NetworkMode":"host","AutoRemove":true}}`
	for _, step := range []struct{ request, body, want string }{
		{"POST /containers/create?name=xx", stays, "create created"},
		{"POST /containers/xx/start", "", "start running"},
		{"POST /containers/xx/pause", "", "pause paused"},
		{"POST /containers/xx/unpause", "", "unpause running"},
		{"POST /containers/xx/kill?signal=HUP", "", "kill running"},
		{"POST /containers/xx/stop", "", "kill *,die exited,stop exited"},
		{"POST /containers/xx/start", "", "start running"},
		{"POST /containers/xx/restart", "", "kill *,die *,stop *,start running,restart running"},
		{"POST /containers/xx/kill", "", "kill *,die exited"},
		{"POST /containers/xx/rename?name=yy", "", "rename exited"},
		{"POST /containers/yy/start", "", "start running"},
		{"DELETE /containers/yy?force=1", "", "kill *,die *,destroy gone"},
		{"POST /containers/create?name=zz", ends, "create created"},
		{"POST /containers/zz/start", "", "start *,die *,destroy gone"},
	} {
		method, path, _ := strings.Cut(step.request, " ")
		e.must(t, method, path, "application/json", []byte(step.body))
		for want := range strings.SplitSeq(step.want, ",") {
			got := <-events
			action, state, _ := strings.Cut(want, " ")
			if got.action != action || state != "*" && got.state != state ||
				action == "die" && got.state == "running" && !strings.Contains(path, "restart") {
				t.Fatalf("%s: event %s, when it is %s; want %s", step.request, got.action, got.state, want)
			}
		}
	}
}

// TestManyReadersOfEvents: 15 clients get each of 50,000 events once, in order, while five do not read.
func TestManyReadersOfEvents(t *testing.T) {
	const total, live, stalled = 50_000, 15, 5
	e := startEdge(t)
	over := make(chan error, live)
	for n := range live + stalled {
		c := e.dial(t)
		defer c.Close()
		in := bufio.NewReader(c)
		if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: d\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n < live {
			go func() { over <- readEvents(res.Body, total) }()
		}
	}
	for n := range total {
		e.engine.Events().Publish(t.Context(), "volume", "create", fmt.Sprint(n), map[string]string{"driver": "local"})
	}
	for range live {
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}

// readEvents reads events with the numbers from 0 on.
func readEvents(r io.Reader, total int) error {
	last := int64(0)
	d := json.NewDecoder(r)
	for n := range total {
		var m struct {
			Actor    struct{ ID string }
			TimeNano int64
		}
		if err := d.Decode(&m); err != nil {
			return fmt.Errorf("after %d events: %w", n, err)
		}
		if m.Actor.ID != fmt.Sprint(n) || m.TimeNano <= last {
			return fmt.Errorf("event %s at %d comes after %d, want %d", m.Actor.ID, m.TimeNano, last, n)
		}
		last = m.TimeNano
	}
	return nil
}

// TestRemoveOnDie: clients of before --rm was the daemon's remove a container when they hear that it died, which it
// must let them.
func TestRemoveOnDie(t *testing.T) {
	e := startEdge(t)
	for n := range 20 {
		name := fmt.Sprint("old", n)
		e.must(t, "POST", "/v1.24/containers/create?name="+name, "application/json",
			[]byte(`{"Image":"edge","Cmd":["false"],"HostConfig":{"NetworkMode":"host","IpcMode":"none"}}`))
		events := e.follow(t)
		e.must(t, "POST", "/v1.24/containers/"+name+"/start", "", nil)
		for m := range events {
			if m.action == "die" {
				break
			}
		}
		e.must(t, "DELETE", "/v1.24/containers/"+name+"?v=1", "", nil)
	}
}

// TestWaitUnderRestart: a wait, and an attachment, end with the program, though the restart policy starts another;
// the code is that of the end that was waited for.
func TestWaitUnderRestart(t *testing.T) {
	e := startEdge(t)
	e.must(t, "POST", "/containers/create?name=again", "application/json",
		[]byte(`{"Image":"edge","OpenStdin":true,"HostConfig":{"NetworkMode":"host","RestartPolicy":{"Name":"always"}}}`))
	e.must(t, "POST", "/containers/create?name=loop", "application/json",
		[]byte(`{"Image":"edge","Cmd":["false"],"HostConfig":{"NetworkMode":"host","RestartPolicy":{"Name":"always"}}}`))
	e.must(t, "POST", "/containers/again/start", "", nil)
	e.must(t, "POST", "/containers/loop/start", "", nil)
	for _, condition := range []string{"", "not-running", "next-exit"} {
		if got := string(e.must(t, "POST", "/containers/loop/wait?condition="+condition, "", nil)); !strings.Contains(got,
			`"StatusCode":1`) {
			t.Errorf("wait %q: %s", condition, got)
		}
	}
	attached := make(chan struct{})
	c := e.dial(t)
	defer c.Close()
	if _, err := io.WriteString(c, "POST /containers/again/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: "+
		"Upgrade\r\nUpgrade: tcp\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(attached)
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("attachment: %v", err)
		}
	}()
	e.must(t, "POST", "/containers/again/restart?t=0", "", nil)
	<-attached
}

// TestEventsSpan: what since and until ask for of the past, as Docker takes them.
func TestEventsSpan(t *testing.T) {
	e := startEdge(t)
	now := time.Now()
	e.must(t, "POST", "/volumes/create", "application/json", []byte(`{"Name":"last"}`))
	for _, row := range []struct {
		query string
		all   bool   // the past, else nothing
		fails string // with this
	}{
		{query: "since=0&until=99999999999.5", all: true},
		{query: fmt.Sprintf("until=%d", now.Unix()+1), all: true},
		{query: fmt.Sprintf("since=0&until=%d", now.Unix()+1), all: true},
		{query: fmt.Sprintf("since=%d&until=%d", now.Unix()-5, now.Unix()+1), all: true},
		{query: "since=0", all: true},
		{query: "until=1"},
		{query: "until=0"},
		{query: "since=0&until=0"},
		{query: ""},
		{query: "since=10&until=9", fails: "`since` time (10) cannot be after `until` time (9)"},
		{query: "since=abc", fails: `strconv.ParseInt: parsing \"abc\": invalid syntax`},
		{query: "until=1.5.6", fails: `strconv.ParseInt: parsing \"5.6\"`},
	} {
		c := e.dial(t)
		if _, err := io.WriteString(c, "GET /events?"+row.query+
			" HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !row.all {
			_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		}
		got := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			got += lines.Text()
			if row.all && strings.Contains(got, `"last"`) {
				break
			}
		}
		c.Close()
		if has := strings.Contains(got, `"last"`); has != row.all || !strings.Contains(got, row.fails) ||
			(row.fails != "") != (res.StatusCode == http.StatusBadRequest) {
			t.Errorf("%q: %s: %s", row.query, res.Status, got)
		}
	}
}
