package dockerd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// listen opens one address of the API: unix:///path.
func listen(host, group string) (net.Listener, error) {
	proto, path, ok := strings.Cut(host, "://")
	if !ok || proto != "unix" {
		return nil, fmt.Errorf("cannot listen on %q: this box listens on unix:///path", host)
	}
	if path == "" {
		path = "/var/run/docker.sock"
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("folder of the socket: %w", err)
	}
	if err := clearSocket(path); err != nil {
		return nil, err
	}
	old := unix.Umask(0o117)
	l, err := net.Listen("unix", path)
	unix.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", host, err)
	}
	if err := giveToGroup(path, group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// clearSocket removes what a daemon that is gone left; a socket that somebody answers on, and anything that is no socket,
// is refused.
func clearSocket(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("cannot listen on %s: something that is no socket is there: move it away or choose another with -H", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return fmt.Errorf("cannot listen on %s: another daemon answers there: stop it or choose another with -H", path)
	}
	return os.Remove(path)
}

// giveToGroup lets the members of a group in. The default group need not be there.
func giveToGroup(path, name string) error {
	if name == "" {
		return nil
	}
	gid, err := strconv.Atoi(name)
	if err != nil {
		g, err := user.LookupGroup(name)
		if err != nil {
			if name == "docker" {
				return nil
			}
			return fmt.Errorf("group of the socket: %w", err)
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return err
		}
	}
	return os.Chown(path, 0, gid)
}

// address is a host as the daemon says where it listens.
func address(host string) string {
	_, path, _ := strings.Cut(host, "://")
	return path
}

// awaitLine copies lines until one contains text (true) or the end.
func awaitLine(r io.Reader, w io.Writer, text string) bool {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Fprintln(w, lines.Text())
		if strings.Contains(lines.Text(), text) {
			return true
		}
	}
	return false
}
