package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"box/engine/network/firewall"
	"box/engine/network/resolver"
	"box/engine/task"
)

// names are what containers find by name, and those who tell them.
type names struct {
	zones resolver.Zones

	mu      sync.Mutex
	servers map[string]*resolver.Server // by ID of the container
}

// namesAt is where containers ask.
var namesAt = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// name implements task.VerbNames.
func (k *Keeper) name(q *task.Request, _ []*os.File) (task.Reply, error) {
	if q.Table == nil {
		return task.Reply{}, fmt.Errorf("names without a table: %w", errInvalid)
	}
	n := &k.names
	n.mu.Lock()
	defer n.mu.Unlock()
	n.zones.Change(q.Table.Zones, q.Table.Whole)
	listed := map[string]bool{}
	var errs error
	for _, r := range q.Table.Resolvers {
		listed[r.Container] = !r.Gone
		if r.Gone {
			n.end(r.Container)
			continue
		}
		if s := n.servers[r.Container]; s != nil {
			s.Set(r)
			continue
		}
		if err := n.open(r); err != nil {
			errs = errors.Join(errs, fmt.Errorf("names of container %.12s: %w", r.Container, err))
		}
	}
	if q.Table.Whole {
		for id := range n.servers {
			if !listed[id] {
				n.end(id)
			}
		}
	}
	return task.Reply{}, errs
}

// open starts to answer a container.
func (n *names) open(r task.Resolver) error {
	ns, err := os.Open(r.Namespace)
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer ns.Close()
	udp, tcp, err := listenIn(ns)
	if err != nil {
		return err
	}
	n.start(r, udp, tcp)
	return nil
}

func (n *names) start(r task.Resolver, udp *net.UDPConn, tcp *net.TCPListener) {
	inside := func(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
		ns, err := os.Open(r.Namespace)
		if err != nil {
			return nil, err
		}
		defer ns.Close()
		inErr := within(ns, func() error {
			conn, err = dial(ctx, network, to)
			return err
		})
		return conn, inErr
	}
	s := resolver.New(&n.zones, udp, tcp, inside, dial)
	s.Set(r)
	s.Start()
	if n.servers == nil {
		n.servers = map[string]*resolver.Server{}
	}
	n.servers[r.Container] = s
}

func dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, to.String())
}

// end ends the answers to a container. n.mu is held.
func (n *names) end(container string) {
	if s := n.servers[container]; s != nil {
		delete(n.servers, container)
		s.Close()
	}
}

// drop is end for a container whose program has ended.
func (n *names) drop(container string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.end(container)
}

// each calls do for all servers.
func (n *names) each(do func(*resolver.Server)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.servers {
		do(s)
	}
}

// listenIn opens the sockets of a resolver in a network namespace: at ports that rules lead to from port 53, or at that
// port where the kernel cannot do so.
func listenIn(ns *os.File) (udp *net.UDPConn, tcp *net.TCPListener, err error) {
	if udp, tcp, err = listenAt(ns, 0); err != nil {
		return nil, nil, err
	}
	err = firewall.RedirectNames(int(ns.Fd()), namesAt, portOf(udp.LocalAddr()), portOf(tcp.Addr()))
	if err == nil {
		return udp, tcp, nil
	}
	udp.Close()
	tcp.Close()
	udp, tcp, again := listenAt(ns, 53)
	if again != nil {
		return nil, nil, errors.Join(err, again)
	}
	return udp, tcp, nil
}

func portOf(a net.Addr) uint16 {
	p, _ := netip.ParseAddrPort(a.String())
	return p.Port()
}

func listenAt(ns *os.File, port uint16) (udp *net.UDPConn, tcp *net.TCPListener, err error) {
	at := netip.AddrPortFrom(namesAt, port)
	err = within(ns, func() (err error) {
		if udp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at)); err != nil {
			return err
		}
		tcp, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
		return err
	})
	if err != nil && udp != nil {
		udp.Close()
	}
	return udp, tcp, err
}

// within calls do in a network namespace, where the sockets stay that it makes. The thread ends if it cannot come back.
func within(ns *os.File, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer home.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			err = do()
		}
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// savedNames are the names as one executable leaves them to the next.
type savedNames struct {
	Zones     []task.Zone
	Resolvers []savedResolver
}

type savedResolver struct {
	Settings     task.Resolver
	UDPFD, TCPFD int
}

// save notes the sockets.
func (n *names) save(s *saver) *savedNames {
	n.mu.Lock()
	defer n.mu.Unlock()
	saved := &savedNames{Zones: n.zones.List()}
	for _, server := range n.servers {
		udp, tcp := server.Sockets()
		saved.Resolvers = append(saved.Resolvers, savedResolver{server.Settings(), s.fd(udp), s.fd(tcp)})
	}
	if len(saved.Zones) == 0 && len(saved.Resolvers) == 0 {
		return nil
	}
	return saved
}

// restore goes on from what an earlier executable has left.
func (n *names) restore(saved *savedNames) error {
	n.zones.Change(saved.Zones, true)
	var errs error
	for _, r := range saved.Resolvers {
		u, t := adopt(r.UDPFD), adopt(r.TCPFD)
		udp, err := net.FilePacketConn(u)
		tcp, tcpErr := net.FileListener(t)
		u.Close()
		t.Close()
		if err = errors.Join(err, tcpErr); err != nil {
			errs = errors.Join(errs, fmt.Errorf("names of container %.12s: %w", r.Settings.Container, err))
			continue
		}
		n.start(r.Settings, udp.(*net.UDPConn), tcp.(*net.TCPListener))
	}
	return errs
}
