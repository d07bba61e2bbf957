package task

import (
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Stream is a socket pair between the daemon and the keeper: Near is the daemon's end, the far end is handed over.
type Stream struct {
	Opts Attach
	Near *net.UnixConn

	far  *os.File
	once sync.Once
}

// NewStream makes a pair for the streams in o. Close must be called.
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

// Hand returns the far end to be passed to a launcher, which closes it.
func (s *Stream) Hand() *os.File {
	f := s.far
	s.once.Do(func() {})
	return f
}

// Close closes Near, and the far end unless it was handed over.
func (s *Stream) Close() error {
	s.once.Do(func() { s.far.Close() })
	return s.Near.Close()
}
