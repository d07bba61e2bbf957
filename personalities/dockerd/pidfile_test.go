package dockerd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/personalities/outfile"
)

// A pid file or a log that a user points at a device or a pipe does not take its place, nor wait for it.
func TestPathsOfSpecialFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/null"} {
		if p, err := takePidfile(path); !errors.Is(err, outfile.ErrSpecial) {
			t.Errorf("%s: %v, %v", path, p, err)
		}
	}
	l := &logFile{path: pipe, special: true, size: maxLog}
	if _, err := l.Write([]byte(strings.Repeat("\n", 1))); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", info, err)
	}
}
