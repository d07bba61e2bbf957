package dockerd

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSocketOfKilledDaemon checks that a socket which only a child of a killed daemon still holds is waited for, and
// that one on which a process listens is refused at once.
func TestSocketOfKilledDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	// Python listens, starts a child that inherits the socket for half a second, and is killed.
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	daemon := exec.Command(python, "-c", `
import os, socket, subprocess, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
subprocess.Popen(["sleep", "0.5"], pass_fds=[s.fileno()], stdout=subprocess.DEVNULL)
print("listens", flush=True)
time.sleep(1000)
`, path)
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 16)
	if _, err := out.Read(line); err != nil {
		t.Fatal(err)
	}
	if err := clearSocket(path); err == nil || !strings.Contains(err.Error(), "another daemon answers there") {
		t.Errorf("beside a daemon: %v", err)
	}
	_ = daemon.Process.Kill()
	_ = daemon.Wait()
	if c, err := net.Dial("unix", path); err != nil {
		t.Fatal("the child does not hold the socket: ", err)
	} else {
		c.Close()
	}
	began := time.Now()
	if err := clearSocket(path); err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
}
