package web

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/top/hosts"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// daemon is box as the page sees it: it measures what a test says, and records what is done to it.
type daemon struct {
	mu       sync.Mutex
	set      sample.Set
	done     []string // requests that act
	bodies   map[string]string
	watching int
	every    time.Duration // between two measurements
	env      []string
	slow     time.Duration // of a restart
}

// ID returns the ID of the n-th container.
func containerID(n int) string { return fmt.Sprintf("%064x", 0xc0ffee00+n) }

// newDaemon returns a daemon with n running containers.
func newDaemon(n int) *daemon {
	d := &daemon{every: 20 * time.Millisecond, env: []string{"PATH=/bin", "PASSWORD=hunter2"}}
	now := time.Now()
	d.set.Host = sample.Host{Name: "machine", Kernel: "6.1.0", Version: "0.1", Driver: "overlay2", Root: "/var/lib/docker",
		Cgroup: "2", Booted: now.Add(-40 * time.Hour), Started: now.Add(-3 * time.Hour), CPUs: 4,
		Load: [3]float64{0.42, 0.31, 0.2}, Memory: sample.HostMemory{Total: 8 << 30, Available: 5 << 30, Free: 1 << 30,
			Cached: 3 << 30, SwapTotal: 2 << 30, SwapFree: 2 << 30},
		Files: []sample.FileSystem{{Path: "/var/lib/docker", Device: "/dev/sda1", Type: "ext4", Total: 64 << 30,
			Free: 21 << 30, Available: 20 << 30, Inodes: 4 << 20, FreeInodes: 3 << 20, Data: true, Growth: 40e3}},
		Network: []sample.Interface{{Name: "eth0", RxBytes: 1 << 30, TxBytes: 1 << 28}},
		Heat:    []sample.Heat{{Name: "package", Celsius: 51.5}}, Daemon: sample.Daemon{Memory: 17 << 20}}
	names := []string{"web", "db", "cache", "worker-2", "worker-10", "데이터베이스", "proxy", "mail",
		"backup", "metrics"}
	for i := range n {
		c := sample.Container{ID: containerID(i), Name: fmt.Sprintf("%s-%d", names[i%len(names)], i), Image: "busybox:latest",
			State: "running", Created: now.Add(-2 * time.Hour), Started: now.Add(-time.Hour), Policy: "always",
			Ports: []string{fmt.Sprintf("0.0.0.0:%d->80/tcp", 8000+i)}}
		if i < len(names) {
			c.Name = names[i]
		}
		c.Memory.Limit, c.Pids.Current = 512<<20, 3
		d.set.Containers = append(d.set.Containers, c)
	}
	return d
}

// now returns a measurement of this moment. Its numbers move.
func (d *daemon) now() sample.Set {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.set
	s.At = time.Now()
	t := float64(s.At.UnixMilli()) / 1000
	s.Host.Rate.CPU = 1 + math.Sin(t/9)
	s.Host.Mode = sample.CPUModes{User: uint64(t * 4e8), System: uint64(t * 2e8), Idle: uint64(t * 3e9),
		IOWait: uint64(t * 1e8)}
	s.Containers = append([]sample.Container{}, d.set.Containers...)
	for i := range s.Containers {
		c := &s.Containers[i]
		if c.State != "running" {
			c.Memory, c.Pids, c.Rate = sample.Memory{}, sample.Pids{}, sample.Rate{}
			continue
		}
		w := 1 + math.Sin(t/float64(3+i)+float64(i))
		c.Rate.CPU, c.Rate.Rx, c.Rate.Tx, c.Rate.Written = 0.3*w, 40e3*w, 9e3*w, 2e3*w
		c.Memory.WorkingSet = uint64(float64(40+20*i)*w) << 20
		c.Memory.Usage = c.Memory.WorkingSet + 30<<20
		c.Disk = sample.Disk{Writable: int64(i) << 20, Log: int64(i) << 14}
	}
	return s
}

// past is a history of wide waves.
func past(r *http.Request) sample.History {
	q := r.URL.Query()
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("to"), 10, 64)
	points, _ := strconv.Atoi(q.Get("points"))
	columns := sample.ContainerColumns
	if q.Get("series") == "host" {
		columns = sample.HostColumns
	}
	step := max(1, float64(to-from)/1e9/float64(points))
	h := sample.History{Series: q.Get("series"), At: time.Unix(0, from), Step: step}
	for i, c := range columns {
		h.Columns = append(h.Columns, c.Name)
		var values []*float64
		for n := range int(float64(to-from) / 1e9 / step) {
			t := float64(from)/1e9 + float64(n)*step
			v := 1 + math.Sin(t/(40*step)+float64(i))
			switch c.Name {
			case "cpu":
				v *= 0.3
			case "cpu_max":
				v = 0.3*v + 0.2
			case "throttled":
				v *= 0.02
			case "load", "heat":
				v *= 20
			case "pids":
				v = 3
			default:
				v *= 60 << 20
			}
			values = append(values, &v)
		}
		h.Values = append(h.Values, values)
	}
	return h
}

// ServeHTTP answers as the API does.
func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the version
	path = "/" + path
	if r.Method != http.MethodGet {
		d.mu.Lock()
		d.done = append(d.done, r.Method+" "+path)
		if verb := path[strings.LastIndexByte(path, '/')+1:]; verb == "update" {
			raw, _ := io.ReadAll(r.Body)
			d.bodies = map[string]string{verb: string(raw)}
		}
		d.mu.Unlock()
	}
	id, verb, _ := strings.Cut(strings.TrimPrefix(path, "/containers/"), "/")
	switch {
	case path == "/monitor":
		d.monitor(w, r)
	case path == "/monitor/history":
		json.NewEncoder(w).Encode(past(r))
	case path == "/events":
		d.events(w, r)
	case path == "/system/df":
		fmt.Fprint(w, `{"LayersSize":123456789,"Images":[{"Id":"sha256:aa","RepoTags":["busybox:latest"],"Size":4500000,`+
			`"SharedSize":0,"Containers":3,"Created":1700000000}],"Volumes":[{"Name":"data","Driver":"local","UsageData":`+
			`{"Size":99,"RefCount":1}}]}`)
	case path == "/networks":
		fmt.Fprint(w, `[{"Id":"n1","Name":"bridge","Driver":"bridge","Scope":"local"}]`)
	case verb == "json":
		d.inspect(w, id)
	case verb == "top":
		fmt.Fprint(w, `{"Titles":["PID","USER","COMMAND"],"Processes":[["1","root","sleep 1d"]]}`)
	case verb == "logs":
		d.logs(w, r)
	case verb == "restart":
		time.Sleep(d.slow)
		w.WriteHeader(http.StatusNoContent)
	case verb == "start" || verb == "stop":
		d.change(id, map[string]string{"start": "running", "stop": "exited"}[verb])
		w.WriteHeader(http.StatusNoContent)
	case verb == "exec":
		fmt.Fprint(w, `{"Id":"e1"}`)
	case path == "/exec/e1/start":
		echo(w, r)
	case r.Method == http.MethodGet:
		wire.WriteError(w, http.StatusNotFound, "page not found", false)
	case strings.HasPrefix(path, "/images/") && r.Method == http.MethodDelete:
		fmt.Fprint(w, `[]`)
	default:
		fmt.Fprint(w, `{}`)
	}
}

// echo is a program that answers what it is told.
func echo(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	c, err := wire.Hijack(w, r, wire.RawStream, nil)
	if err != nil {
		return
	}
	defer c.Close()
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil || n == 1 && buf[0] == endOfInput {
			return
		}
		c.Write([]byte("said " + string(buf[:n])))
	}
}

func (d *daemon) monitor(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.watching++
	every := d.every
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.watching--
		d.mu.Unlock()
	}()
	out := wire.NewJSONWriter(w)
	for r.Context().Err() == nil {
		if out.Write(d.now()) != nil {
			return
		}
		select {
		case <-time.After(every):
		case <-r.Context().Done():
		}
	}
}

func (d *daemon) events(w http.ResponseWriter, r *http.Request) {
	out := wire.NewJSONWriter(w)
	since, _ := strconv.ParseFloat(r.URL.Query().Get("since"), 64)
	until, _ := strconv.ParseFloat(r.URL.Query().Get("until"), 64)
	if until == 0 {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	for i, action := range []string{"start", "exec_start: sh", "health_status: unhealthy", "die", "oom"} {
		at := since + (until-since)*float64(i+1)/6
		e := client.Event{Type: "container", Action: "", Time: int64(at), TimeNano: int64(at * 1e9)}
		e.Actor.ID, e.Actor.Attributes = containerID(0), map[string]string{"name": "web", "exitCode": "137"}
		raw := map[string]any{"Type": "container", "Action": action, "Actor": e.Actor, "time": e.Time, "timeNano": e.TimeNano}
		if out.Write(raw) != nil {
			return
		}
	}
}

func (d *daemon) inspect(w http.ResponseWriter, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.set.Containers {
		if c.ID == id {
			json.NewEncoder(w).Encode(map[string]any{"Id": id, "Path": "sleep", "Args": []string{"1d"},
				"Config": map[string]any{"Env": d.env, "Labels": c.Labels},
				"HostConfig": map[string]any{"NetworkMode": "bridge", "Memory": 512 << 20, "MemorySwap": 600 << 20,
					"RestartPolicy": map[string]any{"Name": "always"}},
				"Mounts": []map[string]any{{"Type": "volume", "Name": "data", "Destination": "/data", "RW": true}}})
			return
		}
	}
	wire.WriteError(w, http.StatusNotFound, "No such container: "+id, false)
}

func (d *daemon) logs(w http.ResponseWriter, r *http.Request) {
	var mu sync.Mutex
	out, bad := wire.NewFrameWriter(w, &mu, wire.Stdout), wire.NewFrameWriter(w, &mu, wire.Stderr)
	for i := 0; r.Context().Err() == nil; i++ {
		to := out
		if i%7 == 6 {
			to = bad
		}
		fmt.Fprintf(to, "%s line %d <b>of</b> the log, 안녕\n", time.Now().UTC().Format(time.RFC3339Nano), i)
		w.(http.Flusher).Flush()
		if i > 30 {
			select {
			case <-time.After(300 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		if r.URL.Query().Get("follow") != "1" && i > 30 {
			return
		}
	}
}

func (d *daemon) change(id, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.set.Containers {
		if d.set.Containers[i].ID == id {
			d.set.Containers[i].State = state
		}
	}
}

// acts returns what was done to the daemon.
func (d *daemon) acts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.done...)
}

// watched returns how many measure.
func (d *daemon) watched() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.watching
}

// serveAt serves a daemon at a socket, and returns what ends it.
func serveAt(t *testing.T, path string, d http.Handler) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: d}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return func() { srv.Close() }
}

// hostAt returns the host at a socket.
func hostAt(t *testing.T, name, path string) *hosts.Host {
	t.Helper()
	c, err := client.New(client.Options{Host: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	h := hosts.FromClient(name, c)
	t.Cleanup(func() { h.Close(); c.Close() })
	return h
}

// hostOf returns the host of a daemon.
func hostOf(t *testing.T, name string, d http.Handler) *hosts.Host {
	path := filepath.Join(t.TempDir(), "s")
	serveAt(t, path, d)
	return hostAt(t, name, path)
}

// within polls until ok.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("never: %s", what)
		}
	}
}
