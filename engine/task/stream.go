package task

import (
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Stream is a socket pair on the way between the daemon and the keeper: Near is the daemon's, the far end is handed
// over.
type Stream struct {
	Opts Attach
	Near *net.UnixConn

	far  *os.File
	once sync.Once
}

// NewStream makes a pair for what o says. It is to be closed.
func NewStream(o Attach) (*Stream, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "stream")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		unix.Close(fds[1])
		return nil, err
	}
	return &Stream{Opts: o, Near: conn.(*net.UnixConn), far: os.NewFile(uintptr(fds[1]), "stream")}, nil
}

// Hand gives the far end away; the launcher closes it.
func (s *Stream) Hand() *os.File {
	f := s.far
	s.once.Do(func() {})
	return f
}

// Close closes what was not given away.
func (s *Stream) Close() error {
	s.once.Do(func() { s.far.Close() })
	return s.Near.Close()
}
