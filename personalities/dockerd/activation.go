package dockerd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstDescriptor is the first socket passed by a service manager (sd_listen_fds(3)).
const firstDescriptor = 3

// descriptors are the sockets that a service manager passed to this process.
type descriptors struct {
	names []string
	used  map[int]bool // by descriptor
}

// inherit reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and makes the sockets close-on-exec. It ignores variables
// that are meant for another process.
func inherit(getenv func(string) string) *descriptors {
	d := &descriptors{used: map[int]bool{}}
	if pid, err := strconv.Atoi(getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return d
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 1 || n > 1024 {
		return d
	}
	d.names = make([]string, n)
	copy(d.names, strings.Split(getenv("LISTEN_FDNAMES"), ":"))
	for i := range n {
		unix.CloseOnExec(firstDescriptor + i)
	}
	return d
}

// listeners opens all passed sockets (fd://, fd://*), or those with a number or name (fd://3, fd://docker.socket).
func (d *descriptors) listeners(which string) ([]net.Listener, error) {
	if len(d.names) == 0 {
		return nil, errors.New("no sockets found via socket activation: make sure the service was started by systemd")
	}
	var out []net.Listener
	for i, name := range d.names {
		number := firstDescriptor + i
		if which != "" && which != "*" && which != name && which != strconv.Itoa(number) {
			continue
		}
		l, err := listenerOf(number)
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("fd://%s: descriptor %d: %w", which, number, err)
		}
		d.used[number] = true
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("fd://%s: the service manager did not pass such a socket, but descriptors %d to %d named %q",
			which,
			firstDescriptor, firstDescriptor+len(d.names)-1, d.names)
	}
	return out, nil
}

// bound returns the passed socket that is bound to path, or nil. A service manager may listen on the path that the
// daemon uses by default.
func (d *descriptors) bound(path string) (net.Listener, error) {
	here, err := os.Stat(path)
	if err != nil {
		return nil, nil
	}
	for i := range d.names {
		number := firstDescriptor + i
		name, err := unix.Getsockname(number)
		at, ok := name.(*unix.SockaddrUnix)
		if err != nil || !ok {
			continue
		}
		if there, err := os.Stat(at.Name); err == nil && os.SameFile(here, there) {
			d.used[number] = true
			return listenerOf(number)
		}
	}
	return nil, nil
}

// unused returns the sockets that no -H names. Clients that connect to them would wait forever.
func (d *descriptors) unused() (list []string) {
	for i, name := range d.names {
		if number := firstDescriptor + i; !d.used[number] {
			list = append(list, fmt.Sprintf("fd://%d %s", number, name))
		}
	}
	return list
}

func listenerOf(number int) (net.Listener, error) {
	f := os.NewFile(uintptr(number), "socket")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path belongs to the service manager
	}
	return l, nil
}
