package keeper

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// relay is one forwarded connection. It holds the bytes on their way itself, not in the kernel, so that a swap can
// carry them over.
type relay struct {
	client, server     *net.TCPConn // server is nil until the container has answered
	toServer, toClient flow
}

// flow is one direction of a relay.
type flow struct {
	pending []byte // read but not written yet
	ended   bool   // the end was passed on
}

// run moves bytes both ways. It returns true when the connection is over, and false when a deadline stopped it.
func (r *relay) run() (over bool) {
	var both sync.WaitGroup
	var there, back error
	both.Go(func() { there = r.move(&r.toServer, r.server, r.client) })
	both.Go(func() { back = r.move(&r.toClient, r.client, r.server) })
	both.Wait()
	return !errors.Is(there, os.ErrDeadlineExceeded) && !errors.Is(back, os.ErrDeadlineExceeded)
}

// move copies from one connection to the other, then passes the end on, as protocols rely on it. Any error but a
// deadline closes both connections.
func (r *relay) move(f *flow, to, from *net.TCPConn) error {
	err := f.copy(to, from)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	to.SetLinger(0)
	r.close()
	return err
}

func (f *flow) copy(to, from *net.TCPConn) error {
	raw, err := from.SyscallConn()
	if err != nil {
		return err
	}
	for !f.ended {
		if len(f.pending) > 0 {
			n, err := to.Write(f.pending)
			if f.pending = f.pending[n:]; err != nil {
				return err
			}
		}
		err := f.once(to, raw)
		if errors.Is(err, io.EOF) {
			f.ended = true
			to.CloseWrite()
			from.CloseRead()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// once waits for bytes and writes them. It takes a buffer only when there are some.
func (f *flow) once(to *net.TCPConn, from syscall.RawConn) error {
	var buf *[frameHead + 32<<10]byte
	var n int
	var failed error
	err := from.Read(func(fd uintptr) bool {
		buf = chunks.Get().(*[frameHead + 32<<10]byte)
		for n, failed = syscall.Read(int(fd), buf[:]); failed == syscall.EINTR; {
			n, failed = syscall.Read(int(fd), buf[:])
		}
		if failed == syscall.EAGAIN {
			chunks.Put(buf)
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	defer chunks.Put(buf)
	switch {
	case failed != nil:
		return failed
	case n <= 0:
		return io.EOF
	}
	wrote, err := to.Write(buf[:n])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		f.pending = append([]byte(nil), buf[wrote:n]...)
	}
	return err
}

// deadline sets when waits end; the zero time means never.
func (r *relay) deadline(t time.Time) {
	_ = r.client.SetDeadline(t)
	if r.server != nil {
		_ = r.server.SetDeadline(t)
	}
}

func (r *relay) close() {
	r.client.Close()
	if r.server != nil {
		r.server.Close()
	}
}

// savedRelay is a relay as one executable leaves it to the next.
type savedRelay struct {
	Socket             int // index of the held socket it came over
	ClientFD, ServerFD int // the second is 0 until the container has answered
	ToServer, ToClient savedFlow
}

type savedFlow struct {
	Pending []byte
	Ended   bool
}

// relays saves the connections of h that are paused.
func (s *saver) relays(h *held) (list []savedRelay) {
	for i, f := range h.forwarders {
		p, ok := f.(*streamProxy)
		if !ok {
			continue
		}
		p.mu.Lock()
		for r := range p.open {
			if !p.paused {
				break // the state is only checked
			}
			sr := savedRelay{Socket: i, ClientFD: s.fd(r.client), ToServer: savedFlow{r.toServer.pending, r.toServer.ended},
				ToClient: savedFlow{r.toClient.pending, r.toClient.ended}}
			if r.server != nil {
				sr.ServerFD = s.fd(r.server)
			}
			list = append(list, sr)
		}
		p.mu.Unlock()
	}
	return list
}

// restoreRelay rebuilds a relay from its saved form, or returns nil if its connection is gone.
func restoreRelay(sr savedRelay) *relay {
	r := &relay{toServer: flow{sr.ToServer.Pending, sr.ToServer.Ended},
		toClient: flow{sr.ToClient.Pending, sr.ToClient.Ended}}
	r.client = adoptConn(sr.ClientFD)
	if sr.ServerFD != 0 {
		r.server = adoptConn(sr.ServerFD)
	}
	if r.client == nil || sr.ServerFD != 0 && r.server == nil {
		return nil
	}
	return r
}

func adoptConn(fd int) *net.TCPConn {
	f := adopt(fd)
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}
