package dockerd

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNotifier: what a service manager hears of a daemon that starts, lives and ends.
func TestNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hear := func() string {
		buf := make([]byte, 1000)
		_ = manager.SetReadDeadline(time.Now().Add(time.Minute))
		n, err := manager.Read(buf)
		if err != nil {
			t.Error(err)
		}
		return string(buf[:n])
	}
	vars := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000",
		"WATCHDOG_PID": strconv.Itoa(os.Getpid())}
	asked := make(chan bool, 1000)
	stop := newNotifier(func(name string) string { return vars[name] }).ready(func() { asked <- true })
	if got, want := hear(), "READY=1\nMAINPID="+strconv.Itoa(os.Getpid()); got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	for range 3 {
		if got := hear(); got != "WATCHDOG=1" {
			t.Errorf("heard %q", got)
		}
	}
	stop()
	last := hear()
	for last == "WATCHDOG=1" {
		last = hear()
	}
	if last != "STOPPING=1" || len(asked) < 3 {
		t.Errorf("heard %q; asked %d times whether it lives", last, len(asked))
	}

	vars["WATCHDOG_PID"] = "1" // meant for another process
	if n := newNotifier(func(name string) string { return vars[name] }); n.watchdog != 0 {
		t.Error("the watchdog of another process is fed")
	}
	vars["NOTIFY_SOCKET"] = "@box-test-" + strings.ReplaceAll(path, "/", "-")
	abstract, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: vars["NOTIFY_SOCKET"], Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	newNotifier(func(name string) string { return vars[name] }).say("over an abstract socket")
	buf := make([]byte, 100)
	_ = abstract.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := abstract.Read(buf); err != nil || string(buf[:n]) != "over an abstract socket" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	(&notifier{}).say("to nobody")
}

// TestLogFile: a long log leaves one file of the limit at most and the one before, with no message cut.
func TestLogFile(t *testing.T) {
	if os.Getenv("BOX_LOG_FILE") == "" {
		again(t, "TestLogFile", "BOX_LOG_FILE="+filepath.Join(t.TempDir(), "log"))
		return
	}
	l, err := openLogFile(os.Getenv("BOX_LOG_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 999) + "\n"
	for range 2500 {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{l.path, l.path + ".1"} {
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) > maxLog || len(raw)%len(line) != 0 ||
			strings.Count(string(raw), line) != len(raw)/len(line) {
			t.Errorf("%s: %d bytes, %v", path, len(raw), err)
		}
	}
	if left, _ := filepath.Glob(l.path + "*"); len(left) != 2 {
		t.Errorf("%q", left)
	}
	os.Stderr.WriteString("the last words of a program")
	if raw, _ := os.ReadFile(l.path); !strings.HasSuffix(string(raw), "the last words of a program") {
		t.Error("the standard error is elsewhere")
	}
}

// again runs one test in a process of its own, whose standard error it may take.
func again(t *testing.T, name, variable string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^"+name+"$")
	c.Env = append(os.Environ(), variable)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
