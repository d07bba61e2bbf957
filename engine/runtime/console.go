package runtime

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// console is the socket pair over which a process hands back the master of the terminal that it made in its container.
type console struct {
	near, far *os.File
}

func openConsole() (*console, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair for the terminal: %w", err)
	}
	return &console{near: os.NewFile(uintptr(fds[0]), "console"), far: os.NewFile(uintptr(fds[1]), "console")}, nil
}

// receive returns the terminal that the process has sent by now, or an error if it has sent none.
func (c *console) receive() (*os.File, error) {
	c.far.Close()
	return ReceiveTerminal(c.near)
}

// ReceiveTerminal reads one message from a socket and returns the terminal's master in it, set not to block. It drops
// the terminal's name, which may come with it.
func ReceiveTerminal(socket *os.File) (*os.File, error) {
	name, oob := make([]byte, unix.PathMax), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("no terminal in the message"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("no terminal in the message"), err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "terminal"), nil
}

func (c *console) close() {
	c.near.Close()
	c.far.Close()
}

// ptmxDevice is /dev/ptmx (kernel documentation, devices.txt).
var ptmxDevice = unix.Mkdev(5, 2)

// terminal makes a terminal in the container whose root is open, sends its master over socket and returns the other
// end for the standard streams. proc is the host's /proc, opened before it went out of sight.
func (s *steps) terminal(p *specs.Process, root, proc register, socket int) (end register) {
	const what = "open terminal"
	// The container may have put the file there, so open nothing but the device.
	found := s.open(what, opPlace, root, s.fresh("/dev/pts/ptmx"), there|realPath)
	s.do(what, opDevice, found, value(ptmxDevice), value(unix.S_IFCHR))
	name := s.link("self/fd/")
	s.show(name, found)
	master := s.open(what, unix.SYS_OPENAT, proc, name.text, value(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
	s.do("close a descriptor", unix.SYS_CLOSE, found)
	s.do(what, unix.SYS_IOCTL, master, value(unix.TIOCSPTLCK), s.space(4))
	end = s.open(what, unix.SYS_IOCTL, master, value(unix.TIOCGPTPEER), value(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
	if z := p.ConsoleSize; z != nil && z.Height > 0 && z.Width > 0 {
		// struct winsize
		size := s.bytes([]byte{byte(z.Height), byte(z.Height >> 8), byte(z.Width), byte(z.Width >> 8), 0, 0, 0, 0})
		s.do("size of the terminal", unix.SYS_IOCTL, master, value(unix.TIOCSWINSZ), size)
	}
	s.do("owner of the terminal", unix.SYS_FCHOWN, end, value(p.User.UID), value(-1)).
		tolerate(unix.EPERM, unix.EROFS, unix.EINVAL)
	s.send(socket, master)
	s.do("close a descriptor", unix.SYS_CLOSE, master)
	return end
}

// send passes a descriptor over a socket (unix(7), SCM_RIGHTS).
func (s *steps) send(socket int, fd register) {
	const rights = unix.SizeofCmsghdr + 4
	// struct cmsghdr, little-endian as on both kinds of machines
	control := s.words(value(rights), value(unix.SOL_SOCKET|unix.SCM_RIGHTS<<32), value(0))
	body := s.words(s.bytes([]byte{0}), value(1))
	header := s.words(value(0), value(0), body, value(1), control, value(unix.CmsgSpace(4)), value(0))
	s.do("hand back the terminal", opStore, control+unix.SizeofCmsghdr, fd)
	s.do("hand back the terminal", unix.SYS_SENDMSG, value(socket), header)
}

// showConsole mounts the terminal at /dev/console.
func (r *root) showConsole(end register) {
	target := r.place("make /dev/console", "/dev/console", file)
	r.mount("mount /dev/console", r.shown(end), r.shown(target), "bind", unix.MS_BIND, cstring(""))
	r.release(target)
}
