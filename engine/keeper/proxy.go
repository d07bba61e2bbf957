package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// forwarder forwards what arrives on one socket. pause is for a swap: what can be carried over stops until resume,
// and the rest goes on.
type forwarder interface {
	stop()
	pause()
	resume()
}

// forward forwards what arrives on f, a listening TCP socket or a bound UDP socket, to a container's address. It does
// what no rule of the kernel can: [::] to an IPv4 container, and kernels without NAT. f stays the caller's. relays
// are the connections of an earlier executable. The forwarder's stop ends the listening and every connection, and
// returns when all goroutines have ended.
func forward(f *os.File, to netip.AddrPort, relays ...*relay) (forwarder, error) {
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
	p := &streamProxy{listener: l.(*net.TCPListener), to: to, open: map[*relay]bool{}}
	for _, r := range relays {
		p.open[r] = true
	}
	p.resume()
	return p, nil
}

// streamProxy forwards TCP connections.
type streamProxy struct {
	listener *net.TCPListener
	to       netip.AddrPort
	wait     sync.WaitGroup
	halt     context.CancelFunc // gives up connecting to the container

	mu     sync.Mutex
	open   map[*relay]bool // nil once stopped
	paused bool
}

// dialTimeout bounds the wait for a container that does not answer.
const dialTimeout = 10 * time.Second

// acceptPause is how long accept rests when there are no descriptors left.
const acceptPause = 50 * time.Millisecond

// resume accepts connections and moves the bytes of open relays, at first and after a pause.
func (p *streamProxy) resume() {
	ctx, halt := context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halt, p.paused = halt, false
	_ = p.listener.SetDeadline(time.Time{})
	for r := range p.open {
		r.deadline(time.Time{})
		p.wait.Go(func() { p.serve(ctx, r) })
	}
	p.wait.Go(func() { p.accept(ctx) })
}

// pause returns when nothing moves any more and the open relays can be carried over.
func (p *streamProxy) pause() {
	p.mu.Lock()
	p.paused = true
	p.halt()
	_ = p.listener.SetDeadline(time.Unix(1, 0))
	for r := range p.open {
		r.deadline(time.Unix(1, 0))
	}
	p.mu.Unlock()
	p.wait.Wait()
}

func (p *streamProxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil:
			time.Sleep(acceptPause)
			continue
		}
		r := &relay{client: client}
		if p.track(r) {
			p.wait.Go(func() { p.serve(ctx, r) })
		}
	}
}

// serve connects r to the container if need be and moves bytes both ways, until both have ended or until pause.
func (p *streamProxy) serve(ctx context.Context, r *relay) {
	if r.server == nil {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, "tcp", p.to.String())
		if err != nil {
			if ctx.Err() == nil || p.stopped() {
				r.client.SetLinger(0) // a reset, as from a port that nobody listens on
				p.untrack(r)
			}
			return
		}
		p.connected(r, conn.(*net.TCPConn))
	}
	if r.run() {
		p.untrack(r)
	}
}

func (p *streamProxy) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open == nil
}

// connected gives r its server end and applies a pause or a stop that came meanwhile.
func (p *streamProxy) connected(r *relay, server *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.server = server
	if p.paused {
		r.deadline(time.Unix(1, 0))
	}
	if p.open == nil {
		r.close()
	}
}

// track notes a connection so that stop can close it. After stop it closes the connection at once and returns false.
func (p *streamProxy) track(r *relay) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		r.close()
		return false
	}
	p.open[r] = true
	if p.paused {
		r.deadline(time.Unix(1, 0))
	}
	return true
}

func (p *streamProxy) untrack(r *relay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, r)
	r.close()
}

func (p *streamProxy) stop() {
	p.listener.Close()
	p.mu.Lock()
	p.halt()
	for r := range p.open {
		r.close()
	}
	p.open = nil
	p.mu.Unlock()
	p.wait.Wait()
}
