package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"box/personalities/docker/clienttest"
)

// oracle is Debian's daemon and Docker's own client, where this host has them.
type oracle struct {
	cli, host, home string
}

// startOracle starts a daemon that shares nothing with the host's: its own roots, no network.
func startOracle(t *testing.T) *oracle {
	if testing.Short() {
		t.Skip("-short: the comparison with Docker's client takes half a minute")
	}
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon to compare with needs root")
	}
	dockerd, err := exec.LookPath("dockerd")
	if err != nil {
		t.Skip("no dockerd to compare with")
	}
	cli, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("no docker client to compare with")
	}
	if out, err := exec.Command(cli, "--version").Output(); err != nil || !strings.Contains(string(out), "version 28.") {
		t.Skipf("the client to compare with must be of version 28, this is: %s", out)
	}
	if out, err := exec.Command(dockerd, "--version").Output(); err != nil ||
		!strings.HasPrefix(string(out), "Docker version") || strings.Contains(string(out), "build box") {
		t.Skipf("the daemon must be Docker's, this is: %s", out)
	}
	dir := t.TempDir()
	o := &oracle{cli: cli, host: "unix://" + dir + "/d.sock", home: filepath.Join(dir, "home")}
	if err := os.Mkdir(o.home, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(dockerd, "-H", o.host, "--data-root", dir+"/data", "--exec-root", dir+"/exec", "--pidfile",
		dir+"/pid",
		"--iptables=false", "--bridge", "none", "--storage-driver", "vfs")
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		daemon.Process.Signal(os.Interrupt)
		daemon.Wait()
		log.Close()
	})
	for range 200 {
		if o.theirs(nil, "ps").Code == 0 {
			return o
		}
		time.Sleep(100 * time.Millisecond)
	}
	raw, _ := os.ReadFile(dir + "/log")
	t.Skipf("the daemon to compare with does not start here: %s", raw)
	return nil
}

func (o *oracle) theirs(stdin []byte, args ...string) result {
	c := exec.Command(o.cli, args...)
	c.Dir, c.Stdin = o.home, bytes.NewReader(stdin)
	c.Env = []string{"DOCKER_HOST=" + o.host, "HOME=" + o.home, "PATH=" + os.Getenv("PATH")}
	var out, errw bytes.Buffer
	c.Stdout, c.Stderr = &out, &errw
	err := c.Run()
	r := result{Out: out.String(), Stderr: errw.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.Code = exit.ExitCode()
	}
	return r
}

// busybox is an image of one static program and its names, as a tar for import.
func busybox(t *testing.T) []byte {
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("no /bin/busybox to make an image of")
	}
	entries := []tar.Header{clienttest.Dir("bin"), clienttest.Dir("etc"), clienttest.Dir("tmp"), clienttest.Dir("proc"),
		clienttest.Dir("sys"), clienttest.Dir("dev"),
		clienttest.File("etc/passwd", "root:x:0:0::/:/bin/sh\n"),
		{Name: "bin/busybox", Typeflag: tar.TypeReg, Linkname: string(program), Mode: 0o755}}
	for _, name := range strings.Fields("sh cat echo sleep true touch test pwd hostname id kill ls") {
		entries = append(entries, clienttest.Link("bin/"+name, "busybox"))
	}
	return clienttest.TarOf(t, entries...)
}

// steady replaces what differs from run to run: IDs, times, sizes of processes.
func steady(r result) result {
	for _, p := range []struct{ pattern, with string }{
		{`\b[0-9a-f]{64}\b`, "ID64"}, {`\b[0-9a-f]{12}\b`, "ID12"},
		{`\d{4}-\d\d-\d\d[T ][\d:.]+(Z| \+0000 UTC|[+-]\d\d:\d\d)?`, "TIME"},
		{`(About )?(an?|\d+|Less than a) (second|minute|hour)s?( ago)?`, "AGO"},
		{`docker-import-\d+`, "TEMP"}, {`"(Pid|LinuxPid)": \d+`, `"Pid": N`}, {`(?m)^\d+ +`, "PID "},
		{`: [a-z]+_[a-z]+\b`, ": NAME"},
		{`(System Time|Version|Context|Go version|OpenStdin): .*`, "$1"}, {` {2,}`, "  "},
		{`\b[a-z]+_[a-z]+\d?$`, "NAME"},
	} {
		re := regexp.MustCompile(p.pattern)
		r.Out, r.Stderr = re.ReplaceAllString(r.Out, p.with), re.ReplaceAllString(r.Stderr, p.with)
	}
	return r
}

// words splits at spaces; single quotes hold together. What follows <<< is standard input.
func words(line string) (args []string, stdin string) {
	line, stdin, _ = strings.Cut(line, " <<< ")
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args, strings.Trim(stdin, "'")
}

// The same session, once by Docker's client and once by this one, on one daemon.
func TestOracle(t *testing.T) {
	o := startOracle(t)
	if r := o.theirs(busybox(t), "import", "-c", `CMD ["sh"]`, "-", "busybox:latest"); r.Code != 0 {
		t.Fatalf("import: %+v", r)
	}
	raw, err := os.ReadFile("testdata/oracle.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	var theirs []result
	for _, line := range lines {
		args, stdin := words(line)
		theirs = append(theirs, steady(o.theirs([]byte(stdin), args...)))
	}
	differ := 0
	for i, line := range lines {
		args, stdin := words(line)
		want, got := theirs[i], steady(dockerIn(t, o.home, o.host, stdin, args...))
		if got != want && !explained(line, got, want) {
			differ++
			t.Errorf("docker %s\n  code %d, Docker's %d%s%s", line, got.Code, want.Code,
				firstDifference(got.Out, want.Out), firstDifference(got.Stderr, want.Stderr))
		}
	}
	t.Logf("%d command lines, %d differ", len(lines), differ)
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("\n  line %d: %q\n  Docker's: %q", i+1,
				strings.Join(a[min(i, len(a)):min(i+1, len(a))], ""), strings.Join(b[min(i, len(b)):min(i+1, len(b))],
					""))
		}
	}
	return ""
}

// sortRuntimes brings the runtimes of `docker info` into one order: Docker's client has none.
func sortRuntimes(out string) string {
	lines := strings.Split(out, "\n")
	for i, l := range lines {
		if names, ok := strings.CutPrefix(l, " Runtimes: "); ok {
			list := strings.Fields(names)
			slices.Sort(list)
			lines[i] = " Runtimes: " + strings.Join(list, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// explained are the differences that are meant.
func explained(line string, got, want result) bool {
	switch line {
	case "network rm none":
		// Docker's client adds "exit status 1"
		return want.Stderr == got.Stderr+"exit status 1\n" && got.Code == want.Code
	case "info":
		// what follows "Client:" is each client's own
		_, a, _ := strings.Cut(got.Out, "Server:")
		_, b, _ := strings.Cut(want.Out, "Server:")
		return sortRuntimes(a) == sortRuntimes(b)
	case "run --nope":
		return got.Code == want.Code
	}
	return false
}
