package system_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// TestSystemPrune: what is asked, in which order kinds are pruned, and what is said of it.
func TestSystemPrune(t *testing.T) {
	for _, row := range []struct {
		args, answer string
		asked        []string // requests with what the filters say
		out          string   // a part
		code         int
	}{
		{"", "n", nil, "- all dangling images\n  - unused build cache\n", 0},
		{"-a --volumes", "n", nil, "all anonymous volumes not used by at least one container\n" +
			"  - all images without at least one container associated to them\n  - all build cache\n", 0},
		{"--filter label=a --filter label=b", "n", nil, "Items to be pruned will be filtered with:\n" +
			"  - label=a\n  - label=b\n", 0},
		{"-f", "", []string{"/containers/prune", "/networks/prune", "/images/prune dangling=true", "/build/prune"},
			"Deleted Containers:\nc1\n\nDeleted Networks:\nn1\n\nDeleted Images:\nuntagged: x:1\ndeleted: sha256:1\n\n" +
				"Total reclaimed space: 6B\n", 0},
		{"-f -a --volumes", "", []string{"/containers/prune", "/networks/prune", "/volumes/prune",
			"/images/prune dangling=false", "/build/prune"}, "Deleted Volumes:\nv1\n", 0},
		{"-f --filter until=1h --volumes", "", nil, "", 1},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /containers/prune": clienttest.Reply(`{"ContainersDeleted":["c1"],"SpaceReclaimed":1}`),
			"POST /networks/prune":   clienttest.Reply(`{"NetworksDeleted":["n1"]}`),
			"POST /volumes/prune":    clienttest.Reply(`{"VolumesDeleted":["v1"],"SpaceReclaimed":2}`),
			"POST /images/prune":     clienttest.Reply(`{"ImagesDeleted":[{"Untagged":"x:1"},{"Deleted":"sha256:1"}],"SpaceReclaimed":5}`),
		}) // and no builds: that a daemon has no cache is no error
		r := f.Docker(t, row.answer+"\n", append([]string{"system", "prune"}, strings.Fields(row.args)...)...)
		var asked []string
		for _, s := range f.Seen {
			if path, ok := strings.CutPrefix(s, "POST "); ok {
				asked = append(asked, withFilters(t, path))
			}
		}
		if r.Code != row.code || !strings.Contains(r.Out, row.out) || !slices.Equal(asked, row.asked) {
			t.Errorf("system prune %s: %+v asked %q", row.args, r, asked)
		}
	}
}

// withFilters is a path and its filters, KEY=VALUE.
func withFilters(t *testing.T, request string) string {
	t.Helper()
	u, err := url.Parse(request)
	if err != nil {
		t.Fatal(err)
	}
	text := u.Path
	var filters map[string]map[string]bool
	if raw := u.Query().Get("filters"); raw != "" && json.Unmarshal([]byte(raw), &filters) != nil {
		t.Errorf("filters are %s", raw)
	}
	for key, values := range filters {
		for value := range values {
			text += " " + key + "=" + value
		}
	}
	return text
}

// TestEvents: each event is a line, in words, as JSON or by a template.
func TestEvents(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /events": clienttest.Reply(
		`{"Type":"container","Action":"die","Actor":{"ID":"c1","Attributes":{"name":"web","exitCode":"3"}},"time":1767323017,"timeNano":1767323017000000001}` +
			"\n" + `{"Type":"network","Action":"create","Actor":{"ID":"n1"},"time":1767323018}`)})
	for _, row := range []struct{ args, out string }{
		{"", "container die c1 (exitCode=3, name=web)\n~network create n1\n"},
		{"--format {{.Type}}/{{.Action}}/{{.Actor.Attributes.name}}", "container/die/web\n~network/create/"},
		{"--format json", `"Action":"die"~"Action":"create"`},
	} {
		r := f.Docker(t, "", append([]string{"events"}, strings.Fields(row.args)...)...)
		for part := range strings.SplitSeq(row.out, "~") {
			if r.Code != 0 || !strings.Contains(r.Out, part) {
				t.Errorf("events %s: no %q in %+v", row.args, part, r)
			}
		}
	}
	f.Docker(t, "", "events", "--since", "5", "--until", "2026-01-02T03:03:37Z", "--filter", "type=container")
	last := f.Seen[len(f.Seen)-1]
	if !strings.Contains(last, "since=5") || !strings.Contains(last, "until=1767323017.000000000") ||
		withFilters(t, strings.TrimPrefix(last, "GET ")) != "/events type=container" {
		t.Errorf("asked %s", last)
	}
	for args, code := range map[string]int{"--since x": 1, "--until x": 1, "--format {{": 64} {
		if r := f.Docker(t, "", append([]string{"events"}, strings.Fields(args)...)...); r.Code != code || r.Stderr == "" {
			t.Errorf("events %s: %+v", args, r)
		}
	}
}

// TestVersionWithoutDaemon: the client's half is printed where no daemon answers, and the command fails.
func TestVersionWithoutDaemon(t *testing.T) {
	home := t.TempDir()
	r := clienttest.In(t, docker.Main, home, "unix:///nowhere/at/all", "", "version")
	if r.Code != 1 || !strings.HasPrefix(r.Out, "Client:") || strings.Contains(r.Out, "Server:") ||
		!strings.Contains(r.Stderr, "unix:///nowhere/at/all") {
		t.Errorf("%+v", r)
	}
	r = clienttest.In(t, docker.Main, home, "unix:///nowhere/at/all", "", "version", "--format", "{{.Client.Context}}")
	if r.Code != 1 || r.Out != "default\n" {
		t.Errorf("%+v", r)
	}
}

// TestInspectOptions: what only one kind has goes to the daemon, and the shape of the answer is that of the kind.
func TestInspectOptions(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /images/x/json":     clienttest.Reply(`{"Id":"sha256:1"}`),
		"GET /networks/n":        clienttest.Reply(`{"Id":"n1"}`),
		"GET /containers/c/json": clienttest.Reply(`{"Id":"c1","SizeRw":7}`),
	})
	for _, row := range []struct{ args, asked, out string }{
		{"image inspect --platform linux/arm64 -f {{.Id}} x", `platform={"architecture":"arm64","os":"linux"}`, "sha256:1\n"},
		{"network inspect -v -f {{.ID}},{{.Internal}} n", "verbose=1", "n1,false\n"},
		{"container inspect -s -f {{.SizeRw}} c", "size=1", "7\n"},
		{"inspect --type image -f {{.Id}} x", "/images/x/json", "sha256:1\n"},
	} {
		r := f.Docker(t, "", strings.Fields(row.args)...)
		asked, err := url.QueryUnescape(strings.Join(f.Seen, " "))
		if err != nil || r.Code != 0 || r.Out != row.out || !strings.Contains(asked, row.asked) {
			t.Errorf("%s: %+v asked %s", row.args, r, asked)
		}
	}
}

// TestProxies: variables of the settings, in both cases of letters, those of the daemon before those of all, and none
// in the place of what the user says.
func TestProxies(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /containers/create": clienttest.Reply(`{"Id":"x"}`)})
	for _, row := range []struct{ config, args, env string }{
		{`{}`, "", "null"},
		{`{"proxies":{"default":{"httpProxy":"http://p"}}}`, "", `["HTTP_PROXY=http://p","http_proxy=http://p"]`},
		{`{"proxies":{"default":{"httpProxy":"http://p","noProxy":"a,b"}}}`, "-e http_proxy= -e NO_PROXY=c",
			`["http_proxy=","NO_PROXY=c","HTTP_PROXY=http://p","no_proxy=a,b"]`},
		{`{"proxies":{"HOST":{"allProxy":"x"},"default":{"httpProxy":"http://p"}}}`, "", `["ALL_PROXY=x","all_proxy=x"]`},
	} {
		home := t.TempDir()
		clienttest.WriteConfig(t, home, strings.ReplaceAll(row.config, "HOST", f.Host))
		args := append(append([]string{"create"}, strings.Fields(row.args)...), "img")
		if r := clienttest.In(t, docker.Main, home, f.Host, "", args...); r.Code != 0 {
			t.Errorf("%s: %+v", row.config, r)
		}
		env, _ := json.Marshal(clienttest.At(clienttest.Decoded(t, f.Bodies["POST /containers/create"]), "Env"))
		if string(env) != row.env {
			t.Errorf("%s %s: %s, want %s", row.config, row.args, env, row.env)
		}
	}
}

// TestVersionOfDaemon: both halves, as a table and by a template.
func TestVersionOfDaemon(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"GET /version": clienttest.Reply(`{"Version":"1.2.3","ApiVersion":"1.47",` +
			`"MinAPIVersion":"1.24","GitCommit":"abc","Os":"linux","Arch":"amd64","Components":[{"Name":"Engine",` +
			`"Version":"1.2.3","Details":{"ApiVersion":"1.47","MinAPIVersion":"1.24","GitCommit":"abc"}},{"Name":"runc","Version":"1.1","Details":{"GitCommit":"def"}}]}`)})
	r := f.Docker(t, "", "version")
	for _, want := range []string{"Client:", "\n\nServer:", "1.2.3", "1.47 (minimum version 1.24)", " runc:\n", "def"} {
		if r.Code != 0 || !strings.Contains(r.Out, want) {
			t.Errorf("no %q in %+v", want, r)
		}
	}
	r = f.Docker(t, "", "version", "-f", "{{.Server.Version}} {{.Server.APIVersion}}")
	if r.Code != 0 || r.Out != "1.2.3 1.47\n" {
		t.Errorf("%+v", r)
	}
}

// TestDiskUsageInFull: each kind has its own table, with what an object takes alone.
func TestDiskUsageInFull(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"GET /system/df": clienttest.Reply(`{"LayersSize":5000000,` +
			`"Images":[{"Id":"sha256:0123456789abcdef","RepoTags":["x:1"],"Size":3000000,"SharedSize":1000000,"Containers":2}],` +
			`"Containers":[{"Id":"c0123456789abcdef","Names":["/web"],"Image":"x:1","Command":"sh","SizeRw":7,"State":"running"}],` +
			`"Volumes":[{"Name":"v","Driver":"local","UsageData":{"Size":11,"RefCount":1}}],` +
			`"BuildCache":[{"ID":"b0123456789abcdef","Type":"regular","Size":13,"UsageCount":4}]}`)})
	r := f.Docker(t, "", "system", "df", "-v")
	for _, want := range []string{"Images space usage:\n\nREPOSITORY   TAG", "1MB           2MB           2",
		"Containers space usage:\n\nCONTAINER ID", "web",
		"Local Volumes space usage:\n\nVOLUME NAME   LINKS     SIZE\nv             1         11B",
		"Build cache usage: 13B\n\nCACHE ID", "regular"} {
		if r.Code != 0 || !strings.Contains(r.Out, want) {
			t.Errorf("no %q in\n%s%s", want, r.Out, r.Stderr)
		}
	}
	if r := f.Docker(t, "", "system", "df", "-v", "--format",
		"{{len .Images}},{{(index .Volumes 0).Size}}"); r.Code != 0 ||
		r.Out != "1,11B" {
		t.Errorf("%+v", r)
	}
}

// TestPush: what is asked of the daemon for a name, a tag, every tag and one platform.
func TestPush(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /images/r/x/push": clienttest.Reply(`{"status":"done"}`)})
	for _, row := range []struct{ args, asked, out string }{
		{"r/x:1", "/images/r/x/push?tag=1", "done\n"},
		{"r/x", "/images/r/x/push?tag=latest", "Using default tag: latest\ndone\n"},
		{"-a r/x", "/images/r/x/push", "done\n"},
		{"-q r/x:1", "/images/r/x/push?tag=1", "docker.io/r/x:1\n"},
		{"--platform linux/arm64 r/x:1", `"architecture":"arm64"`, "done\n"},
	} {
		r := f.Docker(t, "", append([]string{"push"}, strings.Fields(row.args)...)...)
		asked, err := url.QueryUnescape(f.Seen[len(f.Seen)-1])
		if err != nil || r.Code != 0 || r.Out != row.out || !strings.Contains(asked, row.asked) {
			t.Errorf("push %s: %+v asked %s", row.args, r, asked)
		}
	}
	for args, says := range map[string]string{"-a r/x:1": "tag can't be used with --all-tags/-a", "R": "lowercase",
		"--disable-content-trust=false r/x": "does not check image signatures"} {
		r := f.Docker(t, "", append([]string{"push"}, strings.Fields(args)...)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, says) {
			t.Errorf("push %s: %+v", args, r)
		}
	}
}
