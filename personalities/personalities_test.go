package personalities

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"box/personalities/cmd"
)

func TestComplete(t *testing.T) {
	for _, row := range []struct{ argv0, args, want, not string }{
		{"box", "__complete c", "certs\ncheck\n", "docker"},
		{"box", "__complete certs re", "renew\nrevoke\n", "init"},
		{"box", "__complete certs init --se", "--serve\n", "--dir"},
		{"box", "__complete check --", "--help\n--json\n", "--serve"},
		{"box", "__complete docker ru", "run\n", "ps"},
		{"box", "__complete docker run --cpu-", "--cpu-shares\n", "--cpu-count"},
		{"dockerd", "__complete --data", "--data-root\n", "--debug"},
		{"/usr/bin/docker", "__complete network l", "ls\n", "run"},
		{"docker", "__complete --conte", "--context\n", "run"},
		{"docker", "__complete -c default ru", "run\n", "default"},
		{"docker", "__complete -c d", "default\n", "run"},
		{"docker", "__complete context use d", "default\n", "run"},
	} {
		code, stdout, stderr := start(row.argv0, strings.Fields(row.args)...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, row.want) || strings.Contains(stdout, row.not) {
			t.Errorf("%s %s: %d\n%s%s", row.argv0, row.args, code, stdout, stderr)
		}
	}
}

func start(argv0 string, args ...string) (code int, stdout, stderr string) {
	var out, errw bytes.Buffer
	code = Main(context.Background(), argv0,
		&cmd.Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errw,
			Getenv: func(string) string { return "" }, Dir: "/"})
	return code, out.String(), errw.String()
}

func TestPick(t *testing.T) {
	for _, row := range []struct {
		argv0, args    string
		code           int
		stdout, stderr string
	}{
		{"/usr/bin/box", "", 0, "Usage:  box COMMAND", ""},
		{"box", "--help", 0, "docker", ""},
		{"box", "version", 0, "box version " + cmd.Version + ", ", ""},
		{"box", "--version", 0, "box version ", ""},
		{"whatever", "version", 0, "box version ", ""},
		{"box", "hello", 0, "Hello from ", ""},
		{"box", "docker --version", 0, "Docker version " + cmd.DockerVersion(), ""},
		{"/opt/docker", "--version", 0, "Docker version " + cmd.DockerVersion(), ""},
		{"box", "dokcer", 127, "", `box: unknown command "dokcer". Did you mean: box docker` + "\n"},
		{"box", "xyzzy", 127, "", `box: unknown command "xyzzy". Run 'box' for the list` + "\n"},
		{"docker", "--nope", 125, "", "unknown flag: --nope\n"},
		{"docker", "help nope", 1, "", "unknown help topic: nope\n"},
		{"docker-init", "--", 1, "", "docker-init: no program given"},
	} {
		code, stdout, stderr := start(row.argv0, strings.Fields(row.args)...)
		if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) ||
			(row.stderr == "") != (stderr == "") {
			t.Errorf("%s %s: code %d\n%s%s", row.argv0, row.args, code, stdout, stderr)
		}
	}
}

func TestHiddenAreNotListed(t *testing.T) {
	_, out, _ := start("box")
	for _, c := range table() {
		listed := strings.Contains(out, "\n  "+c.Name+" ")
		if listed == c.Hidden {
			t.Errorf("%s: hidden %t, listed %t", c.Name, c.Hidden, listed)
		}
	}
}

// Each flag says what it does: kong makes a flag of every field with a public name that is not told apart by a tag.
func TestFlagsHaveHelp(t *testing.T) {
	for _, p := range pages() {
		for _, f := range p.Flags() {
			if f.Help == "" {
				t.Errorf("%s: --%s has no help", p.Path, f.Name)
			}
		}
	}
}

// Each command of box's own has a page with examples; what is Docker's has Docker's manual beside it.
func TestPages(t *testing.T) {
	for _, p := range pages() {
		if strings.HasPrefix(p.Path, "docker ") {
			continue
		}
		if len(p.Examples) == 0 || len(p.Files) == 0 && p.Path != "box man" {
			t.Errorf("%s has %d examples and %d files", p.Path, len(p.Examples), len(p.Files))
		}
	}
}
