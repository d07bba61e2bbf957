package keeper

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// forward forwards what arrives on f, a listening TCP socket or a bound UDP socket, to a container's address. It is for
// what no rule of the kernel can do: [::] to an IPv4 container, and kernels without NAT. f stays the caller's. stop ends the
// listening and every connection, and returns when all goroutines have ended.
func forward(f *os.File, to netip.AddrPort) (stop func(), err error) {
	kind, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("forwarding %s to %s: %w", f.Name(), to, err)
	}
	if kind == unix.SOCK_DGRAM {
		conn, err := net.FilePacketConn(f)
		if err != nil {
			return nil, fmt.Errorf("forwarding %s to %s: %w", f.Name(), to, err)
		}
		return startDatagrams(conn.(*net.UDPConn), to), nil
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("forwarding %s to %s: %w", f.Name(), to, err)
	}
	p := &streamProxy{listener: l, to: to, open: map[io.Closer]bool{}}
	p.wait.Go(p.accept)
	return p.stop, nil
}

// streamProxy forwards TCP connections.
type streamProxy struct {
	listener net.Listener
	to       netip.AddrPort
	wait     sync.WaitGroup

	mu   sync.Mutex
	open map[io.Closer]bool // nil once stopped
}

// dialTimeout bounds the wait for a container that does not answer.
const dialTimeout = 10 * time.Second

// acceptPause is how long accept rests when there are no descriptors left.
const acceptPause = 50 * time.Millisecond

func (p *streamProxy) accept() {
	for {
		client, err := p.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
			continue
		}
		p.wait.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

// serve copies both ways until both have ended. An end in one direction is passed on: protocols use it.
func (p *streamProxy) serve(client *net.TCPConn) {
	if !p.track(client) {
		return
	}
	defer p.untrack(client)
	conn, err := net.DialTimeout("tcp", p.to.String(), dialTimeout)
	if err != nil {
		client.SetLinger(0) // a reset, as from a port that nobody listens on
		return
	}
	server := conn.(*net.TCPConn)
	if !p.track(server) {
		return
	}
	defer p.untrack(server)
	var both sync.WaitGroup
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}

// pass copies from one connection to the other, then passes the end on.
func pass(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		to.SetLinger(0)
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
	from.CloseRead()
}

// track notes a connection so that stop can close it; after stop it closes it at once and gives false.
func (p *streamProxy) track(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *streamProxy) untrack(c io.Closer) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	c.Close()
}

func (p *streamProxy) stop() {
	p.listener.Close()
	p.mu.Lock()
	open := p.open
	p.open = nil
	p.mu.Unlock()
	for c := range open {
		c.Close()
	}
	p.wait.Wait()
}
