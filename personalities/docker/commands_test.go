package docker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/personalities/docker/clienttest"
)

// Every command has help, under each of its names, and no two rows share one.
func TestEveryCommandHasHelp(t *testing.T) {
	f := newFake(t, nil)
	seen := map[string]bool{}
	for _, c := range commands() {
		for _, name := range c.names {
			if seen[name] {
				t.Errorf("two commands are called %s", name)
			}
			seen[name] = true
			r := f.Docker(t, "", append(strings.Fields(name), "--help")...)
			if r.Code != 0 || !strings.HasPrefix(r.Out, "Usage:  docker "+name) || !strings.Contains(r.Out, c.summary) {
				t.Errorf("%s --help: %+v", name, r)
			}
			u := c.usage("docker " + name)
			for _, flag := range u.Flags() { // kong refuses one that is there twice
				if flag.Help == "" {
					t.Errorf("%s: flag --%s is without help", name, flag.Name)
				}
			}
		}
	}
	for _, g := range groups() {
		if r := f.Docker(t, "", g.name); r.Code != 0 || !strings.HasPrefix(r.Out, "Usage:  docker "+g.name+" COMMAND") {
			t.Errorf("%s: %+v", g.name, r)
		}
	}
	if len(f.Seen) > 0 {
		t.Errorf("help asked the daemon %q", f.Seen)
	}
}

// One row a verb: what is typed, what is asked, what is printed.
func TestVerbs(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	gone := clienttest.Refuse(404, "No such container: zz")
	f := newFake(t, map[string]http.HandlerFunc{
		"POST /containers/a/start": ok, "POST /containers/a/stop": ok, "POST /containers/a/restart": ok,
		"POST /containers/a/kill":  ok,
		"POST /containers/a/pause": ok, "POST /containers/a/unpause": ok, "POST /containers/a/rename": ok,
		"DELETE /containers/a":      ok,
		"POST /containers/zz/start": gone, "POST /containers/zz/stop": gone, "DELETE /containers/zz": gone,
		"POST /containers/zz/wait":    gone,
		"POST /containers/a/wait":     clienttest.Reply(`{"StatusCode":3}`),
		"POST /containers/a/update":   clienttest.Reply(`{"Warnings":["w"]}`),
		"GET /containers/a/changes":   clienttest.Reply(`[{"Kind":0,"Path":"/a"},{"Kind":1,"Path":"/b"},{"Kind":2,"Path":"/c"}]`),
		"GET /containers/a/top":       clienttest.Reply(`{"Titles":["PID","CMD"],"Processes":[["1","sh"],["22","sleep 5"]]}`),
		"GET /containers/a/json":      clienttest.Reply(`{"Id":"a","NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}],"90/udp":null}}}`),
		"POST /commit":                clienttest.Reply(`{"Id":"sha256:new"}`),
		"POST /images/a:1/tag":        ok,
		"DELETE /images/a:1":          clienttest.Reply(`[{"Untagged":"a:1"},{"Deleted":"sha256:x"}]`),
		"POST /networks/create":       clienttest.Reply(`{"Id":"net","Warning":"careful"}`),
		"DELETE /networks/n":          ok,
		"POST /networks/n/connect":    ok,
		"POST /networks/n/disconnect": ok,
		"POST /volumes/create":        clienttest.Reply(`{"Name":"v"}`),
		"DELETE /volumes/v":           ok,
		"POST /containers/prune":      clienttest.Reply(`{"ContainersDeleted":["c1"],"SpaceReclaimed":1500}`),
		"POST /images/prune":          clienttest.Reply(`{"ImagesDeleted":[{"Untagged":"u"},{"Deleted":"d"}],"SpaceReclaimed":0}`),
		"POST /volumes/prune":         clienttest.Reply(`{}`),
		"POST /networks/prune":        clienttest.Reply(`{"NetworksDeleted":["n1"]}`),
		"POST /build/prune":           clienttest.Reply(`{"CachesDeleted":["b1"],"SpaceReclaimed":1500}`),
		"GET /images/search":          clienttest.Reply(`[{"name":"n","description":"d","star_count":5,"is_official":true}]`),
		"POST /auth":                  clienttest.Reply(`{"Status":"Login Succeeded"}`),
	})
	for _, row := range []struct {
		args, asked, out, stderr string
		code                     int
	}{
		{"start a", "POST /containers/a/start", "a\n", "", 0},
		{"start a zz", "", "a\n", "Error response from daemon: No such container: zz\nError: failed to start containers: " +
			"zz\n", 1},
		{"stop a", "POST /containers/a/stop", "a\n", "", 0},
		{"stop -t 5 -s INT a", "POST /containers/a/stop?signal=INT&t=5", "a\n", "", 0},
		{"stop --time 0 a", "POST /containers/a/stop?t=0", "a\n", "", 0},
		{"stop zz", "", "", "Error response from daemon: No such container: zz\n", 1},
		{"restart -t 1 a", "POST /containers/a/restart?t=1", "a\n", "", 0},
		{"kill a", "POST /containers/a/kill", "a\n", "", 0},
		{"kill -s HUP a", "POST /containers/a/kill?signal=HUP", "a\n", "", 0},
		{"pause a", "POST /containers/a/pause", "a\n", "", 0},
		{"unpause a", "POST /containers/a/unpause", "a\n", "", 0},
		{"rename a b", "POST /containers/a/rename?name=b", "", "", 0},
		{"rm a", "DELETE /containers/a", "a\n", "", 0},
		{"rm -f -v -l a", "DELETE /containers/a?force=1&link=1&v=1", "a\n", "", 0},
		{"rm zz", "", "", "Error response from daemon: No such container: zz\n", 1},
		{"rm -f zz", "", "", "Error response from daemon: No such container: zz\n", 0},
		{"wait a", "POST /containers/a/wait?condition=not-running", "3\n", "", 0},
		{"update -m 5m --restart always a", "POST /containers/a/update", "a\nw\n", "", 0},
		{"update a", "", "", "you must provide one or more flags when using this command\n", 1},
		{"diff a", "GET /containers/a/changes", "C /a\nA /b\nD /c\n", "", 0},
		{"top a -o pid,cmd", "GET /containers/a/top?ps_args=-o+pid%2Ccmd",
			"PID                 CMD\n1                   sh\n22                  sleep 5\n", "", 0},
		{"port a", "GET /containers/a/json", "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n", "", 0},
		{"port a 80", "GET /containers/a/json", "0.0.0.0:8080\n[::]:8080\n", "", 0},
		{"port a 90/udp", "", "", "Error: No public port '90/udp' published for a\n", 1},
		{"commit -m msg -a me --no-pause -c X a r:t",
			"POST /commit?author=me&changes=X&comment=msg&container=a&pause=0&repo=r&tag=t", "sha256:new\n", "", 0},
		{"tag a:1 r/x", "POST /images/a:1/tag?repo=r%2Fx&tag=latest", "", "", 0},
		{"rmi -f --no-prune a:1", "DELETE /images/a:1?force=1&noprune=1", "Untagged: a:1\nDeleted: sha256:x\n", "", 0},
		{"network create n", "POST /networks/create", "net\n", "WARNING: careful\n", 0},
		{"network rm n", "DELETE /networks/n", "n\n", "", 0},
		{"network connect n a", "POST /networks/n/connect", "", "", 0},
		{"network disconnect -f n a", "POST /networks/n/disconnect", "", "", 0},
		{"volume create", "POST /volumes/create", "v\n", "", 0},
		{"volume rm -f v", "DELETE /volumes/v?force=1", "v\n", "", 0},
		{"container prune -f", "POST /containers/prune", "Deleted Containers:\nc1\n\nTotal reclaimed space: 1.5kB\n",
			"", 0},
		{"image prune -f", "POST /images/prune?filters=%7B%22dangling%22%3A%7B%22true%22%3Atrue%7D%7D",
			"Deleted Images:\nuntagged: u\ndeleted: d\n\nTotal reclaimed space: 0B\n", "", 0},
		{"image prune -af", "POST /images/prune?filters=%7B%22dangling%22%3A%7B%22false%22%3Atrue%7D%7D",
			"Deleted Images:\nuntagged: u\ndeleted: d\n\nTotal reclaimed space: 0B\n", "", 0},
		{"volume prune -af", "POST /volumes/prune?filters=%7B%22all%22%3A%7B%22true%22%3Atrue%7D%7D",
			"Total reclaimed space: 0B\n", "", 0},
		{"builder prune -af", "POST /build/prune?all=1", "Deleted build cache objects:\nb1\n\nTotal:\t1.5kB\n", "", 0},
		{"search --limit 3 x", "GET /images/search?limit=3&term=x",
			"NAME      DESCRIPTION   STARS     OFFICIAL\nn         d             5         [OK]\n", "", 0},
		{"network prune -f", "POST /networks/prune", "Deleted Networks:\nn1\n\n", "", 0},
	} {
		before := len(f.Seen)
		r := f.Docker(t, "", strings.Fields(row.args)...)
		if r.Code != row.code || r.Out != row.out || r.Stderr != row.stderr {
			t.Errorf("%s: %+v", row.args, r)
		}
		if row.asked != "" && (len(f.Seen) == before || f.Seen[len(f.Seen)-1] != row.asked) {
			t.Errorf("%s asked %q, want %s", row.args, f.Seen[before:], row.asked)
		}
	}
}

func TestPruneAsks(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{"POST /containers/prune": clienttest.Reply(`{}`)})
	if r := f.Docker(t, "n\n", "container", "prune"); r.Code != 0 || len(f.Seen) > 0 ||
		!strings.Contains(r.Out, "Are you sure you want to continue? [y/N]") {
		t.Errorf("n: %+v asked %q", r, f.Seen)
	}
	if r := f.Docker(t, "y\n", "container", "prune"); r.Code != 0 || len(f.Seen) != 1 {
		t.Errorf("y: %+v asked %q", r, f.Seen)
	}
}

func TestUnknown(t *testing.T) {
	f := newFake(t, nil)
	for _, row := range []struct {
		args string
		want string
		code int
	}{
		{"conteiner", "docker: unknown command: docker conteiner\n\nDid you mean: docker container\n\nRun 'docker --help' " +
			"for more information\n", 1},
		{"container lss", "docker: unknown command: docker container lss\n\nDid you mean: docker container ls\n\nUsage:  " +
			"docker container\n\nRun 'docker container --help' for more information\n", 1},
		{"xyzzy", "docker: unknown command: docker xyzzy\n\nRun 'docker --help' for more information\n", 1},
		{"run", "docker: 'docker run' requires at least 1 argument\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] " +
			"[ARG...]\n\nSee 'docker run --help' for more information\n", 1},
		{"-l zz ps", "Unable to parse logging level: zz\n", 1},
		{"-H a -H b ps", "Failed to initialize: unable to resolve docker endpoint: Specify only one -H\n", 1},
	} {
		if r := f.Docker(t, "", strings.Fields(row.args)...); r.Code != row.code || r.Stderr != row.want {
			t.Errorf("%s: %+v", row.args, r)
		}
	}
}

func TestInspect(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{
		"GET /containers/c/json": clienttest.Reply(`{"Id":"c","Created":"2020","Config":{"Cmd":null,"Image":"i"},"New":{"z":1,"a":2}}`),
		"GET /images/i/json":     clienttest.Reply(`{"Id":"sha256:i","RepoTags":["i:1"]}`),
		"GET /networks/n":        clienttest.Reply(`{"Id":"n"}`),
		"GET /volumes/v":         clienttest.Reply(`{"Name":"v"}`),
	})
	for _, row := range []struct {
		args []string
		out  string
		code int
	}{
		{[]string{"inspect", "c"}, "[\n    {\n        \"Id\": \"c\",\n        \"Created\": \"2020\",\n        \"Config\": " +
			"{\n            \"Cmd\": null,\n            \"Image\": \"i\"\n        },\n        \"New\": {\n            \"z\": " +
			"1,\n            \"a\": 2\n        }\n    }\n]\n", 0},
		{[]string{"inspect", "-f", "{{.ID}} {{.Config.Cmd}} {{.Config.Env}}", "c"}, "c [] []\n", 0},
		{[]string{"inspect", "-f", "{{.Id}} {{json .New}}", "c"}, "c {\"a\":2,\"z\":1}\n", 0},
		{[]string{"inspect", "-f", "{{.Id}}{{.Name}}", "i", "v"}, "", 1},
		{[]string{"inspect", "-f", "json", "n"}, "[{\"Id\":\"n\"}]\n", 0},
		{[]string{"inspect", "--type", "image", "i", "-f", "{{.RepoTags}}"}, "[i:1]\n", 0},
		{[]string{"inspect", "zz"}, "[]\n", 1},
		{[]string{"volume", "inspect", "v", "-f", "{{.Name}}"}, "v\n", 0},
		{[]string{"inspect", "-f", "{{", "c"}, "", 64},
	} {
		r := f.Docker(t, "", row.args...)
		if r.Code != row.code || (row.out != "" && r.Out != row.out) {
			t.Errorf("%q: %+v", row.args, r)
		}
	}
	if r := f.Docker(t, "", "inspect", "zz"); r.Stderr != "Error: No such object: zz\n" {
		t.Errorf("%+v", r)
	}
}

func TestLogs(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{
		"GET /containers/c/json": clienttest.Reply(`{"Id":"c"}`),
		"GET /containers/c/logs": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "\x01\x00\x00\x00\x00\x00\x00\x04out\n\x02\x00\x00\x00\x00\x00\x00\x04err\n")
		},
		"GET /containers/t/json": clienttest.Reply(`{"Id":"t","Config":{"Tty":true}}`),
		"GET /containers/t/logs": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "raw\r\n") },
	})
	if r := f.Docker(t, "", "logs", "--since", "1700000000.5", "-n", "5", "-t", "c"); r.Out != "out\n" ||
		r.Stderr != "err\n" {
		t.Errorf("%+v", r)
	}
	if want := "GET /containers/c/logs?since=1700000000.5&stderr=1&stdout=1&tail=5&timestamps=1"; f.Seen[1] != want {
		t.Error(f.Seen[1])
	}
	if r := f.Docker(t, "", "logs", "t"); r.Out != "raw\r\n" {
		t.Errorf("%+v", r)
	}
	if r := f.Docker(t, "", "logs", "--since", "yesterday", "c"); r.Code != 1 ||
		!strings.Contains(r.Stderr, `invalid value for "since"`) {
		t.Errorf("%+v", r)
	}
}

func TestLogin(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{"POST /auth": clienttest.Reply(`{"Status":"Login Succeeded"}`),
		"POST /images/create": clienttest.Reply(`{"status":"done"}`)})
	home := t.TempDir()
	clienttest.WriteConfig(t, home, `{"psFormat":"x","auths":{"other":{"auth":"YTpi"}},"unknown":{"kept":true}}`)
	r := dockerIn(t, home, f.Host, "s3cret\n", "login", "-u", "me", "--password-stdin", "https://reg:5000/v2/")
	if r.Code != 0 || r.Out != "Login Succeeded\n" {
		t.Fatalf("%+v", r)
	}
	raw, err := os.ReadFile(filepath.Join(home, ".docker", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got["auths"], got["unknown"],
		got["psFormat"]); s != "map[other:map[auth:YTpi] reg:5000:map[auth:bWU6czNjcmV0]] map[kept:true]x" {
		t.Error(s)
	}
	var header string
	f.Routes["POST /images/create"] = func(w http.ResponseWriter,
		r *http.Request) {
		header = r.Header.Get("X-Registry-Auth")
	}
	dockerIn(t, home, f.Host, "", "pull", "reg:5000/img")
	if !strings.HasPrefix(header, "eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJzM2NyZXQi") {
		t.Errorf("a pull from there sends %q", header)
	}
	dockerIn(t, home, f.Host, "", "logout", "reg:5000")
	if raw, _ := os.ReadFile(filepath.Join(home, ".docker", "config.json")); strings.Contains(string(raw), "reg:5000") ||
		!strings.Contains(string(raw), "other") {
		t.Errorf("after logout: %s", raw)
	}
}

func TestCompletion(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{"GET /containers/json": clienttest.Reply(`[{"Names":["/web"]},{"Names":["/db"]}]`),
		"GET /images/json": clienttest.Reply(`[{"RepoTags":["i:1"]}]`)})
	for _, row := range []struct{ words, want string }{
		{"cont", "container\ncontext\n"}, {"container st", "start\nstats\nstop\n"}, {"stop w", "web\n"},
		{"exec -it d", "db\n"}, {"run ", "i:1\n"}, {"ps --no-", "--no-trunc\n"}, {"nope x", ""},
	} {
		if r := f.Docker(t, "", append([]string{"__complete"},
			strings.Split(row.words, " ")...)...); r.Out != row.want {
			t.Errorf("%s: %q", row.words, r.Out)
		}
	}
	for shell := range completions() {
		if r := f.Docker(t, "", "completion", shell); r.Code != 0 || !strings.Contains(r.Out, "__complete") {
			t.Errorf("%s: %+v", shell, r)
		}
	}
	if r := f.Docker(t, "", "completion", "cmd.exe"); r.Code != 1 || !strings.Contains(r.Stderr, "bash, zsh and fish") {
		t.Errorf("%+v", r)
	}
}
