package volume_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// What volume create sends, and what it refuses before it asks.
func TestCreate(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /volumes/create": clienttest.Reply(`{"Name":"made"}`)})
	for _, row := range []struct{ args, body string }{
		{"", `{"Driver":"local"}`},
		{"data", `{"Name":"data","Driver":"local"}`},
		{"--name data", `{"Name":"data","Driver":"local"}`},
		{"-d nfs data", `{"Name":"data","Driver":"nfs"}`},
		{"-o type=tmpfs -o device=tmpfs -o o=size=1m,uid=5", `{"Driver":"local","DriverOpts":{"type":"tmpfs",` +
			`"device":"tmpfs","o":"size=1m,uid=5"}}`},
		{"--label a=1 --label b --label a=2", `{"Driver":"local","Labels":{"a":"2","b":""}}`},
	} {
		r := f.Docker(t, "", append([]string{"volume", "create"}, strings.Fields(row.args)...)...)
		sent := clienttest.Decoded(t, f.Bodies["POST /volumes/create"])
		if r.Code != 0 || r.Out != "made\n" || !reflect.DeepEqual(sent, clienttest.Decoded(t, []byte(row.body))) {
			t.Errorf("volume create %s: %+v sent %v", row.args, r, sent)
		}
	}
	asked := len(f.Seen)
	if r := f.Docker(t, "", "volume", "create", "--name", "a", "b"); r.Code != 1 || len(f.Seen) != asked ||
		!strings.Contains(r.Stderr, "conflicting options: cannot specify a volume-name through both --name and as a "+
			"positional arg") {
		t.Errorf("two names: %+v", r)
	}
}

// Names are removed one after another; all are tried.
func TestRemove(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"DELETE /volumes/a": ok, "DELETE /volumes/b": ok,
		"DELETE /volumes/used": clienttest.Refuse(409, "remove used: volume is in use - [c1]")})
	r := f.Docker(t, "", "volume", "rm", "a", "used", "b")
	if r.Code != 1 || r.Out != "a\nb\n" ||
		r.Stderr != "Error response from daemon: remove used: volume is in use - [c1]\n" {
		t.Errorf("%+v", r)
	}
	f.Docker(t, "", "volume", "rm", "-f", "a")
	if last := f.Seen[len(f.Seen)-1]; last != "DELETE /volumes/a?force=1" {
		t.Errorf("asked %s", last)
	}
}

// Lists are in the order of names whatever the daemon sends; its warnings go to stderr.
func TestList(t *testing.T) {
	list := `{"Volumes":[{"Name":"b","Driver":"local","Labels":{"x":"1","a":""},"Scope":"local","Mountpoint":"/m/b",` +
		`"UsageData":{"Size":1500,"RefCount":2}},{"Name":"a","Driver":"nfs","UsageData":{"Size":-1,"RefCount":-1}}],` +
		`"Warnings":["one driver is away"]}`
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /volumes": clienttest.Reply(list)})
	for _, row := range []struct{ args, out string }{
		{"", "DRIVER    VOLUME NAME\nnfs       a\nlocal     b\n"},
		{"-q", "a\nb\n"},
		{"--format {{.Name}}:{{.Labels}}", "a:\nb:a=,x=1\n"},
		{"--format {{.Size}}/{{.Links}}", "-1B/-1\n1.5kB/2\n"},
		{`--format {{.Label "x"}}`, ""},
		{"--format {{.Mountpoint}}{{.Scope}}", "\n/m/blocal\n"},
		{"--format raw", "name: a\ndriver: nfs\n\nname: b\ndriver: local\n\n"},
		{"--cluster -q", ""},
	} {
		args := strings.Fields(row.args)
		if strings.Contains(row.args, `Label "x"`) {
			args, row.out = []string{"--format", `{{.Label "x"}}`}, "\n1\n"
		}
		r := f.Docker(t, "", append([]string{"volume", "ls"}, args...)...)
		if r.Code != 0 || r.Out != row.out || r.Stderr != "one driver is away\n" {
			t.Errorf("volume ls %s: %+v", row.args, r)
		}
	}
}

// Lists of a daemon that sends none, cuts them, or sends something else.
func TestListOfHostile(t *testing.T) {
	for _, row := range []struct {
		answer string
		code   int
	}{
		{`{}`, 0}, {`{"Volumes":null}`, 0}, {`null`, 0}, {`{"Volumes":[{}]}`, 0},
		{`{"Volumes":[`, 1}, {`[]`, 1}, {`{"Volumes":{"a":1}}`, 1}, {``, 1}, {`<html>no</html>`, 1},
		{`{"Volumes":[{"Name":5}]}`, 1}, {strings.Repeat("[", 20000), 1},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /volumes": clienttest.Reply(row.answer)})
		r := f.Docker(t, "", "volume", "ls")
		if r.Code != row.code || (r.Code != 0) != (r.Stderr != "") || len(r.Stderr) > 500 {
			t.Errorf("%.40s: %+v", row.answer, r)
		}
	}
}

// Before API 1.42 all volumes are pruned, so the question says so and no filter is sent.
func TestPruneByVersion(t *testing.T) {
	for _, row := range []struct{ version, args, question, asked string }{
		{"1.41", "", "all local volumes", "POST /volumes/prune"},
		{"1.42", "", "anonymous local volumes", "POST /volumes/prune"},
		{"1.47", "-a", "all local volumes", `POST /volumes/prune?filters=%7B%22all%22%3A%7B%22true%22%3Atrue%7D%7D`},
		{"1.47", "--filter label=x", "anonymous local volumes",
			`POST /volumes/prune?filters=%7B%22label%22%3A%7B%22x%22%3Atrue%7D%7D`},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /volumes/prune": clienttest.Reply(`{"VolumesDeleted":["v1","v2"],"SpaceReclaimed":2048}`)})
		f.Version = row.version
		args := append([]string{"volume", "prune"}, strings.Fields(row.args)...)
		r := f.Docker(t, "y\n", args...)
		if r.Code != 0 || !strings.Contains(r.Out, row.question+" not used by at least one container") ||
			!strings.HasSuffix(r.Out, "Deleted Volumes:\nv1\nv2\n\nTotal reclaimed space: 2.048kB\n") ||
			f.Seen[len(f.Seen)-1] != row.asked {
			t.Errorf("%s %s: %+v asked %q", row.version, row.args, r, f.Seen)
		}
		asked := len(f.Seen)
		for _, no := range []string{"n\n", "\n", "", "yes\n"} {
			if r := f.Docker(t, no, args...); strings.Contains(strings.Join(f.Seen[asked:], " "), "POST") {
				t.Errorf("%q is taken for consent: %+v", no, r)
			}
		}
	}
}

// prune --all needs API 1.42, which the client finds out before it asks the user or the daemon.
func TestPruneAllOfOldDaemon(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"POST /volumes/prune": clienttest.Reply(`{}`)})
	f.Version = "1.41"
	for _, args := range [][]string{{"-a"}, {"-a", "-f"}} {
		r := f.Docker(t, "y\n", append([]string{"volume", "prune"}, args...)...)
		if r.Code != 1 || r.Out != "" || strings.Contains(strings.Join(f.Seen, " "), "POST") || r.Stderr !=
			"\"--all\" requires API version 1.42, but the Docker daemon API version is 1.41\n" {
			t.Errorf("%q: %+v asked %q", args, r, f.Seen)
		}
	}
}
