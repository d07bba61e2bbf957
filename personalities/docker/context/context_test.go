package context_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// step is one command line of a session, and what it says.
type step struct {
	line   string
	code   int
	out    string // all of it, or a part where it begins with ~
	stderr string // a part
}

// runSteps runs a session in a home of its own, without a daemon.
func runSteps(t *testing.T, home string, env map[string]string, steps []step) {
	t.Helper()
	env["HOME"] = home
	for _, s := range steps {
		r := clienttest.Run(t, docker.Main, home, env, strings.NewReader(""), strings.Fields(s.line)...)
		part, isPart := strings.CutPrefix(s.out, "~")
		if r.Code != s.code || !strings.Contains(r.Stderr, s.stderr) || s.stderr == "" && r.Stderr != "" ||
			isPart && !strings.Contains(r.Out, part) || !isPart && r.Out != s.out {
			t.Errorf("docker %s: %+v, want %+v", s.line, r, s)
		}
	}
}

// TestContexts: made, changed, chosen, shown, taken to another host and removed.
func TestContexts(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"ca.pem", "cert.pem", "key.pem"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(name+" of a test"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const ends = "~https://far:2376"
	runSteps(t, home, map[string]string{}, []step{
		{"context show", 0, "default\n", ""},
		{"context create far --description D --docker host=https://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem",
			0, "far\n", `Successfully created context "far"`},
		{"context create far", 1, "", `context "far" already exists`},
		{"context create default", 1, "", `"default" is a reserved context name`},
		{"context create a/b", 1, "", "is invalid"},
		{"context create bad --docker nope=1", 1, "", "unrecognized config key: nope"},
		{"context create bad --docker nope", 1, "", "nope must be formatted as key=value"},
		{"context create bad --docker host=tcp://x,skip-tls-verify=perhaps", 1, "", "skip-tls-verify"},
		{"context create bad --docker host=tcp://x,ca=nowhere.pem", 1, "", "no such file"},
		{"context create near --from far --description near", 0, "near\n", "created"},
		{"context create kin --docker from=far", 0, "kin\n", "created"},
		{"context inspect near --format {{.Endpoints.docker.Host}}", 0, "https://far:2376\n", ""},
		{"context inspect near --format {{.Metadata.Description}}", 0, "near\n", ""},
		{"context inspect far --format {{json}}", 1, "~", "template"},
		{"context inspect nowhere", 1, "~[]", `context "nowhere"`},
		{"context update near --description other --docker host=tcp://elsewhere:1", 0, "near\n", "updated"},
		{"context inspect near --format {{.Metadata.Description}},{{.Endpoints.docker.Host}}", 0,
			"other,tcp://elsewhere:1\n", ""},
		{"context update nowhere --description x", 1, "", `context "nowhere"`},
		{"context update near --docker nope=1", 1, "", "unrecognized config key"},
		{"context use far", 0, "far\n", `Current context is now "far"`},
		{"context use nowhere", 1, "", `context "nowhere"`},
		{"context show", 0, "far\n", ""},
		{"context ls", 0, ends, ""},
		{"context ls --quiet", 0, "default\nfar\nkin\nnear\n", ""},
		{"context ls --format {{.Name}}{{if.Current}}*{{end}}", 0, "default\nfar*\nkin\nnear\n", ""},
		{"context export far", 0, "", `Written file "far.dockercontext"`},
		{"context export far", 1, "", "far.dockercontext"},
		{"context import again far.dockercontext", 0, "again\n", "imported"},
		{"context import again far.dockercontext", 1, "", "already exists"},
		{"context import broken ca.pem", 1, "", "it is not a tar of a context"},
		{"context inspect again --format {{.Endpoints.docker.Host}}", 0, "https://far:2376\n", ""},
		{"context rm far", 1, "", "is in use, set -f flag to force remove"},
		{"context rm nowhere", 1, "", `context "nowhere" does not exist`},
		{"context rm -f nowhere again", 0, "nowhere\nagain\n", ""},
		{"context rm default", 1, "", "cannot be removed"},
		{"context rm -f far", 0, "far\n", ""},
		{"context show", 0, "default\n", ""},
	})
}

// TestContextsBesideHost: the variable of the host wins over the context that is in use, and commands say so.
func TestContextsBesideHost(t *testing.T) {
	home := t.TempDir()
	runSteps(t, home, map[string]string{}, []step{
		{"context create far --docker host=tcp://far:1", 0, "far\n", "created"},
		{"context use far", 0, "far\n", "Current context"},
	})
	runSteps(t, home, map[string]string{"DOCKER_HOST": "unix:///nowhere"}, []step{
		{"context show", 0, "default\n", ""},
		{"context use far", 0, "far\n", "DOCKER_HOST environment variable overrides the active context"},
		{"context ls", 0, "~unix:///nowhere", "DOCKER_HOST environment variable overrides the active context"},
	})
	runSteps(t, home, map[string]string{"DOCKER_CONTEXT": "gone"}, []step{
		{"ps", 1, "", `context "gone": context not found`},
		{"-c far -H tcp://x ps", 1, "", "cannot specify both --host and --context"},
	})
}
