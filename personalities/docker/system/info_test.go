package system_test

import (
	"net/http"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// What info prints for each member of the daemon's answer.
func TestInfoLines(t *testing.T) {
	for _, row := range []struct{ title, answer, want string }{
		{"counts", `"Containers":3,"ContainersRunning":1,"ContainersPaused":1,"ContainersStopped":1,"Images":7`,
			" Containers: 3\n  Running: 1\n  Paused: 1\n  Stopped: 1\n Images: 7\n"},
		{"driver", `"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"],["userxattr","false"]]`,
			" Storage Driver: overlay2\n  Backing Filesystem: extfs\n  userxattr: false\n"},
		{"log and cgroups", `"LoggingDriver":"json-file","CgroupDriver":"cgroupfs","CgroupVersion":"2"`,
			" Logging Driver: json-file\n Cgroup Driver: cgroupfs\n Cgroup Version: 2\n"},
		{"plugins", `"Plugins":{"Volume":["local","x"],"Network":["bridge"],"Authorization":["a","b"],"Log":["json-file"]}`,
			" Plugins:\n  Volume: local x\n  Network: bridge\n  Authorization: a b\n  Log: json-file\n"},
		{"runtimes", `"Runtimes":{"runc":{},"box":{}},"DefaultRuntime":"box"`,
			" Runtimes: box runc\n Default Runtime: box\n"},
		{"security", `"SecurityOptions":["name=apparmor","name=seccomp,profile=builtin","name=userns"]`,
			" Security Options:\n  apparmor\n  seccomp\n   Profile: builtin\n  userns\n"},
		{"CDI", `"CDISpecDirs":["/etc/cdi","/run/cdi"]`, " CDI spec directories:\n  /etc/cdi\n  /run/cdi\n"},
		{"of an old daemon", `"SecurityOptions":["seccomp"]`, "   seccomp\n"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /info": clienttest.Reply("{" + row.answer + "}")})
		if r := f.Docker(t, "", "info"); r.Code != 0 || !strings.Contains(r.Out, row.want) || r.Stderr != "" {
			t.Errorf("%s: %+v\nwant\n%s", row.title, r, row.want)
		}
	}
}

// Warnings of the daemon go to stderr, and only where a person reads.
func TestInfoWarnings(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /info": clienttest.Reply(`{"Warnings":["WARNING: one","WARNING: two"]}`)})
	if r := f.Docker(t, "", "info"); r.Code != 0 || r.Stderr != "WARNING: one\nWARNING: two\n" {
		t.Errorf("%+v", r)
	}
	if r := f.Docker(t, "", "info", "-f", "{{len .Warnings}}"); r.Code != 0 || r.Out != "2\n" || r.Stderr != "" {
		t.Errorf("%+v", r)
	}
}

// With --format, what this client does not know of an answer is there too, beside the client's own.
func TestInfoFormat(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /info": clienttest.Reply(`{"Name":"host","Future":{"Thing":5}} `)})
	for _, row := range []struct{ format, want string }{
		{"{{.Name}}", "host\n"},
		{"{{.Future.Thing}}", "5\n"},
		{"{{.ClientInfo.Debug}}", "false\n"},
		{"{{len .ClientInfo.Plugins}}", "0\n"},
		{"json", `"Name":"host"`},
		{"{{json .}}", `"ClientInfo":{`},
	} {
		if r := f.Docker(t, "", "info", "--format", row.format); r.Code != 0 || !strings.Contains(r.Out, row.want) {
			t.Errorf("%s: %+v", row.format, r)
		}
	}
	for _, row := range []struct {
		format, says string
		code         int
	}{
		{"{{", "template parsing error", 64},
		{"{{.Nothing}}", "Nothing", 1},
		{"{{.Name.More}}", "Name", 1},
	} {
		if r := f.Docker(t, "", "info", "--format", row.format); r.Code != row.code ||
			!strings.Contains(r.Stderr, row.says) {
			t.Errorf("%s: %+v", row.format, r)
		}
	}
}

// Answers that are no information: an error in every form of the command, never a panic or half a line of JSON.
func TestInfoOfHostile(t *testing.T) {
	for _, answer := range []string{``, `[]`, `5`, `"text"`, `{"Containers":`, `{"Containers":"many"}`, `<html>`,
		`{"DriverStatus":[[1]]}`, strings.Repeat(`{"a":`, 20000)} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /info": clienttest.Reply(answer)})
		for _, args := range [][]string{{"info"}, {"info", "-f", "json"}, {"info", "-f", "{{.Name}}"}} {
			r := f.Docker(t, "", args...)
			if r.Code != 1 || r.Stderr == "" || len(r.Stderr) > 500 || strings.Contains(r.Out, `"ClientInfo"`) {
				t.Errorf("%q of %.30s: %+v", args, answer, r)
			}
		}
	}
	for _, answer := range []string{`null`, ` null `, `{}`, ` { } `} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /info": clienttest.Reply(answer)})
		r := f.Docker(t, "", "info", "-f", "json")
		if r.Code == 0 {
			clienttest.Decoded(t, []byte(r.Out))
		}
		if r := f.Docker(t, "", "info", "-f", "{{.Nothing}}"); r.Code != 1 {
			t.Errorf("%s: %+v", answer, r)
		}
	}
}

// The daemon refuses: what there is of the client is printed before, as in Docker.
func TestInfoRefused(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /info": clienttest.Refuse(403, "not for you")})
	r := f.Docker(t, "", "info")
	if r.Code != 1 || !strings.HasPrefix(r.Out, "Client:\n Version: ") || !strings.HasSuffix(r.Out, "\nServer:\n") ||
		r.Stderr != "Error response from daemon: not for you\n" {
		t.Errorf("%+v", r)
	}
	if r := f.Docker(t, "", "info", "-f", "json"); r.Code != 1 || r.Out != "" {
		t.Errorf("%+v", r)
	}
}
