package inspect_test

import (
	"net/http"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

func objects() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /containers/c/json": clienttest.Reply(`{"Id":"c1","Name":"/c","Future":[1,{"x":2}],"NetworkSettings":{"IPAddress":"10.0.0.2"}}`),
		"GET /images/i/json":     clienttest.Reply(`{"Id":"sha256:i","RepoTags":["i:latest"]}`),
		"GET /networks/n":        clienttest.Reply(`{"Name":"n","Id":"n1"}`),
		"GET /volumes/v":         clienttest.Reply(`{"Name":"v","Mountpoint":"/m"}`),
		"GET /images/bad/json":   clienttest.Refuse(400, "invalid reference format"),
		"GET /volumes/bad":       clienttest.Reply(`{"Name":"bad"}`),
		"GET /containers/e/json": clienttest.Refuse(500, "disk failed"),
		"GET /containers/s/json": clienttest.Reply(`{"Id":"s1","Mounts":"of another type"}`),
	}
}

// A name is looked for as a container, image, network and volume in this order; an error that is no "missing" ends it.
func TestSearchOrder(t *testing.T) {
	for _, row := range []struct {
		args, out, stderr string
		asked             int // requests, without the ping
		code              int
	}{
		{"-f {{.Id}} c", "c1\n", "", 1, 0},
		{"-f {{.ID}} i", "sha256:i\n", "", 2, 0},
		{"-f {{.Name}} n", "n\n", "", 3, 0},
		{"-f {{.Name}} v", "v\n", "", 4, 0},
		{"-f {{.Name}} bad", "bad\n", "", 4, 0},
		{"-f {{.Id}} zz", "\n", "Error: No such object: zz\n", 4, 1},
		{"-f {{.Id}} e", "\n", "Error response from daemon: disk failed\n", 1, 1},
		{"-f {{.Name}} --type volume v", "v\n", "", 1, 0},
		{"-f {{.Name}} --type network v", "\n", "Error response from daemon: page not found\n", 1, 1},
		{"--type pod c", "", `unknown type: "pod": must be one of "container", "image", "network", "volume"` + "\n", 0, 1},
	} {
		f := clienttest.New(t, docker.Main, objects())
		r := f.Docker(t, "", append([]string{"inspect"}, strings.Fields(row.args)...)...)
		asked := 0
		for _, s := range f.Seen {
			if !strings.HasSuffix(s, "/_ping") {
				asked++
			}
		}
		if r.Code != row.code || r.Out != row.out || r.Stderr != row.stderr || asked != row.asked {
			t.Errorf("inspect %s: %+v asked %q", row.args, r, f.Seen)
		}
	}
}

// What is found is printed even if other names are missing, and the list is JSON in any case.
func TestPartly(t *testing.T) {
	for _, row := range []struct {
		args, out string
		code      int
	}{
		{"zz", "[]\n", 1},
		{"-f json zz", "[]\n", 1},
		{"-f json v zz n", `[{"Name":"v","Mountpoint":"/m"},{"Name":"n","Id":"n1"}]` + "\n", 1},
		{"v", "[\n    {\n        \"Name\": \"v\",\n        \"Mountpoint\": \"/m\"\n    }\n]\n", 0},
		{"-f {{.Name}} v zz n", "v\nn\n", 1},
	} {
		f := clienttest.New(t, docker.Main, objects())
		r := f.Docker(t, "", append([]string{"inspect"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != row.out || (r.Code != 0) != strings.Contains(r.Stderr, "No such object: zz") {
			t.Errorf("inspect %s: %+v", row.args, r)
		}
	}
}

// Templates see typed members, and those of the JSON that the types do not have.
func TestTemplates(t *testing.T) {
	for _, row := range []struct {
		format, name, out string
		code              int
	}{
		{"{{.NetworkSettings.IPAddress}}", "c", "10.0.0.2\n", 0},
		{"{{(index .Future 1).x}}", "c", "2\n", 0},
		{"{{json .Future}}", "c", `[1,{"x":2}]` + "\n", 0},
		{"{{.Id}}", "s", "s1\n", 0},
		{"{{.Mounts}}", "s", "of another type\n", 0},
		{"{{.Nothing}}", "c", "\n", 1},
		{"{{index .Future 9}}", "c", "\n", 1},
		{"{{.Id", "c", "", 64},
		{"", "v", "[\n    {\n        \"Name\": \"v\",\n        \"Mountpoint\": \"/m\"\n    }\n]\n", 0},
	} {
		f := clienttest.New(t, docker.Main, objects())
		r := f.Docker(t, "", "inspect", "--format", row.format, row.name)
		if r.Code != row.code || r.Out != row.out || (r.Code != 0) != strings.Contains(r.Stderr, "template parsing error") {
			t.Errorf("%s: %+v", row.format, r)
		}
	}
}

// Answers that are no JSON end in an error, whatever the form.
func TestHostile(t *testing.T) {
	for _, answer := range []string{``, `{"Id":`, `<html>`, `{"Id":"a"}}`, strings.Repeat("[", 20000)} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /containers/c/json": clienttest.Reply(answer)})
		for _, args := range [][]string{nil, {"-f", "json"}, {"-f", "{{.Id}}"}} {
			r := f.Docker(t, "", append(append([]string{"container", "inspect"}, args...), "c")...)
			if r.Code != 1 || r.Stderr == "" || len(r.Stderr) > 500 {
				t.Errorf("%q of %.30s: %+v", args, answer, r)
			}
		}
	}
}

func TestSizeAsked(t *testing.T) {
	f := clienttest.New(t, docker.Main, objects())
	f.Docker(t, "", "inspect", "-s", "c")
	f.Docker(t, "", "container", "inspect", "-s", "c")
	f.Docker(t, "", "container", "inspect", "c")
	var asked []string
	for _, s := range f.Seen {
		if strings.Contains(s, "/containers/") {
			asked = append(asked, s)
		}
	}
	if strings.Join(asked, " ") != "GET /containers/c/json?size=1 GET /containers/c/json?size=1 GET /containers/c/json" {
		t.Errorf("asked %q", asked)
	}
}
