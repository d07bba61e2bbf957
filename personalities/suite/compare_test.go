package suite

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCompare runs the same sessions, testdata/compare/*.txt, with Docker's client and box's against Docker's daemon
// and box's, each daemon in a network of its own, and compares exit codes and outputs but for IDs, times and the
// like.
//
// A session has a shell command a line, in which docker is the client under test. What stands before a command as
// "#differs WHERE WHY" is a difference that is meant: WHERE is daemon or client, or daemon.PATH for one field of
// JSON.
func TestCompare(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: sessions start containers")
	}
	if os.Getenv("BOX_COMPARE") == "" {
		t.Skip("`make compare` compares with Docker, which it installs")
	}
	which := "*"
	if one := os.Getenv("BOX_COMPARE"); one != "1" {
		which = one
	}
	sessions, err := filepath.Glob("testdata/compare/" + which + ".txt")
	if err != nil || len(sessions) == 0 {
		t.Fatal("no sessions", err)
	}
	image := filepath.Join(t.TempDir(), "busybox.tar")
	if err := busyboxImage(image); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, path := range sessions {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			steps, err := readSteps(path)
			if err != nil {
				t.Fatal(err)
			}
			total += len(steps)
			compareSession(t, steps, image)
		})
	}
	t.Logf("%d commands compared", total)
}

// step is one command of a session.
type step struct {
	line    int
	command string
	differs map[string]string // where -> why
}

func readSteps(path string) (steps []step, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	differs := map[string]string{}
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if rest, ok := strings.CutPrefix(line, "#differs "); ok {
			where, why, _ := strings.Cut(rest, " ")
			if why == "" {
				return nil, fmt.Errorf("%s:%d: a difference without a reason", path, n)
			}
			differs[where] = why
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		steps = append(steps, step{n, line, differs})
		differs = map[string]string{}
	}
	return steps, in.Err()
}

// result is what a command gave.
type result struct {
	code        int
	out, errors string
}

// side is one client with one daemon.
type side struct {
	name string
	env  []string
	dir  string
	ns   []string // words that run a command in the daemon's network
}

func compareSession(t *testing.T, steps []step, image string) {
	box := os.Getenv("BOX_BINARY")
	docker := startSide(t, "docker", dockerCLI(), image, func(dir string) []string {
		return []string{"/usr/sbin/dockerd", "-H", "unix://" + dir + "/s", "--data-root", dir + "/d", "--exec-root",
			dir + "/r", "--pidfile", dir + "/pid"}
	})
	ours := func(name, cli string) *side {
		return startSide(t, name, cli, image, func(dir string) []string {
			return []string{box, "dockerd", "-H", "unix://" + dir + "/s", "--data-root", dir + "/d", "--exec-root", dir + "/r",
				"--pidfile", dir + "/pid",
				"--cgroup-parent", "box-compare-" + name}
		})
	}
	daemon := ours("daemon", dockerCLI())
	client := startSide(t, "client", box, image, func(dir string) []string {
		return []string{"/usr/sbin/dockerd", "-H", "unix://" + dir + "/s", "--data-root", dir + "/d", "--exec-root",
			dir + "/r", "--pidfile", dir + "/pid"}
	})
	for _, s := range steps {
		want := docker.run(s.command)
		for _, o := range []*side{daemon, client} {
			if _, meant := s.differs[o.name]; meant {
				o.run(s.command)
				continue
			}
			if d := difference(want, o.run(s.command), s.differs, o.name); d != "" {
				t.Errorf("line %d, box's %s: %s\n%s", s.line, o.name, s.command, d)
			}
		}
	}
}

// startSide starts a daemon in a network and mounts of its own and loads the image.
func startSide(t *testing.T, name, cli, image string, daemon func(dir string) []string) *side {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bc")
	if err != nil {
		t.Fatal(err)
	}
	s := &side{name: name, dir: dir}
	bin := filepath.Join(dir, "bin")
	must(t, os.MkdirAll(filepath.Join(dir, "work"), 0o755))
	must(t, os.Mkdir(bin, 0o755))
	must(t, os.Symlink(cli, filepath.Join(bin, "docker")))
	s.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "DOCKER_HOST=unix://"+dir+"/s", "HOME="+dir,
		"DOCKER_CONFIG="+dir+"/.docker", "DOCKER_CLI_HINTS=0", "DOCKER_API_VERSION=1.41") // Debian's Docker has no newer one
	args := append([]string{"-m", "-n", "sh", "-c", "ip link set lo up; mount --make-rprivate /; exec \"$@\"", "sh"},
		daemon(dir)...)
	c := exec.Command("unshare", args...)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer log.Close()
	c.Stdout, c.Stderr, c.Env = log, log, s.env
	must(t, c.Start())
	t.Cleanup(func() {
		s.run("docker ps -aq | xargs -r docker rm -fv")
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
		must(t, os.RemoveAll(dir))
	})
	s.ns = []string{"nsenter", "-t", fmt.Sprint(c.Process.Pid), "-n", "-m", "--"}
	for range 200 {
		if s.run("docker version").code == 0 {
			if r := s.run("docker load -i " + image); r.code != 0 {
				t.Fatalf("%s: load: %v", name, r)
			}
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	t.Fatalf("%s does not answer: %s", name, said)
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run gives a command 30 s.
func (s *side) run(command string) result {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.exec(ctx, append(append([]string{}, s.ns...), "sh", "-c", "cd "+s.dir+"/work && "+command))
}

func (s *side) exec(ctx context.Context, argv []string) result {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	c.Env, c.Stdout, c.Stderr = s.env, &out, &errs
	c.WaitDelay = time.Second
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{-1, out.String(), errs.String() + err.Error()}
	}
	return result{c.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), s.dir, "DIR"),
		strings.ReplaceAll(errs.String(), s.dir, "DIR")}
}

// changing is what may differ between two runs of the same: each is replaced by a word.
var changing = []struct {
	is   *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<id>"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "<short id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[-+]\d\d:?\d\d( UTC| [A-Z]{3,4})?)?`), "<time>"},
	{regexp.MustCompile(`(?i)\b(less than a second|about a minute|\d+ (seconds?|minutes?)|a second)( ago)?\b`), "<while>"},
	{regexp.MustCompile(`\b(02:42|[0-9a-f]{2}:[0-9a-f]{2})(:[0-9a-f]{2}){4}\b`), "<mac>"},
	{regexp.MustCompile(`"Pid": \d+`), `"Pid": <pid>`},
	// box has no shim and no runc to speak of, and says what the image has instead.
	{regexp.MustCompile(`failed to create shim task: OCI runtime create failed: runc create failed: `),
		"OCI runtime create failed: "},
	{regexp.MustCompile(`: unknown: the image has .*`), ": unknown"},
	{regexp.MustCompile(`  +`), "  "},
}

func normal(s string) string {
	for _, c := range changing {
		s = c.is.ReplaceAllString(s, c.word)
	}
	return s
}

// difference tells how got is not what want is, "" for not at all.
func difference(want, got result, differs map[string]string, name string) string {
	var b strings.Builder
	if want.code != got.code {
		fmt.Fprintf(&b, "exit code %d, Docker's %d\n", got.code, want.code)
	}
	var a, c any
	if json.Unmarshal([]byte(want.out), &a) == nil && json.Unmarshal([]byte(got.out), &c) == nil {
		compareJSON(&b, "", a, c, differs, name)
	} else if x, y := normal(want.out), normal(got.out); x != y {
		fmt.Fprintf(&b, "output:\n%s\nDocker's:\n%s\n", y, x)
	}
	if x, y := normal(want.errors), normal(got.errors); x != y {
		fmt.Fprintf(&b, "error output:\n%s\nDocker's:\n%s\n", y, x)
	}
	return b.String()
}

// compareJSON compares field by field; the path of a difference that is meant is in differs.
func compareJSON(b *strings.Builder, path string, want, got any, differs map[string]string, name string) {
	if _, meant := differs[name+path]; meant {
		return
	}
	w, isObject := want.(map[string]any)
	g, isToo := got.(map[string]any)
	if isObject && isToo {
		for k, v := range w {
			if _, there := g[k]; !there {
				if _, meant := differs[name+path+"."+k]; !meant {
					fmt.Fprintf(b, "%s.%s is not there, Docker's: %v\n", path, k, v)
				}
				continue
			}
			compareJSON(b, path+"."+k, v, g[k], differs, name)
		}
		for k, v := range g {
			if _, there := w[k]; !there {
				if _, meant := differs[name+path+"."+k]; !meant {
					fmt.Fprintf(b, "%s.%s is %v, and Docker has no such field\n", path, k, v)
				}
			}
		}
		return
	}
	x, isList := want.([]any)
	y, isListToo := got.([]any)
	if isList && isListToo && len(x) == len(y) {
		for i := range x {
			compareJSON(b, path, x[i], y[i], differs, name)
		}
		return
	}
	if s, ok := want.(string); ok {
		want = normal(s)
	}
	if s, ok := got.(string); ok {
		got = normal(s)
	}
	if strings.HasSuffix(path, ".Pid") {
		return
	}
	if !reflect.DeepEqual(want, got) {
		fmt.Fprintf(b, "%s is %v, Docker's: %v\n", path, got, want)
	}
}
