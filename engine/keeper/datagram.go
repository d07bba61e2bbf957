package keeper

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// datagramProxy forwards UDP. Each client has a socket of its own towards the container, so that answers find their
// way back, and loses it after clientIdle without traffic.
type datagramProxy struct {
	front *net.UDPConn
	to    netip.AddrPort
	wait  sync.WaitGroup

	mu      sync.Mutex
	clients map[netip.AddrPort]*net.UDPConn // nil once stopped
}

const (
	clientIdle = 90 * time.Second
	maxClients = 4096 // of one port; datagrams of any more are dropped
	maxUDP     = 65535
)

// datagramBuffers are taken only while there is a datagram to read: ten thousand quiet ports hold none.
var datagramBuffers = sync.Pool{New: func() any { return new([maxUDP]byte) }}

func startDatagrams(front *net.UDPConn, to netip.AddrPort) *datagramProxy {
	p := &datagramProxy{front: front, to: to, clients: map[netip.AddrPort]*net.UDPConn{}}
	p.wait.Go(func() {
		receive(front, func(b []byte, from netip.AddrPort) {
			if back := p.client(from); back != nil {
				back.SetReadDeadline(time.Now().Add(clientIdle))
				back.Write(b) // an error is a lost datagram
			}
		})
	})
	return p
}

// pause and resume do nothing: the next executable gives clients new sockets towards the container.
func (p *datagramProxy) pause()  {}
func (p *datagramProxy) resume() {}

// client returns a client's socket, a new one if need be, or nil if there can be none.
func (p *datagramProxy) client(from netip.AddrPort) *net.UDPConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if back := p.clients[from]; back != nil || p.clients == nil || len(p.clients) >= maxClients {
		return back
	}
	back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.to))
	if err != nil {
		return nil
	}
	p.clients[from] = back
	p.wait.Go(func() {
		receive(back, func(b []byte, _ netip.AddrPort) {
			back.SetReadDeadline(time.Now().Add(clientIdle))
			p.front.WriteToUDPAddrPort(b, from)
		})
		p.mu.Lock()
		if p.clients[from] == back {
			delete(p.clients, from)
		}
		p.mu.Unlock()
		back.Close()
	})
	return back
}

func (p *datagramProxy) stop() {
	p.front.Close()
	p.mu.Lock()
	clients := p.clients
	p.clients = nil
	p.mu.Unlock()
	for _, back := range clients {
		back.Close()
	}
	p.wait.Wait()
}

// receive hands datagrams to use until the socket is closed or its deadline passes.
func receive(conn *net.UDPConn, use func(b []byte, from netip.AddrPort)) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	for err == nil {
		err = raw.Read(func(fd uintptr) bool {
			buf := datagramBuffers.Get().(*[maxUDP]byte)
			defer datagramBuffers.Put(buf)
			n, from, recvErr := unix.Recvfrom(int(fd), buf[:], unix.MSG_DONTWAIT)
			if recvErr == syscall.EAGAIN {
				return false
			}
			if recvErr == nil { // other errors are about the last datagram sent: nobody listened
				use(buf[:n], addrPort(from))
			}
			return true
		})
	}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		a := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			if link, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				a = a.WithZone(link.Name)
			}
		}
		return netip.AddrPortFrom(a, uint16(sa.Port))
	}
	return netip.AddrPort{}
}
