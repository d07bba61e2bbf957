package top

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck: what is wrong is printed, and is the exit code; a file says what that is.
func TestCheck(t *testing.T) {
	d := monitored(t)
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "my.rules")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"the default", nil, 2, "default: busy was started again 4 times in an hour (restarts > 3)\n"},
		{"nothing", []string{"--rules", file("unhealthy\n")}, 0, ""},
		{"as long", []string{"--rules", file("cpu > 20% for 5m on busy")}, 2,
			"default: busy uses 75 % of its processors"},
		{"not so long", []string{"--rules", file("cpu > 70% for 5m on busy")}, 0, ""}, // the history says 25 %
		{"a dead host", []string{"-H", "unix:///nowhere"}, 2, "unix:///nowhere: the host does not answer: Cannot"},
		{"for programs", []string{"--json"}, 2, `{"Rule":"restarts > 3","Host":"default","Name":"busy",`},
	} {
		r := d.Docker(t, "", append([]string{"--check"}, c.args...)...)
		if r.Code != c.code || !strings.HasPrefix(r.Out, c.want) || (c.want == "") != (r.Out == "") {
			t.Errorf("%s: %d %q %q, want %d %q", c.name, r.Code, r.Out, r.Stderr, c.code, c.want)
		}
	}
	path := file("\nmemroy > 90%\n")
	r := d.Docker(t, "", "--check", "--rules", path)
	if r.Code != 125 || !strings.Contains(r.Stderr, path+`:2: "memroy" is no rule`) {
		t.Errorf("%d %q", r.Code, r.Stderr)
	}
	if r := d.Docker(t, "", "--check", "--rules", "/nowhere"); r.Code != 125 || !strings.Contains(r.Stderr, "/nowhere") {
		t.Errorf("%d %q", r.Code, r.Stderr)
	}
}
