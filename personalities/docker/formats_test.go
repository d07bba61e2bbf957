package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"box/personalities/cmd"
	"box/personalities/docker/clienttest"
)

// formatCase is a block of testdata/formats/*.txt: a command line, what Docker's client says to it, and what this one
// does where that differs, with the reason.
type formatCase struct {
	line         string
	docker, ours result
	reason       string
}

// want is what this client is to say.
func (c *formatCase) want() result {
	if c.reason != "" {
		return c.ours
	}
	return c.docker
}

// readFormats reads the blocks. "$ LINE" begins one; ">" is a line of output, "|" one without its end, "!" one of
// errors, "=" the exit code; "~ REASON" parts what Docker's client says from what this one says instead.
func readFormats(t *testing.T, path string) []*formatCase {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*formatCase
	var r *result
	for line := range strings.Lines(string(raw)) {
		sign, text := line[:1], strings.TrimPrefix(line[1:], " ")
		switch sign {
		case "$":
			c := &formatCase{line: strings.TrimSuffix(text, "\n")}
			cases, r = append(cases, c), &c.docker
		case ">":
			r.Out += text
		case "|":
			r.Out += strings.TrimSuffix(text, "\n")
		case "!":
			r.Stderr += text
		case "=":
			r.Code, _ = strconv.Atoi(strings.TrimSpace(text))
		case "~":
			c := cases[len(cases)-1]
			c.reason, r = strings.TrimSpace(text), &c.ours
		}
	}
	return cases
}

// text is the result as readFormats reads it.
func textOf(r result) string {
	var b strings.Builder
	for line := range strings.Lines(r.Out) {
		if strings.HasSuffix(line, "\n") {
			b.WriteString(strings.TrimSuffix("> "+line, "\n") + "\n")
		} else {
			b.WriteString("| " + line + "\n")
		}
	}
	for line := range strings.Lines(r.Stderr) {
		b.WriteString("! " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if r.Code != 0 {
		b.WriteString("= " + strconv.Itoa(r.Code) + "\n")
	}
	return b.String()
}

// formatsDaemon answers with testdata/formats/replies.json, as a daemon of Docker 28.
func formatsDaemon(t *testing.T) *fake {
	t.Helper()
	raw, err := os.ReadFile("testdata/formats/replies.json")
	if err != nil {
		t.Fatal(err)
	}
	var replies map[string]json.RawMessage
	if err := json.Unmarshal(raw, &replies); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, map[string]http.HandlerFunc{})
	f.Version = "1.50"
	for key, body := range replies {
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			t.Fatal(err)
		}
		text := compact.String()
		if key == "GET /events" {
			text = strings.ReplaceAll(text[1:len(text)-1], `},{"Type"`, "}\n{\"Type\"")
		}
		f.Routes[key] = clienttest.Reply(text)
	}
	return f
}

// steadyYears keeps a test that was recorded in one year true in the next.
func steadyYears(r result) result {
	years := regexp.MustCompile(`\d\d years ago`)
	r.Out = years.ReplaceAllString(r.Out, "17 years ago")
	return r
}

// typeNames are types that errors name: Docker's, and this client's for the same. No script can depend on them.
func typeNames() []string {
	return []string{"in type *formatter.ContainerContext", "in type *container.Row",
		"in type *formatter.imageContext", "in type *image.Row", "in type *image.historyContext", "in type *image.historyRow",
		"in type *registry.searchContext", "in type *image.searchRow", "in type *network.networkContext",
		"in type *network.row",
		"in type *formatter.volumeContext", "in type *volume.Row", "in type volume.Volume", "in type *volume.Volume",
		"in type *container.statsContext", "in type *container.meterRow", "in type *formatter.clientContextContext",
		"in type *context.row", "in type *formatter.diskUsageImagesContext", "in type *system.shareRow",
		"in type *events.Message", "in type *client.Event", "in type system.dockerInfo", "in type *system.info",
		"in type system.versionInfo", "in type *system.versions", "in type *types.Version", "in type *system.serverVersion",
		"of type types.Version", "of type system.serverVersion", "in type context.contextWithTLSListing",
		"in type *context.contextInspection"}
}

// dockerClient is Docker's own client of the version that the blocks are recorded from.
func dockerClient(t *testing.T) string {
	t.Helper()
	cli, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(cli, "--version").Output(); err != nil ||
		!strings.Contains(string(said), "version 28.") {
		t.Fatalf("formats are recorded from Docker's client 28, not from %s, %v", said, err)
	}
	return cli
}

// recordFormats writes the blocks anew: what Docker's client says today, and what this client says where that differs.
func recordFormats(t *testing.T, path string, cases []*formatCase) {
	var b strings.Builder
	for i, c := range cases {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("$ " + c.line + "\n" + textOf(c.docker))
		if c.ours != c.docker {
			if c.reason == "" {
				c.reason = "WHY?"
			}
			b.WriteString("~ " + c.reason + "\n" + textOf(c.ours))
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// TestFormats holds --format of every command against what Docker's client prints for it.
// BOX_RECORD=1 asks that client again; a difference that it finds needs a reason in place of "WHY?".
func TestFormats(t *testing.T) {
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	f, home := formatsDaemon(t), t.TempDir()
	if r := dockerIn(t, home, f.Host, "", "context", "create", "far", "--description", "far <away>",
		"--docker", "host=tcp://far:2375"); r.Code != 0 {
		t.Fatal(r)
	}
	files, err := filepath.Glob("testdata/formats/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	steadied := func(r result) result {
		r = steadyYears(r)
		r.Stderr = strings.NewReplacer(typeNames()...).Replace(r.Stderr)
		if strings.Contains(r.Out, f.Host) { // how long it is differs from run to run, and how wide a column is with it
			r.Out = squeeze(r.Out)
		}
		r.Out = strings.NewReplacer(home, "HOME", f.Host, "HOST", cmd.DockerVersion(), "VERSION",
			runtime.Version(), "GO").Replace(r.Out)
		r.Stderr = strings.NewReplacer(home, "HOME", f.Host, "HOST").Replace(r.Stderr)
		return r
	}
	for _, path := range files {
		cases := readFormats(t, path)
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			for _, c := range cases {
				args, _ := words(c.line)
				got := steadied(dockerIn(t, home, f.Host, "", args...))
				if os.Getenv("BOX_RECORD") != "" {
					c.docker, c.ours = steadied(clientSays(t, home, f.Host, args)), got
				}
				if want := c.want(); got != want && os.Getenv("BOX_RECORD") == "" {
					t.Errorf("docker %s\n got:\n%s\nwant:\n%s", c.line, textOf(got), textOf(want))
				}
				if c.reason == "WHY?" {
					t.Errorf("docker %s differs from Docker's without a reason", c.line)
				}
			}
			if os.Getenv("BOX_RECORD") != "" {
				recordFormats(t, path, cases)
			}
		})
	}
}

// clientSays runs Docker's own client.
func clientSays(t *testing.T, home, host string, args []string) result {
	t.Helper()
	c := exec.Command(dockerClient(t), args...)
	c.Dir = home
	c.Env = []string{"DOCKER_HOST=" + host, "HOME=" + home, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "FOO=bar"}
	var out, errw bytes.Buffer
	c.Stdout, c.Stderr = &out, &errw
	err := c.Run()
	r := result{Out: out.String(), Stderr: errw.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.Code = exit.ExitCode()
	} else if err != nil {
		t.Error(err)
	}
	return r
}
