package suite

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// call is one request of the golden session. "{id}" and "{exec}" in a path stand for what was created before.
type call struct {
	name, method, path, body string
}

// file is where the reply of Debian's Docker is, by what is asked for and how.
func (c call) file() string {
	noun, _, _ := strings.Cut(strings.TrimPrefix(c.path, "/"), "/")
	switch {
	case strings.HasSuffix(c.path, "/exec"):
		noun = "exec"
	case slices.Contains([]string{"containers", "exec", "images", "networks", "volumes"}, noun):
	default:
		noun = "system"
	}
	return filepath.Join("testdata/api", noun, strings.ToLower(c.method), c.name+".json")
}

// goldenCalls are made in this order in version 1.41, the newest of the Docker that the replies were recorded from.
var goldenCalls = []call{
	{"ping", "GET", "/_ping", ""},
	{"version", "GET", "/version", ""},
	{"info", "GET", "/info", ""},
	{"create", "POST", "/containers/create?name=golden",
		`{"Image":"busybox","Cmd":["sleep","1000"],"Env":["A=b"],"Labels":{"k":"v"},"ExposedPorts":{"80/tcp":{}},"Hostname":"h","WorkingDir":"/tmp",
		"HostConfig":{"Memory":67108864,"NanoCpus":500000000,"PidsLimit":50,"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2},
		"Binds":["/tmp:/t:ro"],"CapAdd":["NET_ADMIN"],"Dns":["9.9.9.9"],"ExtraHosts":["a:1.2.3.4"],"ShmSize":1048576,"PortBindings":{"80/tcp":[{"HostPort":"8099"}]}}}`},
	{"create-taken", "POST", "/containers/create?name=golden", `{"Image":"busybox","Cmd":["true"]}`},
	{"create-no-image", "POST", "/containers/create", `{"Image":"not-there:1","Cmd":["true"]}`},
	{"create-bad-name", "POST", "/containers/create?name=a%20b", `{"Image":"busybox","Cmd":["true"]}`},
	{"create-malformed", "POST", "/containers/create", `{"Image":`},
	{"inspect-created", "GET", "/containers/{id}/json", ""},
	{"start", "POST", "/containers/{id}/start", ""},
	{"start-again", "POST", "/containers/{id}/start", ""},
	{"list", "GET", "/containers/json?size=1", ""},
	{"list-bad-filter", "GET", "/containers/json?filters=%7B", ""},
	{"inspect-running", "GET", "/containers/{id}/json?size=1", ""},
	{"inspect-absent", "GET", "/containers/not-there/json", ""},
	{"top", "GET", "/containers/{id}/top", ""},
	{"rename", "POST", "/containers/{id}/rename?name=golden2", ""},
	{"rename-back", "POST", "/containers/{id}/rename?name=golden", ""},
	{"rename-none", "POST", "/containers/{id}/rename", ""},
	{"resize", "POST", "/containers/{id}/resize?h=30&w=100", ""},
	{"resize-malformed", "POST", "/containers/{id}/resize?h=x&w=100", ""},
	{"resize-absent", "POST", "/containers/not-there/resize?h=30&w=100", ""},
	{"attach", "POST", "/containers/{id}/attach?logs=1&stdout=1&stderr=1", ""},
	{"attach-absent", "POST", "/containers/not-there/attach?logs=1&stdout=1", ""},
	{"logs", "GET", "/containers/{id}/logs?stdout=1&stderr=1", ""},
	{"logs-absent", "GET", "/containers/not-there/logs?stdout=1", ""},
	{"top-options", "GET", "/containers/{id}/top?ps_args=-eo%20pid,comm", ""},
	{"top-absent", "GET", "/containers/not-there/top", ""},
	{"archive-stat", "HEAD", "/containers/{id}/archive?path=/bin/busybox", ""},
	{"archive-stat-link", "HEAD", "/containers/{id}/archive?path=/bin/sh", ""},
	{"archive-stat-none", "HEAD", "/containers/{id}/archive?path=/not-there", ""},
	{"archive-get", "GET", "/containers/{id}/archive?path=/etc/hostname", ""},
	{"archive-get-none", "GET", "/containers/{id}/archive?path=/not-there", ""},
	{"archive-get-nothing", "GET", "/containers/{id}/archive", ""},
	{"archive-get-absent", "GET", "/containers/not-there/archive?path=/", ""},
	{"archive-put", "PUT", "/containers/{id}/archive?path=/tmp", emptyTar},
	{"archive-put-none", "PUT", "/containers/{id}/archive?path=/not-there", emptyTar},
	{"archive-put-file", "PUT", "/containers/{id}/archive?path=/bin/busybox", emptyTar},
	{"archive-put-malformed", "PUT", "/containers/{id}/archive?path=/tmp", "this is no archive"},
	{"export-absent", "GET", "/containers/not-there/export", ""},
	{"changes-absent", "GET", "/containers/not-there/changes", ""},
	{"changes", "GET", "/containers/{id}/changes", ""},
	{"stats", "GET", "/containers/{id}/stats?stream=0", ""},
	{"exec-create", "POST", "/containers/{id}/exec", `{"Cmd":["sleep","1000"],"AttachStdout":true}`},
	{"exec-inspect", "GET", "/exec/{exec}/json", ""},
	{"exec-start", "POST", "/exec/{exec}/start", `{"Detach":true}`},
	{"exec-start-again", "POST", "/exec/{exec}/start", `{"Detach":true}`},
	{"exec-start-absent", "POST", "/exec/not-there/start", `{"Detach":true}`},
	{"exec-resize", "POST", "/exec/{exec}/resize?h=30&w=100", ""},
	{"exec-resize-absent", "POST", "/exec/not-there/resize?h=30&w=100", ""},
	{"exec-create-none", "POST", "/containers/{id}/exec", `{"AttachStdout":true}`},
	{"exec-create-absent", "POST", "/containers/not-there/exec", `{"Cmd":["true"]}`},
	{"exec-create-malformed", "POST", "/containers/{id}/exec", `{"Cmd":`},
	{"exec-absent", "GET", "/exec/not-there/json", ""},
	{"update", "POST", "/containers/{id}/update", `{"Memory":100663296,"MemorySwap":100663296}`},
	{"pause", "POST", "/containers/{id}/pause", ""},
	{"exec-create-paused", "POST", "/containers/{id}/exec", `{"Cmd":["true"]}`},
	{"pause-again", "POST", "/containers/{id}/pause", ""},
	{"unpause", "POST", "/containers/{id}/unpause", ""},
	{"unpause-again", "POST", "/containers/{id}/unpause", ""},
	{"restart", "POST", "/containers/{id}/restart?t=0", ""},
	{"restart-absent", "POST", "/containers/not-there/restart", ""},
	{"kill", "POST", "/containers/{id}/kill?signal=CONT", ""},
	{"kill-absent", "POST", "/containers/not-there/kill", ""},
	{"start-absent", "POST", "/containers/not-there/start", ""},
	{"stop-absent", "POST", "/containers/not-there/stop", ""},
	{"stop-malformed", "POST", "/containers/{id}/stop?t=x", ""},
	{"pause-absent", "POST", "/containers/not-there/pause", ""},
	{"update-absent", "POST", "/containers/not-there/update", `{"Memory":100663296}`},
	{"update-less", "POST", "/containers/{id}/update", `{"Memory":1048576}`},
	{"wait-absent", "POST", "/containers/not-there/wait", ""},
	{"stats-absent", "GET", "/containers/not-there/stats?stream=0", ""},
	{"remove-absent", "DELETE", "/containers/not-there", ""},
	{"rename-taken", "POST", "/containers/{id}/rename?name=golden", ""},
	{"kill-bad-signal", "POST", "/containers/{id}/kill?signal=NONE", ""},
	{"remove-running", "DELETE", "/containers/{id}", ""},
	{"stop", "POST", "/containers/{id}/stop?t=0", ""},
	{"stop-again", "POST", "/containers/{id}/stop", ""},
	{"wait", "POST", "/containers/{id}/wait", ""},
	{"kill-again", "POST", "/containers/{id}/kill", ""},
	{"pause-stopped", "POST", "/containers/{id}/pause", ""},
	{"exec-create-stopped", "POST", "/containers/{id}/exec", `{"Cmd":["true"]}`},
	{"attach-stopped", "POST", "/containers/{id}/attach?logs=1&stdout=1", ""},
	{"top-stopped", "GET", "/containers/{id}/top", ""},
	{"resize-stopped", "POST", "/containers/{id}/resize?h=30&w=100", ""},
	{"stats-stopped", "GET", "/containers/{id}/stats?stream=0", ""},
	{"archive-stat-stopped", "HEAD", "/containers/{id}/archive?path=/tmp", ""},
	{"export", "GET", "/containers/{id}/export", ""},
	{"inspect-exited", "GET", "/containers/{id}/json", ""},
	{"logs-none", "GET", "/containers/{id}/logs", ""},
	{"commit", "POST", "/commit?container={id}&repo=golden&tag=1&comment=c&author=a", ""},
	{"images", "GET", "/images/json", ""},
	{"image", "GET", "/images/busybox/json", ""},
	{"image-absent", "GET", "/images/not-there/json", ""},
	{"history", "GET", "/images/golden:1/history", ""},
	{"tag", "POST", "/images/golden:1/tag?repo=other&tag=2", ""},
	{"untag", "DELETE", "/images/other:2", ""},
	{"networks", "GET", "/networks", ""},
	{"network", "GET", "/networks/bridge", ""},
	{"network-absent", "GET", "/networks/not-there", ""},
	{"volume-create", "POST", "/volumes/create", `{"Name":"goldenvol","Labels":{"a":"b"}}`},
	{"volume", "GET", "/volumes/goldenvol", ""},
	{"volumes", "GET", "/volumes", ""},
	{"volume-remove", "DELETE", "/volumes/goldenvol", ""},
	{"volume-absent", "GET", "/volumes/goldenvol", ""},
	{"df", "GET", "/system/df", ""},
	{"remove", "DELETE", "/containers/{id}", ""},
	{"prune", "POST", "/containers/prune", ""},
	{"prune-bad-filter", "POST", "/containers/prune?filters=%7B%22nonsense%22:[%22x%22]%7D", ""},
	{"commit-absent", "POST", "/commit?container=not-there", ""},
	{"image-remove", "DELETE", "/images/golden:1", ""},
	{"no-such-page", "GET", "/nothing", ""},
	{"too-new", "GET", "/../v9.99/info", ""},
}

// emptyTar is an archive of nothing: its two last blocks.
var emptyTar = strings.Repeat("\x00", 1024)

// reply is what a golden file keeps of one.
type reply struct {
	Status int
	Type   string
	Stat   any `json:",omitempty"` // what the head says of a path in a container
	Body   any
}

// TestGolden makes the calls of goldenCalls and holds the replies against those of Debian's Docker in testdata/api:
// the status, the media type, and of JSON every field's name and type, and the values of the fields that the caller
// chose. `make golden` records them anew.
func TestGolden(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: the calls start a container")
	}
	record := os.Getenv("BOX_RECORD") != ""
	differs, err := readDifferences("testdata/api/differs.txt")
	if err != nil {
		t.Fatal(err)
	}
	socket := goldenDaemon(t, record)
	ids := map[string]string{}
	for _, c := range goldenCalls {
		got := ask1(t, socket, c, ids)
		path := c.file()
		if record {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			writeReply(t, path, got)
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want reply
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var b strings.Builder
		if !differs[c.name][".status"] && want.Status != got.Status || !differs[c.name][".type"] && want.Type != got.Type {
			fmt.Fprintf(&b, "status %d, %s; Docker's %d, %s\n", got.Status, got.Type, want.Status, want.Type)
		}
		compareShape(&b, "", want.Body, got.Body, differs[c.name])
		compareShape(&b, ".Stat", want.Stat, got.Stat, differs[c.name])
		if b.Len() > 0 {
			t.Errorf("%s %s:\n%s", c.method, c.path, b.String())
		}
	}
}

// goldenDaemon starts box, or the recorded Docker, with busybox loaded, and returns its socket.
func goldenDaemon(t *testing.T, docker bool) string {
	dir, err := os.MkdirTemp("/tmp", "bg")
	must(t, err)
	image := filepath.Join(dir, "busybox.tar")
	must(t, busyboxImage(image))
	box := os.Getenv("BOX_BINARY")
	args := []string{box, "dockerd", "--cgroup-parent", "box-golden", "--default-runtime", defaultRuntime()}
	if docker {
		args = []string{peerDaemon}
	}
	socket := filepath.Join(dir, "s")
	c := exec.Command(args[0], append(args[1:], "-H", "unix://"+socket, "--data-root", dir+"/d", "--exec-root", dir+"/r",
		"--pidfile", dir+"/pid")...)
	must(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(unix.SIGTERM)
		_ = c.Wait()
		unmountBelow(dir)
		must(t, os.RemoveAll(dir))
	})
	for range 200 {
		if exec.Command(box, "docker", "-H", "unix://"+socket, "load", "-qi", image).Run() == nil {
			return socket
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the daemon does not answer")
	return ""
}

// ask1 makes one call and remembers what it created.
func ask1(t *testing.T, socket string, c call, ids map[string]string) reply {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", socket)
		}}}
	defer client.CloseIdleConnections()
	path := strings.NewReplacer("{id}", ids["create"], "{exec}", ids["exec-create"]).Replace(c.path)
	q, err := http.NewRequestWithContext(t.Context(), c.method, "http://docker/v1.41"+path, strings.NewReader(c.body))
	must(t, err)
	if c.body != "" {
		q.Header.Set("Content-Type", "application/json")
		if c.method == "PUT" {
			q.Header.Set("Content-Type", "application/x-tar")
		}
	}
	if rest, ok := strings.CutPrefix(path, "/.."); ok {
		q.URL.Path = rest
	}
	r, err := client.Do(q)
	must(t, err)
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	must(t, err)
	out := reply{Status: r.StatusCode, Type: r.Header.Get("Content-Type")}
	switch {
	case c.name == "export":
		out.Body = bytes.Contains(raw, []byte("bin/busybox"))
	case json.Unmarshal(raw, &out.Body) != nil:
		out.Body = strings.TrimSpace(string(raw))
	}
	if stat, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Docker-Container-Path-Stat")); err == nil &&
		len(stat) > 0 {
		must(t, json.Unmarshal(stat, &out.Stat))
	}
	if o, ok := out.Body.(map[string]any); ok {
		if id, ok := o["Id"].(string); ok {
			ids[c.name] = id
		}
	}
	return out
}

// writeReply keeps the values that are compared; of all others the type is enough.
func writeReply(t *testing.T, path string, r reply) {
	r.Body, r.Stat = typesOnly("", r.Body), typesOnly(".Stat", r.Stat)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	must(t, e.Encode(r))
	must(t, os.WriteFile(path, []byte(strings.ReplaceAll(normal(b.String()), "<pid>", "1")), 0o644))
}

func typesOnly(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = typesOnly(path+"."+k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = typesOnly(path, v[i])
		}
	case string:
		host, _ := os.Hostname()
		if !isChosen(path) && !strings.HasSuffix(path, ".Name") || v == host {
			return ""
		}
	case float64:
		if !isChosen(path) {
			return 0.0
		}
	}
	return v
}

// readDifferences reads lines "CALL.PATH WHY": fields that may differ from the recorded ones; without a path it is
// the whole body.
func readDifferences(path string) (map[string]map[string]bool, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		where, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		if where == "" || where[0] == '#' {
			continue
		}
		if why == "" {
			return nil, fmt.Errorf("%s: %s has no reason", path, where)
		}
		name, field, one := strings.Cut(where, ".")
		if out[name] == nil {
			out[name] = map[string]bool{}
		}
		if one {
			field = "." + field
		}
		out[name][field] = true
	}
	return out, nil
}

// first is the element of a list that comes first by name, where the elements have names: daemons list them in any
// order.
func first(list []any) any {
	return slices.MinFunc(list, func(x, y any) int { return strings.Compare(nameIn(x), nameIn(y)) })
}

func nameIn(v any) string {
	o, _ := v.(map[string]any)
	name, _ := o["Name"].(string)
	return name
}

// chosen are the parts of replies whose values the caller chose, so that they are compared and not only their types.
var chosen = []string{".Config.", ".HostConfig.", ".message", ".State.Status", ".State.ExitCode", ".Path", ".Args",
	".Labels", ".Warnings", ".Stat.name", ".Stat.mode", ".Stat.linkTarget"}

func isChosen(path string) bool {
	return slices.ContainsFunc(chosen, func(c string) bool { return strings.Contains(path, c) })
}

// compareShape compares names and types of all fields, and the values of chosen ones.
func compareShape(b *strings.Builder, path string, want, got any, differs map[string]bool) {
	if differs[path] {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			fmt.Fprintf(b, "%s is %v, Docker's an object\n", path, got)
			return
		}
		for k, v := range w {
			if _, there := g[k]; !there && !differs[path+"."+k] {
				fmt.Fprintf(b, "%s.%s is not there, Docker's: %v\n", path, k, v)
			} else if there {
				compareShape(b, path+"."+k, v, g[k], differs)
			}
		}
		for k, v := range g {
			if _, there := w[k]; !there && !differs[path+"."+k] {
				fmt.Fprintf(b, "%s.%s is %v, and Docker has no such field\n", path, k, v)
			}
		}
	case []any:
		g, ok := got.([]any)
		switch {
		case !ok:
			fmt.Fprintf(b, "%s is %v, Docker's a list\n", path, got)
		case len(w) > 0 && len(g) > 0:
			compareShape(b, path, first(w), first(g), differs)
		case len(w) != len(g):
			fmt.Fprintf(b, "%s has %d elements, Docker's %d\n", path, len(g), len(w))
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			fmt.Fprintf(b, "%s is %v, Docker's: %v\n", path, got, want)
			return
		}
		if isChosen(path) && normal(fmt.Sprint(want)) != normal(fmt.Sprint(got)) {
			fmt.Fprintf(b, "%s is %v, Docker's: %v\n", path, got, want)
		}
	}
}
