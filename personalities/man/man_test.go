package man

import (
	"bytes"
	"strings"
	"testing"

	"box/personalities/cmd"
)

func pages() []*cmd.Usage {
	type flags struct {
		Name string `help:"Assign a name"`
	}
	return []*cmd.Usage{{
		Path: "docker run", Synopsis: "[OPTIONS] IMAGE", Summary: "Run a container",
		Aliases: []string{"docker container run", "docker run"},
		Detail:  ".starts with a dot", Options: &flags{},
	}}
}

func TestMan(t *testing.T) {
	for _, row := range []struct {
		args string
		want []string
		code int
	}{
		{"", []string{"docker run  Run a container"}, 0},
		{"run", []string{"NAME\n       docker run - Run a container",
			"OPTIONS\n       --name string\n              Assign a name"}, 0},
		{"docker container run", []string{"SYNOPSIS\n       docker run [OPTIONS] IMAGE"}, 0},
		{"--roff run", []string{".TH \"DOCKER-RUN\" 1", ".B \\-\\-name string\n", "\\&.starts"}, 0},
		{"runn", []string{"no manual entry for runn: did you mean: box man run"}, 16},
	} {
		var out bytes.Buffer
		err := run(&cmd.Env{Args: strings.Fields(row.args), Stdout: &out, Stderr: &out}, pages())
		text, code := out.String(), 0
		if exit, ok := err.(*cmd.Exit); ok {
			text, code = exit.Err.Error(), exit.Code
		}
		for _, want := range row.want {
			if code != row.code || !strings.Contains(text, want) {
				t.Errorf("man %s: code %d, no %q in:\n%s", row.args, code, want, text)
			}
		}
	}
}

// Every page of box's own commands has examples, and says which files it is about.
func TestOwnPagesAreWhole(t *testing.T) {
	var b strings.Builder
	u := usage(new(options))
	u.Files = []cmd.Line{{Text: "/a", Why: "b"}}
	if err := text(&b, u); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"EXAMPLES\n       box man docker run\n              Show the page of",
		"FILES\n       /a\n              b"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
