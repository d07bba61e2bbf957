package keeper

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// udpIdle is how long a client of a proxied UDP port may be silent before it is forgotten.
const udpIdle = 90 * time.Second

// forward moves what comes in on f, a listening TCP or a bound UDP socket, to an address, until the function that it
// returns is called. f stays the caller's.
func forward(f *os.File, to netip.AddrPort) (stop func(), err error) {
	if l, err := net.FileListener(f); err == nil {
		return forwardTCP(l, to), nil
	}
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	return forwardUDP(c, to), nil
}

// open is the connections of one forwarded port, to be closed together.
type open struct {
	mu    sync.Mutex
	ended bool
	set   map[io.Closer]struct{}
	wg    sync.WaitGroup
}

// add notes c, or closes it when the port is given up already.
func (o *open) add(c io.Closer) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		c.Close()
		return false
	}
	o.set[c] = struct{}{}
	return true
}

func (o *open) drop(c io.Closer) {
	c.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.set, c)
}

func (o *open) close() {
	o.mu.Lock()
	o.ended = true
	for c := range o.set {
		c.Close()
	}
	o.mu.Unlock()
	o.wg.Wait()
}

func forwardTCP(l net.Listener, to netip.AddrPort) func() {
	o := &open{set: map[io.Closer]struct{}{}}
	o.add(l)
	o.wg.Go(func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if o.add(c) {
				o.wg.Go(func() { o.joinTCP(c, to) })
			}
		}
	})
	return o.close
}

// joinTCP connects a client with the container and lets each side end on its own.
func (o *open) joinTCP(client net.Conn, to netip.AddrPort) {
	defer o.drop(client)
	server, err := net.DialTimeout("tcp", to.String(), 10*time.Second)
	if err != nil {
		return
	}
	if !o.add(server) {
		return
	}
	defer o.drop(server)
	var back sync.WaitGroup
	back.Go(func() { pour(client, server) })
	pour(server, client)
	back.Wait()
}

func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

func forwardUDP(in net.PacketConn, to netip.AddrPort) func() {
	o := &open{set: map[io.Closer]struct{}{}}
	o.add(in)
	o.wg.Go(func() {
		clients := map[string]net.Conn{}
		buf := make([]byte, 64<<10)
		for {
			n, from, err := in.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			c := clients[from.String()]
			if c != nil {
				_ = c.SetReadDeadline(time.Now().Add(udpIdle))
				if _, err := c.Write(buf[:n]); err == nil || !errors.Is(err, net.ErrClosed) {
					continue
				}
			}
			if c, err = net.Dial("udp", to.String()); err != nil || !o.add(c) {
				continue
			}
			clients[from.String()] = c
			_ = c.SetReadDeadline(time.Now().Add(udpIdle))
			_, _ = c.Write(buf[:n])
			o.wg.Go(func() { o.answerUDP(in, c, from) })
		}
	})
	return o.close
}

// answerUDP sends a client what the container says to it, until it has been silent for udpIdle.
func (o *open) answerUDP(in net.PacketConn, c net.Conn, client net.Addr) {
	defer o.drop(c)
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := in.WriteTo(buf[:n], client); err != nil {
			return
		}
	}
}
