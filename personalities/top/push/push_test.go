package push

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"box/engine/stats/sample"
)

// at is a measurement of one container at a second.
func at(second int, name string) *sample.Set {
	return &sample.Set{At: time.Unix(int64(second), 0), Host: sample.Host{Name: "my host"},
		Containers: []sample.Container{{ID: "abc", Name: name, Image: "a,b", State: "running",
			Labels: map[string]string{"x": "y"}, Memory: sample.Memory{Usage: 4096},
			Network: []sample.Interface{{Name: "eth0", RxBytes: 7}}}}}
}

func parsed(t *testing.T, text string) *Target {
	t.Helper()
	target, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestParse(t *testing.T) {
	for _, row := range []struct{ text, host, path string }{
		{"influxdb://h/db", "h:8086", "/write?db=db&precision=ms"},
		{"influxdbs://u:p@h:1/db", "h:1", "/write?db=db&precision=ms"},
		{"influxdb2://tok@[::1]/o/b", "[::1]:8086", "/api/v2/write?bucket=b&org=o&precision=ms"},
		{"influxdb2s://h/o/b?secret-file=/x", "h:8086", "/api/v2/write?bucket=b&org=o&precision=ms"},
		{"graphite://h", "h:2003", ""}, {"graphite://h:1/a/b", "h:1", ""},
	} {
		target := parsed(t, row.text)
		path := target.path
		if len(target.query) > 0 {
			path += "?" + target.query.Encode()
		}
		if target.host != row.host || path != row.path {
			t.Errorf("%s: %s %s", row.text, target.host, path)
		}
	}
	for _, text := range []string{"", "x", "influxdb://", "influxdb://h", "influxdb://h/", "influxdb://h/a/b",
		"influxdb2://h/o", "influxdb2://h//b", "graphites://h", "http://h/db", "influxdb://h/db?x=1", "influxdb://h/db#f",
		"graphite://h?secret-file=/x", "influxdb://u:secret@h", "://", "influxdb://%zz/db",
		"influxdb://u:secret@h/db?a=b&secret-file=x"} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), ":secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestKey: what is kept for one database is never that of another, and a new password keeps it.
func TestKey(t *testing.T) {
	key := func(text string) string { return parsed(t, text).Key() }
	seen := map[string]string{}
	for _, text := range []string{"influxdb://h/db", "influxdb://h/other", "influxdb://h:1/db", "influxdb2://h/o/b",
		"influxdb2://h/o/c", "graphite://h:8086", "graphite://h:8086/p"} {
		if other := seen[key(text)]; other != "" {
			t.Errorf("%s has the key of %s", text, other)
		}
		seen[key(text)] = text
	}
	if key("influxdb://a:b@h/db") != key("influxdb://c@h/db?secret-file=/x") {
		t.Error("the key has secrets in it")
	}
}

// TestLines: InfluxDB's line protocol and Graphite's plaintext, with what names of containers and hosts may have.
func TestLines(t *testing.T) {
	has := func(target, name string, want ...string) {
		t.Helper()
		lines := strings.Split(string(parsed(t, target).lines(at(5, name))), "\n")
		for _, w := range want {
			if !slices.Contains(lines, w) {
				t.Errorf("missing: %s\n%s", w, strings.Join(lines, "\n"))
			}
		}
		for _, line := range lines {
			if strings.Contains(line, "container_label") {
				t.Errorf("%s", line)
			}
		}
	}
	has("influxdb://h/db", "web", `container_memory_usage_bytes,host=my\ host,id=/docker/abc,image=a\,b,name=web `+
		"value=4096 5000", `container_network_receive_bytes_total,host=my\ host,id=/docker/abc,image=a\,b,name=web,`+
		"interface=eth0 value=7 5000")
	has("influxdb2://h/o/b", "w=\n\\", `container_memory_usage_bytes,host=my\ host,id=/docker/abc,image=a\,b,name=w\=\ / `+
		"value=4096 5000")
	has("graphite://h/a/b.c", "web", "a.b.c.my_host.web.container_memory_usage_bytes 4096 5",
		"a.b.c.my_host.web.container_network_receive_bytes_total.eth0 7 5", "a.b.c.my_host.machine_cpu_cores 0 5",
		"a.b.c.my_host.host.container_memory_usage_bytes 0 5")
	has("graphite://h", "a.b c;d/e\n", "my_host.a_b_c_d_e_.container_memory_usage_bytes 4096 5")
}

// database is an InfluxDB that a test can have refuse.
type database struct {
	mu    sync.Mutex
	code  int
	asked []string // authorizations
	lines []string // of one number, in the order in which they came
}

func (d *database) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, r.Header.Get("Authorization"))
	if d.code == http.StatusNoContent {
		for line := range strings.Lines(string(raw)) {
			if strings.HasPrefix(line, "container_memory_usage_bytes") && strings.Contains(line, "name=") {
				d.lines = append(d.lines, line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:])
			}
		}
	}
	w.WriteHeader(d.code)
}

func (d *database) answer(code int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.code = code
}

// seconds returns the times of what came.
func (d *database) seconds() (list []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		list = append(list, strings.TrimSuffix(strings.TrimSpace(l), "000"))
	}
	return list
}

// begin starts a pusher. stop ends it.
func begin(t *testing.T, target, dir string) (p *Pusher, stop func()) {
	t.Helper()
	p = New(parsed(t, target), dir, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	return p, func() {
		cancel()
		running.Wait()
	}
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal(what)
}

// TestOutage: what is measured while the database is away comes when it is back, in order, also when the daemon was
// stopped in between.
func TestOutage(t *testing.T) {
	d := &database{code: http.StatusNoContent}
	server := httptest.NewServer(d)
	defer server.Close()
	target := "influxdb://" + strings.TrimPrefix(server.URL, "http://") + "/db"
	dir := filepath.Join(t.TempDir(), "unsent")
	p, stop := begin(t, target, dir)
	p.Add(at(10, "web"))
	wait(t, "the first", func() bool { return len(d.seconds()) == 1 })
	d.answer(http.StatusServiceUnavailable)
	for s := 20; s <= 60; s += 10 {
		p.Add(at(s, "web"))
		p.Add(at(s+1, "web")) // too soon
	}
	wait(t, "a refusal", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.asked) > 1 })
	stop()
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files are kept", len(files))
	}
	p, stop = begin(t, target, dir)
	defer stop()
	p.Add(at(70, "web"))
	d.answer(http.StatusNoContent)
	wait(t, "what was kept", func() bool { return len(d.seconds()) == 7 })
	if got := strings.Join(d.seconds(), " "); got != "10 20 30 40 50 60 70" {
		t.Errorf("%s", got)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%d files are kept", len(files))
	}
}

// TestRefused: what a database calls malformed is not sent again and holds up nothing; what it does not let in is kept.
func TestRefused(t *testing.T) {
	for code, kept := range map[int]int{http.StatusBadRequest: 0, http.StatusUnauthorized: 1, http.StatusNotFound: 1} {
		d := &database{code: code}
		server := httptest.NewServer(d)
		dir := filepath.Join(t.TempDir(), "unsent")
		secret := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(secret, []byte("tok\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, stop := begin(t, "influxdb2://"+strings.TrimPrefix(server.URL, "http://")+"/o/b?secret-file="+secret, dir)
		p.Add(at(10, "web"))
		wait(t, "a request", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.asked) > 0 })
		wait(t, "the answer", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.failed || kept == 0 && len(p.held) == 0
		})
		stop()
		server.Close()
		if files, _ := os.ReadDir(dir); len(files) != kept {
			t.Errorf("%d: %d files are kept, want %d", code, len(files), kept)
		}
		if d.asked[0] != "Token tok" {
			t.Errorf("authorization %q", d.asked[0])
		}
	}
}

// TestGraphite: lines over TCP; a server that is not there, and one that comes later.
func TestGraphite(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	serve := func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			raw, _ := io.ReadAll(c)
			c.Close()
			got <- string(raw)
		}
	}
	go serve(l)
	p, stop := begin(t, "graphite://"+l.Addr().String(), filepath.Join(t.TempDir(), "unsent"))
	defer stop()
	p.Add(at(10, "web"))
	if text := <-got; !strings.Contains(text, "my_host.web.container_memory_usage_bytes 4096 10\n") {
		t.Errorf("%s", text)
	}
	l.Close()
	p.Add(at(20, "web"))
	wait(t, "a failure", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.failed })
	l, err = net.Listen("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go serve(l)
	if text := <-got; !strings.Contains(text, "my_host.web.container_memory_usage_bytes 4096 20\n") {
		t.Errorf("%s", text)
	}
}

// TestSpool: bounded, the oldest go first; what a crash leaves of a write is no piece.
func TestSpool(t *testing.T) {
	s := spool{dir: filepath.Join(t.TempDir(), "a/b"), bound: 100}
	if lines, done, err := s.oldest(); lines != nil || done != nil || err != nil {
		t.Errorf("%q, %v of nothing", lines, err)
	}
	var lost int64
	for n := range 15 {
		more, err := s.add([]byte(fmt.Sprintf("line %05d", n)))
		if err != nil {
			t.Fatal(err)
		}
		lost += more
	}
	if lost != 50 {
		t.Errorf("%d bytes lost", lost)
	}
	for _, name := range []string{"000000099.lines.new", "x.lines", "other"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := 5; n < 15; n++ {
		lines, done, err := s.oldest()
		if err != nil || string(lines) != fmt.Sprintf("line %05d", n) {
			t.Fatalf("%q, %v", lines, err)
		}
		if err := done(); err != nil {
			t.Fatal(err)
		}
	}
	if lines, _, err := s.oldest(); lines != nil || err != nil {
		t.Errorf("%q, %v", lines, err)
	}
}

// TestNoSpace: where nothing can be kept, numbers are lost, and the daemon goes on.
func TestNoSpace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, stop := begin(t, "graphite://127.0.0.1:1", filepath.Join(file, "unsent"))
	p.Add(at(10, "web"))
	stop()
	if len(p.held) != 0 {
		t.Error("held after the end")
	}
}
