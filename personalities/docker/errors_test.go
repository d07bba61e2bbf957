package docker

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/netapi/wire"
	"box/personalities/docker/clienttest"
)

// errorCase is a block of testdata/errors.txt: what is typed, what the daemon answers, what the user reads.
type errorCase struct {
	title, command, daemon string
	want                   string
}

// readErrors reads the blocks. A block is "# TITLE", "$ COMMAND", "< STATUS MESSAGE" of the daemon where it answers,
// and the text that the user reads.
func readErrors(t *testing.T, path string) []*errorCase {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*errorCase
	for line := range strings.Lines(string(raw)) {
		text := strings.TrimSuffix(line, "\n")
		last := len(cases) - 1
		switch {
		case strings.HasPrefix(text, "## "):
		case strings.HasPrefix(text, "# "):
			cases = append(cases, &errorCase{title: text[2:]})
		case last < 0 || text == "":
		case strings.HasPrefix(text, "$ "):
			cases[last].command = text[2:]
		case strings.HasPrefix(text, "< "):
			cases[last].daemon = text[2:]
		default:
			cases[last].want += text + "\n"
		}
	}
	return cases
}

// recordErrors writes the blocks anew, with what is said today: to be read before it is kept.
func recordErrors(t *testing.T, cases []*errorCase) {
	b := strings.Builder{}
	b.WriteString("## What the client says when something is wrong, as a user at a terminal reads it: first the error, " +
		"in\n" +
		"## Docker's words where Docker has it, then what to do. \"< STATUS MESSAGE\" is what the daemon answers;\n" +
		"## \"stream\" is an error within a stream.\n")
	for _, c := range cases {
		b.WriteString("\n# " + c.title + "\n$ " + c.command + "\n")
		if c.daemon != "" {
			b.WriteString("< " + c.daemon + "\n")
		}
		b.WriteString(c.want)
	}
	if err := os.WriteFile("testdata/errors.txt", []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// answering is a daemon that answers every request but those about itself and its images with one error.
func answering(t *testing.T, answer string) *fake {
	word, message, _ := strings.Cut(answer, " ")
	f := newFake(t, nil)
	refuseAll := func(w http.ResponseWriter, r *http.Request) {
		if word != "stream" {
			status := map[string]int{"400": 400, "404": 404, "409": 409, "500": 500, "501": 501}[word]
			wire.WriteError(w, status, message, false)
			return
		}
		raw, _ := json.Marshal(map[string]any{"errorDetail": map[string]string{"message": message}, "error": message})
		w.Write(append(raw, '\n'))
	}
	images := clienttest.Reply(`[{"Id":"sha256:1","RepoTags":["busybox:latest","app:1"],"Created":1}]`)
	f.Other = refuseAll
	f.Routes = map[string]http.HandlerFunc{"GET /images/json": images}
	return f
}

// Every error that has a next step ends with it: the whole table, as it is read.
func TestErrors(t *testing.T) {
	home := t.TempDir()
	for name, content := range map[string]string{"not-a-tar": "hello", "empty/keep": "", "half.tar": "x"} {
		os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o755)
		os.WriteFile(filepath.Join(home, name), []byte(content), 0o644)
	}
	cases := readErrors(t, "testdata/errors.txt")
	if os.Getenv("BOX_RECORD") != "" {
		defer recordErrors(t, cases)
	}
	for _, c := range cases {
		t.Run(c.title, func(t *testing.T) {
			host := "unix://" + home + "/none.sock"
			if c.daemon != "" {
				host = answering(t, c.daemon).Host
			}
			env := map[string]string{"DOCKER_HOST": host, "HOME": home, "DOCKER_CLI_HINTS": "1"}
			if strings.Contains(c.command, "-H ") || strings.Contains(c.command, "-c ") {
				delete(env, "DOCKER_HOST")
			}
			words := strings.Fields(strings.TrimPrefix(c.command, "docker "))
			r := dockerWith(t, home, env, strings.NewReader(""), words...)
			got := strings.ReplaceAll(r.Stderr, home, "HERE")
			if os.Getenv("BOX_RECORD") != "" {
				c.want = withoutBlank(got)
			}
			if r.Code == 0 || withoutBlank(got) != c.want {
				t.Errorf("%s exits with %d and says\n%s\nnot\n%s", c.command, r.Code, got, c.want)
			}
			quiet := map[string]string{"DOCKER_HOST": env["DOCKER_HOST"], "HOME": home, "DOCKER_CLI_HINTS": "0"}
			if said := dockerWith(t, home, quiet, strings.NewReader(""), words...); said.Code != r.Code {
				t.Errorf("%s exits with %d without hints, with %d else", c.command, said.Code, r.Code)
			}
		})
	}
}

// withoutBlank leaves empty lines out, which the table does not have.
func withoutBlank(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(line)
		}
	}
	return b.String()
}
