package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/personalities/top/hosts"
)

// listening serves a page on loopback and returns its address.
func listening(t *testing.T, s *Server) string {
	t.Helper()
	l, err := Listen("127.0.0.1:0", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	return l.Addr().String()
}

// open opens the stream of a page, and returns what reads its messages of a kind.
func open(t *testing.T, address string) (next func(kind string, into any), body io.Closer) {
	t.Helper()
	answer, err := http.Get("http://" + address + "/api/stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%s %s", answer.Status, got)
	}
	in := bufio.NewReaderSize(answer.Body, 1<<20)
	return func(kind string, into any) {
		t.Helper()
		for last := ""; ; {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("the stream: %v", err)
			}
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				last = strings.TrimSpace(name)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok && last == kind {
				if err := json.Unmarshal([]byte(data), into); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
	}, answer.Body
}

// A page gets what describes a host, then its numbers, and the description again when it changes. Without a page
// nothing is measured.
func TestStream(t *testing.T) {
	d := newDaemon(2)
	s, _ := serve(t, d)
	if d.watched() != 0 {
		t.Error("measured before a page was open")
	}
	next, body := open(t, listening(t, s))
	var about description
	for len(about.Containers) < 2 {
		next("host", &about)
	}
	if about.Kind != "box" || about.Dead || about.Containers[1].Name != "db" {
		t.Errorf("%+v", about)
	}
	var now, later numbers
	next("now", &now)
	next("now", &later)
	if !later.At.After(now.At) || len(later.Containers[containerID(0)]) != 11 || later.Machine.CPUs != 4 {
		t.Errorf("%+v", later)
	}
	d.change(containerID(1), "exited")
	for about.Containers[1].State != "exited" {
		next("host", &about)
	}
	body.Close()
	within(t, "the end of the measuring", func() bool { return d.watched() == 0 })
}

// Two pages cost one measuring.
func TestTwoPages(t *testing.T) {
	d := newDaemon(1)
	s, _ := serve(t, d)
	address := listening(t, s)
	one, first := open(t, address)
	two, _ := open(t, address)
	var now numbers
	one("now", &now)
	two("now", &now)
	if n := d.watched(); n != 1 {
		t.Errorf("%d measure", n)
	}
	first.Close()
	for range 5 {
		two("now", &now)
	}
}

// narrow is a listener whose connections hold little that is on its way.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*limitedConn).Conn.(*net.TCPConn).SetWriteBuffer(8 << 10)
	}
	return c, err
}

// A page that takes nothing is cut off, and slows nobody; what waits for it is bounded.
func TestSlowPage(t *testing.T) {
	d := newDaemon(20)
	d.every = 10 * time.Millisecond
	s, _ := serve(t, d)
	l, err := Listen("127.0.0.1:0", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	l.Listener = narrow{l.Listener}
	go s.Serve(l)
	address := l.Addr().String()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /api/stream HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	viewers := func() int {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		return len(s.hub.viewers)
	}
	within(t, "the slow page", func() bool { return viewers() == 1 })
	next, _ := open(t, address)
	var now numbers
	within(t, "the slow page to be cut off", func() bool {
		next("now", &now)
		return viewers() == 1
	})
	for range 5 {
		next("now", &now)
	}
}

// Pages beyond the limit are told so.
func TestTooManyPages(t *testing.T) {
	s, _ := serve(t, newDaemon(0))
	for range maxViewers {
		if s.hub.join() == nil {
			t.Fatal("refused below the limit")
		}
	}
	if code, body := call(s, "GET", "/api/stream", ""); code != http.StatusTooManyRequests {
		t.Errorf("%d %s", code, body)
	}
}

// A host that dies is shown as dead, with what it was, and is alive again when it is back. Others go on meanwhile.
func TestDeadHost(t *testing.T) {
	d, other := newDaemon(3), newDaemon(1)
	path := filepath.Join(t.TempDir(), "s")
	stop := serveAt(t, path, d)
	s, err := New(Options{Hosts: []*hosts.Host{hostAt(t, "a", path), hostOf(t, "b", other)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	next, _ := open(t, listening(t, s))
	until := func(what string, ok func(description) bool) {
		t.Helper()
		var about description
		for !ok(about) {
			about = description{}
			next("host", &about)
		}
	}
	until("alive", func(h description) bool { return h.Host == "a" && len(h.Containers) == 3 })
	stop()
	began := time.Now()
	until("dead", func(h description) bool {
		return h.Host == "a" && h.Dead && h.Err != "" && len(h.Containers) == 3 && h.Since.After(began.Add(-time.Minute))
	})
	var now numbers
	for now.Host != "b" {
		next("now", &now)
	}
	serveAt(t, path, d)
	until("back", func(h description) bool { return h.Host == "a" && !h.Dead })
	if code, _ := call(s, "GET", "/api/disk?host=a", ""); code != 200 {
		t.Errorf("its disk, when it is back: %d", code)
	}
}

// What containers say is text in JSON, whatever it is.
func TestHostileNames(t *testing.T) {
	d := newDaemon(1)
	hostile := "</script><img src=x onerror=alert(1)>\n\ndata: {}\n\nevent: host\x1b[2J\u2028\xff"
	c := &d.set.Containers[0]
	c.Image, c.LastError, c.Labels = hostile, strings.Repeat(hostile, 1000), map[string]string{projectLabel: hostile}
	c.Ports = make([]string, 50)
	for i := range c.Ports {
		c.Ports[i] = strings.Repeat("9", 5000)
	}
	s, _ := serve(t, d)
	next, _ := open(t, listening(t, s))
	var about description
	for len(about.Containers) == 0 {
		next("host", &about)
	}
	r := about.Containers[0]
	if r.Project != strings.ToValidUTF8(hostile, "\uFFFD") || len(r.LastError) > 3*maxText || len(r.Ports) > 16 {
		t.Errorf("%q, an error of %d bytes, %d ports", r.Project, len(r.LastError), len(r.Ports))
	}
	raw := describe(&hosts.State{Name: hostile, Set: &sample.Set{Containers: d.set.Containers}}, nil)
	if n := strings.Count(string(raw), "\n"); n != 3 || len(raw) > 32<<10 {
		t.Errorf("%d lines in a message of %d bytes", n, len(raw))
	}
}

// Events are in their order, the last ones if there are too many, without what health checks start.
func TestEvents(t *testing.T) {
	s, _ := serve(t, newDaemon(1))
	_, body := call(s, "GET", "/api/events?from=1000000&to=1600000", "")
	var list []event
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var actions []string
	for i, e := range list {
		actions = append(actions, e.Action)
		if e.At <= 1000000 || e.At >= 1600000 || i > 0 && e.At < list[i-1].At {
			t.Errorf("%+v", e)
		}
	}
	if got := strings.Join(actions, ","); got != "start,health unhealthy,die,oom" {
		t.Errorf("%s", got)
	}
	if list[2].Exit != "137" || list[2].Name != "web" {
		t.Errorf("%+v", list[2])
	}
}

func TestManyEvents(t *testing.T) {
	r := &lastEvents{}
	for i := range 2*maxEvents + 7 {
		r.add(event{At: int64(i)})
	}
	got := r.list()
	if len(got) != maxEvents || got[0].At != maxEvents+7 || got[maxEvents-1].At != 2*maxEvents+6 {
		t.Errorf("%d events, from %d to %d", len(got), got[0].At, got[len(got)-1].At)
	}
	if got := (&lastEvents{}).list(); got == nil || len(got) != 0 {
		t.Errorf("without events: %v", got)
	}
}

// The log comes as lines with their stream, bounded, and is followed.
func TestLog(t *testing.T) {
	s, h := serve(t, newDaemon(1))
	measured(t, h)
	answer, err := http.Get("http://" + listening(t, s) + "/api/containers/" + containerID(0) + "/log?tail=100&follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	in := bufio.NewScanner(answer.Body)
	for i := range 35 { // the last ones are followed
		if !in.Scan() {
			t.Fatalf("line %d: %v", i, in.Err())
		}
		want := fmt.Sprintf("line %d <b>of</b> the log, 안녕", i)
		stream := "o"
		if i%7 == 6 {
			stream = "e"
		}
		if line := in.Text(); !strings.HasPrefix(line, stream+"20") || !strings.HasSuffix(line, want) {
			t.Errorf("%q, want %s … %q", line, stream, want)
		}
	}
}

type flushed struct{ *strings.Builder }

func (f flushed) Header() http.Header { return http.Header{} }
func (f flushed) WriteHeader(int)     {}
func (f flushed) Flush()              {}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, one := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"lines in pieces", []string{"a", "b\nc", "\n", "d"}, "oab\noc\nod\n"},
		{"ends of a terminal", []string{"a\r\nb\r\n"}, "oa\nob\n"},
		{"empty lines", []string{"\n\n"}, "o\no\n"},
		{"nothing", nil, ""},
		{"a line of the longest", []string{long, "\n"}, "o" + long + "\n"},
		{"a longer one", []string{long, "yy", "y\n", "z\n"}, "o" + long + "…\noz\n"},
		{"a longer one at once", []string{long + "yyy\nz\n"}, "o" + long + "…\noz\n"},
	} {
		var out strings.Builder
		l := &lines{out: newFlow(flushed{&out}), stream: 'o'}
		for _, p := range one.pieces {
			if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%s: %d %v", one.name, n, err)
			}
		}
		if err := l.end(); err != nil || out.String() != one.want {
			t.Errorf("%s: %.60q %v", one.name, out.String(), err)
		}
	}
}

// What grows is told from the first and the last moment that were measured.
func TestSlope(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	for _, one := range []struct {
		name   string
		values []*float64
		want   float64
		ok     bool
	}{
		{"steady", []*float64{v(0), v(10), v(20)}, 1, true},
		{"with gaps", []*float64{nil, v(100), nil, v(300), nil}, 10, true},
		{"not counted at first", []*float64{v(-1), v(50), v(40)}, -1, true},
		{"once", []*float64{nil, v(7), nil}, 0, false},
		{"never", []*float64{nil, nil}, 0, false},
		{"nothing", nil, 0, false},
	} {
		h := sample.History{Step: 10, Columns: []string{"cpu", "disk"}, Values: [][]*float64{nil, one.values}}
		if got, ok := slope(h, "disk"); got != one.want || ok != one.ok {
			t.Errorf("%s: %v %v", one.name, got, ok)
		}
	}
	if _, ok := slope(sample.History{}, "disk"); ok {
		t.Error("a column that is not there")
	}
}

func TestEventOf(t *testing.T) {
	for action, want := range map[string]string{"exec_start: sh -c x": "", "exec_die": "", "top": "", "start": "start",
		"health_status: healthy": "health healthy", "die": "die"} {
		e := client.Event{Type: "container"}
		raw, err := json.Marshal(map[string]string{"Type": "container", "Action": action})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if got, _ := eventOf(&e); got.Action != want {
			t.Errorf("%s: %q, want %q", action, got.Action, want)
		}
	}
}

// What is wrong on a host reaches the page as soon as it is known.
func TestWrong(t *testing.T) {
	said := make(chan []string, 1)
	said <- nil
	s, _ := serve(t, newDaemon(1), func(o *Options) {
		o.Wrong = func(host string) []string {
			now := <-said
			said <- now
			return now
		}
	})
	next, _ := open(t, listening(t, s))
	var about description
	next("host", &about)
	if len(about.Wrong) > 0 {
		t.Errorf("%q", about.Wrong)
	}
	<-said
	said <- []string{"it is hot"}
	for len(about.Wrong) == 0 {
		next("host", &about)
	}
	if about.Wrong[0] != "it is hot" {
		t.Errorf("%q", about.Wrong)
	}
}
