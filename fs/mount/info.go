package mount

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Entry is one line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
type Entry struct {
	ID, Parent int
	Device     string   // major:minor
	Root       string   // folder of the file system that is seen at Point
	Point      string   // where, relative to the process's root
	Options    string   // of this mount
	Optional   []string // shared:N, master:N, ...
	Type       string
	Source     string
	Super      string // options of the file system
}

// Table reads what is mounted in the calling process's namespace.
func Table() ([]Entry, error) {
	f, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	defer f.Close()
	return ReadTable(f)
}

// ReadTable parses a mountinfo file.
func ReadTable(r io.Reader) ([]Entry, error) {
	var all []Entry
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20) // an overlay's options alone may fill a page or two
	for s.Scan() {
		e, err := parseEntry(s.Text())
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	return all, nil
}

func parseEntry(line string) (Entry, error) {
	bad := func() (Entry, error) {
		return Entry{}, fmt.Errorf("mountinfo line %q: %w", line, errdefs.ErrInvalidArgument)
	}
	head, tail, ok := strings.Cut(line, " - ")
	if !ok {
		return bad()
	}
	f, t := strings.Fields(head), strings.Split(tail, " ")
	if len(f) < 6 || len(t) < 3 {
		return bad()
	}
	id, err1 := strconv.Atoi(f[0])
	parent, err2 := strconv.Atoi(f[1])
	if errors.Join(err1, err2) != nil {
		return bad()
	}
	return Entry{
		ID: id, Parent: parent, Device: f[2], Root: unescape(f[3]), Point: unescape(f[4]), Options: f[5],
		Optional: f[6:], Type: t[0], Source: unescape(t[1]), Super: strings.Join(t[2:], " "),
	}, nil
}

// unescape undoes the kernel's octal escapes of space, tab, newline, # and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Mounted tells whether something is mounted at path. A path that is missing is not.
func Mounted(path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	var here, above unix.Stat_t
	err = unix.Lstat(path, &here)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	if err == nil && unix.Lstat(filepath.Dir(path), &above) == nil && here.Dev != above.Dev {
		return true, nil // another file system than the folder above: only a mount makes that
	}
	return inTable(path)
}

// inTable looks path up in mountinfo, without parsing the lines that cannot be it: a bind mount of the same file system
// shows nowhere else.
func inTable(path string) (bool, error) {
	if real, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(real, filepath.Base(path))
	}
	raw, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return false, fmt.Errorf("read mounts: %w", err)
	}
	for line := range bytes.Lines(raw) {
		fields := bytes.SplitN(line, []byte(" "), 6)
		if len(fields) == 6 && unescape(string(fields[4])) == path {
			return true, nil
		}
	}
	return false, nil
}
