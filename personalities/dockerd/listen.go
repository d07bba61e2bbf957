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
)

// Ports of Docker's API.
const (
	plainPort  = "2375"
	securePort = "2376"
)

// nameLetters are those of a host's name.
const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// host is one -H.
type host struct {
	scheme  string // unix, tcp, fd
	address string // a path, host:port, or which of the descriptors
}

// parseHost reads one -H. Without a scheme it is tcp. An empty host is this machine alone, an empty port Docker's.
func parseHost(text string, secure bool) (host, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(text), "://")
	if !ok {
		scheme, rest = "tcp", scheme
	}
	switch scheme {
	case "unix":
		if rest == "" {
			rest = "/var/run/docker.sock"
		}
		return host{scheme, rest}, nil
	case "fd":
		return host{scheme, rest}, nil
	case "tcp":
		address, err := tcpAddress(rest, secure)
		if err != nil {
			return host{}, fmt.Errorf("-H %s: %w", text, err)
		}
		return host{scheme, address}, nil
	}
	return host{}, fmt.Errorf("invalid bind address format: %s: -H takes unix:///path, tcp://host:port and fd://", text)
}

func tcpAddress(rest string, secure bool) (string, error) {
	if strings.Contains(rest, "/") {
		return "", errors.New("tcp has no path: for a socket say unix:///path")
	}
	name, port := rest, ""
	// an address in brackets or without colons has no port; one with several colons and no brackets is neither
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		var err error
		if name, port, err = net.SplitHostPort(rest); err != nil {
			return "", err
		}
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if name == "" {
		name = "127.0.0.1" // Docker's localhost, on hosts without /etc/hosts too
	}
	if _, err := netip.ParseAddr(name); err != nil && strings.Trim(name, nameLetters) != "" {
		return "", fmt.Errorf("%q is neither an address nor a name of a host", name)
	}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case port == "" && secure:
		port = securePort
	case port == "":
		port = plainPort
	case err != nil || n == 0:
		return "", fmt.Errorf("the port %q is not one of 1 to 65535", port)
	}
	return net.JoinHostPort(name, port), nil
}

// listen opens one address of the API; fd:// may be several.
func listen(h host, group string, inherited *descriptors) ([]net.Listener, error) {
	switch h.scheme {
	case "fd":
		return inherited.listeners(h.address)
	case "tcp":
		network := "tcp"
		if a, err := netip.ParseAddrPort(h.address); err == nil && a.Addr().Is4() {
			network = "tcp4" // 0.0.0.0 is not everything, as "tcp" has it
		}
		l, err := net.Listen(network, h.address)
		if err != nil {
			return nil, fmt.Errorf("listen on tcp://%s: %w", h.address, err)
		}
		return []net.Listener{l}, nil
	}
	l, err := listenUnix(h.address, group)
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
