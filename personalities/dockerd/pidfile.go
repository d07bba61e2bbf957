package dockerd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"box/personalities/outfile"
)

// pidfile is the file that prevents a second daemon.
type pidfile struct{ path string }

// takePidfile writes the file, unless the process in it is a running daemon.
func takePidfile(path string) (*pidfile, error) {
	if _, err := outfile.Regular(path); err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	if raw, err := os.ReadFile(path); err == nil {
		pid, err := strconv.Atoi(string(raw))
		if err == nil && pid != os.Getpid() && isDaemon(pid) {
			return nil, fmt.Errorf("process with PID %d is still running: if it is not your daemon, delete %s",
				pid, path)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	return &pidfile{path}, nil
}

// isDaemon tells whether pid was started as a daemon. After a reboot, another program may have the pid in the file. The
// executable is not compared, since it may have been replaced.
func isDaemon(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	words := strings.Split(string(raw), "\x00")
	return slices.ContainsFunc(words[:min(2, len(words))], func(w string) bool { return filepath.Base(w) == "dockerd" })
}

func (p *pidfile) remove() { _ = os.Remove(p.path) }
