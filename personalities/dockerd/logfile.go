package dockerd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// maxLog is the maximum size of --log-file in bytes. A longer file is renamed to FILE.1, which is replaced.
const maxLog = 1 << 20

// logFile is the daemon's log in a file, for inits that keep no logs. It is also standard error, so that it gets the Go
// runtime's message of a crash.
type logFile struct {
	path string

	mu      sync.Mutex
	size    int64
	special bool // a device or pipe, which is never renamed
}

// openLogFile makes the file at path the standard output and error of this process.
func openLogFile(path string) (*logFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	l := &logFile{path: path}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	l.size, l.special = info.Size(), !info.Mode().IsRegular()
	return errors.Join(unix.Dup3(int(f.Fd()), 1, 0), unix.Dup3(int(f.Fd()), 2, 0))
}

// Write appends a message to the file, or starts the next file with it.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.special && l.size > 0 && l.size+int64(len(b)) > maxLog {
		if err := os.Rename(l.path, l.path+".1"); err == nil {
			_ = l.open() // else the old one goes on
		}
	}
	n, err := unix.Write(2, b)
	l.size += int64(max(0, n))
	return max(0, n), err
}
