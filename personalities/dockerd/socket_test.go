package dockerd

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// TestSocketOfBusyDaemon checks that the socket of a daemon whose queue of connections is full stays.
func TestSocketOfBusyDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 1)); err != nil {
		t.Fatal(err)
	}
	for full := false; !full; {
		c, err := net.DialTimeout("unix", path, time.Second)
		if full = err != nil; !full {
			defer c.Close()
		}
	}
	if err := clearSocket(path); err == nil || !strings.Contains(err.Error(), "cannot listen on "+path) {
		t.Errorf("beside a busy daemon: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("the socket of a daemon that runs is gone: ", err)
	}
}
