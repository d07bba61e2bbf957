package hosts

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"

	"box/netapi/wire"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// dockerd is a daemon with Docker's API: one container, whose counters grow, and which may end.
type dockerd struct {
	mu     sync.Mutex
	state  string
	events []string
}

const one = "1111111111111111111111111111111111111111111111111111111111111111"

func (d *dockerd) set(state, event string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = state
	d.events = append(d.events, event)
}

func (d *dockerd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v"), "/")
	d.mu.Lock()
	state := d.state
	d.mu.Unlock()
	code, line := 0, ""
	if state == "exited" {
		code, line = 3, "it broke"
	}
	switch path {
	case "info":
		io.WriteString(w, `{"Name":"far","NCPU":4,"MemTotal":1000,"Driver":"overlay2","CgroupVersion":"2","Images":7}`)
	case "networks":
		io.WriteString(w, `[{},{}]`)
	case "system/df":
		fmt.Fprintf(w, `{"LayersSize":99,"Containers":[{"Id":%q,"SizeRw":12}],"Volumes":[{"Name":"v"}]}`, one)
	case "containers/json":
		fmt.Fprintf(w, `[{"Id":%q,"Names":["/web","/other/alias"],"Image":"nginx","State":%q,"Created":5,
			"Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":9,"Type":"udp"}]}]`,
			one, state)
	case "containers/" + one + "/json":
		fmt.Fprintf(w, `{"State":{"Status":%q,"ExitCode":%d,"StartedAt":"2026-01-02T03:04:05.6Z","OOMKilled":%v,
			"Health":{"Status":"healthy"}},"RestartCount":2,"HostConfig":{"Memory":5000,"NanoCpus":1500000000,
			"RestartPolicy":{"Name":"always"}},"Config":{}}`, state, code, code != 0)
	case "containers/" + one + "/logs":
		var mu sync.Mutex
		wire.NewFrameWriter(w, &mu, wire.Stderr).Write([]byte("before\n" + line + "\n"))
	case "containers/" + one + "/stats":
		at := time.Now()
		for n := 1; r.Context().Err() == nil; n++ { // a second of each, but sent fast
			fmt.Fprintf(w, `{"read":%q,"cpu_stats":{"cpu_usage":{"total_usage":%d}},"memory_stats":{"usage":300,
				"stats":{"inactive_file":100,"anon":50}},"pids_stats":{"current":2,"limit":18446744073709551615},
				"networks":{"eth0":{"rx_bytes":%d}},"blkio_stats":{"io_service_bytes_recursive":[
				{"major":8,"op":"Read","value":%d},{"major":8,"op":"write","value":7}]}}`, at.Add(time.Duration(n)*
				time.Second).Format(time.RFC3339Nano), n*500_000_000, n*1000, n*4096)
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	case "events":
		w.(http.Flusher).Flush()
		for sent := 0; r.Context().Err() == nil; time.Sleep(5 * time.Millisecond) {
			d.mu.Lock()
			for _, action := range d.events[sent:] {
				json.NewEncoder(w).Encode(map[string]any{"Type": "container", "Action": action,
					"Actor": map[string]any{"ID": one}, "timeNano": time.Now().UnixNano()})
			}
			sent = len(d.events)
			d.mu.Unlock()
			w.(http.Flusher).Flush()
		}
	default:
		wire.WriteError(w, http.StatusNotFound, "page not found", false)
	}
}

func TestDocker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	d := &dockerd{state: "running"}
	serve(t, path, d)
	h := openAt(t, path)
	_, stop := h.Watch() // over the whole test
	defer stop()
	s := until(t, h, "measured with rates", func(s State) bool {
		return alive(s) && len(s.Set.Containers) == 1 && s.Set.Containers[0].Rate.CPU > 0
	})
	if s.Kind != Docker || s.Set.Host.Name != "far" || s.Set.Host.CPUs != 4 || s.Set.Host.Daemon.Networks != 2 {
		t.Errorf("%+v", s.Set.Host)
	}
	c := s.Set.Containers[0]
	if c.Rate.CPU != 0.5 || c.Rate.Rx != 1000 || c.Rate.Read != 4096 || c.Rate.Written != 0 {
		t.Errorf("rates: %+v", c.Rate)
	}
	if c.Name != "web" || c.State != "running" || c.Health != "healthy" || c.Policy != "always" || c.Restarts != 2 ||
		c.Memory.WorkingSet != 200 || c.Memory.Limit != 5000 || c.Memory.RSS != 50 || c.CPU.Limit != 1.5 ||
		c.Pids.Current != 2 || c.Pids.Limit != 0 || c.Started.Year() != 2026 || len(c.IO) != 1 {
		t.Errorf("%+v", c)
	}
	if strings.Join(c.Ports, " ") != "0.0.0.0:8080->80/tcp 9/udp" {
		t.Errorf("%q", c.Ports)
	}
	until(t, h, "counted", func(s State) bool {
		return s.Set.Containers[0].Disk.Writable == 12 && s.Set.Host.Daemon.ImageBytes == 99
	})
	d.set("exited", "die")
	c = until(t, h, "ended", func(s State) bool { return s.Set.Containers[0].State == "exited" }).Set.Containers[0]
	if c.Exit.Code != 3 || !c.Exit.OOMKilled || c.LastError != "it broke" || c.Memory.Usage != 0 || c.Rate.CPU != 0 ||
		c.Memory.Limit != 5000 || c.ByHand {
		t.Errorf("%+v", c)
	}
	d.set("running", "start")
	until(t, h, "started again", func(s State) bool {
		c := s.Set.Containers[0]
		return c.State == "running" && c.RestartsHour == 1 && c.Rate.CPU > 0
	})
	d.set("running", "exec_create: true")
	d.set("exited", "stop")
	d.set("exited", "die")
	until(t, h, "stopped by hand", func(s State) bool { return s.Set.Containers[0].ByHand })
}

// Who has started a container is told from the order of events.
func TestRestarts(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		events, policy string
		want           int
	}{
		{"start", "always", 0},
		{"die start die start", "always", 2},
		{"die start", "no", 0},
		{"kill/15 die stop start restart", "always", 0},
		{"kill/1 die start", "on-failure", 1}, // told to reload, and broke
		{"die start destroy start", "always", 0},
	} {
		r := newRuns()
		for word := range strings.FieldsSeq(row.events) {
			action, signal, _ := strings.Cut(word, "/")
			r.take("x", events.Action(action), signal, now.Add(-time.Minute))
		}
		if n := r.restarts("x", row.policy, now); n != row.want {
			t.Errorf("%s: %d restarts, want %d", row.events, n, row.want)
		}
		if n := r.restarts("x", row.policy, now.Add(2*time.Hour)); n != 0 {
			t.Errorf("%s: %d restarts hours later", row.events, n)
		}
	}
}
