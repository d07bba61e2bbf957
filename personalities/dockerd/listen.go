package dockerd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/personalities/dockerd/config"
)

// listen opens one address of the API; fd:// may stand for several sockets.
func listen(h config.Host, group string, inherited *descriptors) ([]net.Listener, error) {
	switch h.Scheme {
	case "fd":
		return inherited.listeners(h.Address)
	case "tcp":
		network := "tcp"
		if a, err := netip.ParseAddrPort(h.Address); err == nil && a.Addr().Is4() {
			network = "tcp4" // 0.0.0.0 is not everything, as "tcp" has it
		}
		l, err := net.Listen(network, h.Address)
		if err != nil {
			return nil, fmt.Errorf("listen on tcp://%s: %w", h.Address, err)
		}
		return []net.Listener{l}, nil
	}
	l, err := listenUnix(h.Address, group)
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

func listenUnix(path, group string) (net.Listener, error) {
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
		return nil, fmt.Errorf("listen on unix://%s: %w", path, err)
	}
	if err := giveToGroup(path, group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// clearSocket removes the socket of a daemon that has ended. It refuses one on which a process listens, and other files.
func clearSocket(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("cannot listen on %s: the file there is not a socket: move it or choose another path with -H",
			path)
	}
	return waitForEnd(path)
}

// What clearSocket waits for. A process that was killed is there for a moment; a child that it was just starting holds
// its socket until it executes its own program.
const (
	endingWait    = 200 * time.Millisecond
	inheritedWait = 10 * time.Second
	socketPause   = 20 * time.Millisecond
)

// waitForEnd removes the socket when nobody holds it. Only a refused connection says so: a daemon whose queue of
// connections is full gives other errors.
func waitForEnd(path string) error {
	began, lived := time.Now(), time.Duration(0)
	for ; ; time.Sleep(socketPause) {
		c, err := net.DialTimeout("unix", path, time.Second)
		switch {
		case errors.Is(err, unix.ECONNREFUSED):
			return os.Remove(path)
		case errors.Is(err, os.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("cannot listen on %s: a daemon seems to be there: %w: stop it or choose another path with -H",
				path, err)
		}
		if listenerLives(c.(*net.UnixConn)) {
			lived += socketPause
		}
		c.Close()
		if lived > endingWait || time.Since(began) > inheritedWait {
			return fmt.Errorf("cannot listen on %s: another daemon answers there: stop it or choose another path with -H",
				path)
		}
	}
}

// listenerLives tells whether the process that listens on the other side of c still runs; one that it cannot see does.
func listenerLives(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	var peer *unix.Ucred
	if ctlErr := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); ctlErr != nil || err != nil || peer.Pid == 0 {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", peer.Pid))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	after := string(stat[strings.LastIndexByte(string(stat), ')')+1:]) // proc_pid_stat(5): a state follows
	return err != nil || !strings.HasPrefix(after, " Z")
}

// giveToGroup gives a group access to the socket. It is no error if the default group does not exist.
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

// awaitLine copies lines until one contains text, and reports whether one did.
func awaitLine(r io.Reader, w io.Writer, text string) bool {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Fprintln(w, lines.Text())
		if strings.Contains(lines.Text(), text) {
			return true
		}
	}
	return false
}
