package suite

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// mostAnonymous is what dockerd and keeper together may have of anonymous memory while they log, kB.
	mostAnonymous = 32 << 10
	// leadTime is what a program of TestLogRate waits for its follower.
	leadTime = 300 * time.Millisecond
	// fairLines are enough to compare rates: Docker's processes take the first megabytes into their memory.
	fairLines = 1_000_000
)

// TestLogRate prints lines at full speed through rotation with a follower beside: every kept line once and in order,
// in little memory, and, when there are fairLines, not below half of the rate of Debian's Docker. BOX_LOG_LINES says
// how many lines, `make lograte` does a million.
func TestLogRate(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: containers are started")
	}
	lines := 300_000
	if n, err := strconv.Atoi(os.Getenv("BOX_LOG_LINES")); err == nil {
		lines = n
	}
	image := filepath.Join(t.TempDir(), "busybox.tar")
	if err := busyboxImage(image); err != nil {
		t.Fatal(err)
	}
	d := &daemon{box: os.Getenv("BOX_BINARY"), dir: t.TempDir()}
	defer d.end()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	w := &logWriter{t: t, host: d.host(), image: image, lines: lines}
	stop := watchAnonymous(d.c.Process.Pid, func() int { return d.keeper() })
	ours := w.run()
	if most := stop(); most == 0 || most > mostAnonymous {
		t.Errorf("dockerd and keeper had %d kB of anonymous memory, at most %d are allowed", most, mostAnonymous)
	} else {
		t.Logf("dockerd and keeper had %d kB of anonymous memory at most", most)
	}
	w.check()
	if !hasPeer() {
		t.Logf("%.0f lines a second; Debian's Docker is not here to compare with", ours)
		return
	}
	w.host = startDocker(t)
	dockers := w.run()
	t.Logf("%.0f lines a second, Docker's daemon %.0f", ours, dockers)
	if ours < dockers/2 && lines >= fairLines {
		t.Error("that is below half")
	}
}

// logWriter is a container that counts, and its follower.
type logWriter struct {
	t           *testing.T
	host, image string
	lines       int
	followed    []byte
}

// docker runs box's client.
func (w *logWriter) docker(args ...string) []byte {
	w.t.Helper()
	c := exec.Command(os.Getenv("BOX_BINARY"), append([]string{"docker", "-H", w.host}, args...)...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		w.t.Fatalf("docker %v: %v: %s", args, err, &errs)
	}
	return out
}

// run is one round, and gives lines a second.
func (w *logWriter) run() float64 {
	w.docker("load", "-qi", w.image)
	w.docker("create", "--name", "count", "--network", "none", "--log-opt", "max-size=2m", "--log-opt", "max-file=3",
		"busybox",
		"sh", "-c", fmt.Sprintf("usleep %d; exec seq %d", leadTime.Microseconds(), w.lines))
	w.docker("start", "count")
	w.followed = w.docker("logs", "-f", "count")
	w.docker("wait", "count")
	var times [2]time.Time
	for i, text := range strings.Fields(string(w.docker("inspect", "-f", "{{.State.StartedAt}} {{.State.FinishedAt}}",
		"count"))) {
		var err error
		if times[i], err = time.Parse(time.RFC3339Nano, text); err != nil {
			w.t.Fatal(err)
		}
	}
	return float64(w.lines) / (times[1].Sub(times[0]) - leadTime).Seconds()
}

// check compares what is kept with what the follower saw.
func (w *logWriter) check() {
	kept := w.docker("logs", "count")
	first := w.ascending("kept", kept, true)
	w.ascending("followed", w.followed, false)
	if i := bytes.Index(append([]byte("\n"), w.followed...), fmt.Appendf(nil, "\n%d\n", first)); i < 0 ||
		!bytes.Equal(w.followed[i:], kept) {
		w.t.Error("the follower did not see all that is kept")
	}
	if n := w.lines - first + 1; first == 1 || n < w.lines/20 {
		w.t.Errorf("%d of %d lines are kept: nothing was rotated, or too much is lost", n, w.lines)
	}
}

// ascending checks that numbers go up, by one, to the last, and gives the first.
func (w *logWriter) ascending(what string, out []byte, byOne bool) (first int) {
	last, gaps := 0, 0
	for line := range bytes.Lines(out) {
		n, err := strconv.Atoi(string(bytes.TrimSuffix(line, []byte("\n"))))
		if first == 0 {
			first, last = n, n-1
		}
		if err != nil || n <= last || byOne && n != last+1 {
			w.t.Fatalf("%s: %q comes after %d", what, line, last)
		}
		if n != last+1 {
			gaps++
		}
		last = n
	}
	if last != w.lines {
		w.t.Fatalf("%s: the last is %d", what, last)
	}
	w.t.Logf("%s: from %d on, %d times files that the reader had not come to were rotated away", what, first, gaps)
	return first
}

// startDocker starts Debian's Docker without a network.
func startDocker(t *testing.T) (host string) {
	dir := t.TempDir()
	t.Cleanup(func() { unmountBelow(dir) })
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(peerDaemon, "-H", "unix://"+dir+"/s", "--data-root", dir+"/d", "--exec-root", dir+"/r", "--pidfile",
		dir+"/pid", "--bridge", "none", "--iptables=false")
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait() // how it ends is its own matter
	})
	for range 1000 {
		if _, err := os.Stat(dir + "/s"); err == nil {
			return "unix://" + dir + "/s"
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	t.Fatalf("docker does not answer: %s", said)
	return ""
}

// watchAnonymous samples the anonymous memory of two processes together until the function that it returns is called,
// which gives the most that there was in kB.
func watchAnonymous(daemon int, keeper func() int) (stop func() int) {
	done, result := make(chan struct{}), make(chan int)
	go func() {
		most, k := 0, 0
		for {
			if k == 0 {
				k = keeper()
			}
			most = max(most, anonymous(daemon)+anonymous(k))
			select {
			case <-done:
				result <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(done)
		return <-result
	}
}

// anonymous is RssAnon of /proc/PID/status (proc_pid_status(5)), kB.
func anonymous(pid int) (kb int) {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			_, _ = fmt.Sscan(rest, &kb)
		}
	}
	return kb
}
