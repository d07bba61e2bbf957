package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"box/engine/task"
)

// Bounds of what a container may have under way: questions that servers were asked, and connections. Of all containers
// together there are at most mostOfAll questions.
const (
	mostQuestions   = 128
	mostOfAll       = 1024
	mostConnections = 16
)

// idle is how long a connection may stay open without a question.
const idle = 10 * time.Second

// Server answers one container. New makes it, Start starts it.
type Server struct {
	zones *Zones
	udp   *net.UDPConn
	tcp   *net.TCPListener
	dial  Dial // towards the container's own servers
	host  Dial // towards the host's

	settings  atomic.Pointer[settings]
	questions atomic.Int64
	open      atomic.Int64 // connections

	loops sync.WaitGroup // what reads
	tasks sync.WaitGroup // what waits for servers
	ctx   context.Context
	stop  context.CancelFunc
}

type settings struct {
	task.Resolver
	file *hostFile
}

// New makes a server that reads from udp and tcp, which it closes in the end. dial opens connections in the container's
// namespace, host in the host's.
func New(zones *Zones, udp *net.UDPConn, tcp *net.TCPListener, dial, host Dial) *Server {
	s := &Server{zones: zones, udp: udp, tcp: tcp, dial: dial, host: host}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Set says what the server answers by. It may be called at any time.
func (s *Server) Set(r task.Resolver) {
	path := r.HostFile
	if path == "" {
		path = "/etc/resolv.conf"
	}
	now := &settings{Resolver: r}
	if old := s.settings.Load(); old != nil && old.file.path == path {
		now.file = old.file
	} else {
		now.file = &hostFile{path: path}
	}
	s.settings.Store(now)
}

// Settings returns what Set was told.
func (s *Server) Settings() task.Resolver { return s.settings.Load().Resolver }

// Sockets returns what New was given.
func (s *Server) Sockets() (*net.UDPConn, *net.TCPListener) { return s.udp, s.tcp }

// Start reads questions until Pause or Close.
func (s *Server) Start() {
	_ = s.udp.SetReadDeadline(time.Time{})
	_ = s.tcp.SetDeadline(time.Time{})
	s.loops.Go(s.datagrams)
	s.loops.Go(s.connections)
}

// Pause stops reading after a question that is being answered. What comes meanwhile waits in the sockets.
func (s *Server) Pause() {
	_ = s.udp.SetReadDeadline(time.Unix(1, 0))
	_ = s.tcp.SetDeadline(time.Unix(1, 0))
	s.loops.Wait()
}

// Close ends the server.
func (s *Server) Close() {
	s.stop()
	s.udp.Close()
	s.tcp.Close()
	s.loops.Wait()
	s.tasks.Wait()
}

// buffers are for a datagram each, and are taken while one is read.
var buffers = sync.Pool{New: func() any { return new([largest]byte) }}

func (s *Server) datagrams() {
	for {
		buf := buffers.Get().(*[largest]byte)
		n, from, err := s.udp.ReadFromUDPAddrPort(buf[:])
		if err == nil {
			s.datagram(buf[:n], from)
		}
		buffers.Put(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// datagram answers one question. What servers have to be asked for is answered later.
func (s *Server) datagram(raw []byte, from netip.AddrPort) {
	q, err := parse(raw)
	if errors.Is(err, errDropped) {
		return
	}
	if answer, done := s.own(&q, err); done {
		if answer, err = q.fitting(answer); err == nil {
			_, _ = s.udp.WriteToUDPAddrPort(answer, from)
		}
		return
	}
	q.raw = append([]byte(nil), raw...)
	s.later(func() {
		answer, err := q.fitting(s.ask(&q, "udp"))
		if err == nil {
			_, _ = s.udp.WriteToUDPAddrPort(answer, from)
		}
	}, func() {
		if answer, err := q.reply(dnsmessage.RCodeServerFailure, false, nil); err == nil {
			_, _ = s.udp.WriteToUDPAddrPort(answer, from)
		}
	})
}

// begin counts a question for servers, each of which may take a thread; ok is false if there are too many. done ends
// it.
func (s *Server) begin() (done func(), ok bool) {
	own, all := s.questions.Add(1), s.zones.questions.Add(1)
	done = func() {
		s.questions.Add(-1)
		s.zones.questions.Add(-1)
	}
	if own > mostQuestions || all > mostOfAll {
		done()
		return nil, false
	}
	return done, true
}

// later runs do in the background, or calls refuse if too much runs there.
func (s *Server) later(do, refuse func()) {
	done, ok := s.begin()
	if !ok {
		refuse()
		return
	}
	s.tasks.Go(func() {
		defer done()
		do()
	})
}

func (s *Server) connections() {
	for {
		conn, err := s.tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, most likely
			continue
		}
		if s.open.Add(1) > mostConnections {
			s.open.Add(-1)
			conn.Close()
			continue
		}
		s.tasks.Go(func() {
			defer s.open.Add(-1)
			s.connection(conn)
		})
	}
}

// connection answers questions one after the other.
func (s *Server) connection(conn *net.TCPConn) {
	defer conn.Close()
	defer context.AfterFunc(s.ctx, func() { conn.Close() })()
	for {
		if conn.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		raw, err := receive(conn, "tcp")
		if err != nil {
			return
		}
		q, err := parse(raw)
		if errors.Is(err, errDropped) {
			return
		}
		answer, known := s.own(&q, err)
		if !known {
			answer = s.askNow(&q)
		}
		if len(answer) == 0 || send(conn, "tcp", answer) != nil {
			return
		}
	}
}

// own answers what needs no server; problem is that of the question. done is false for what has to be asked.
func (s *Server) own(q *query, problem error) (answer []byte, done bool) {
	fail := func(code dnsmessage.RCode) ([]byte, bool) {
		answer, _ := q.reply(code, false, nil)
		return answer, true
	}
	switch {
	case problem != nil:
		return fail(dnsmessage.RCodeFormatError)
	case q.header.OpCode != 0:
		return fail(dnsmessage.RCodeNotImplemented)
	}
	set := s.settings.Load()
	var err error
	switch name := q.name(); q.question.Type {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		if to := set.Links[name]; to != "" {
			name = to
		}
		list, known := s.zones.Find(set.Networks, name)
		if !known {
			return nil, false
		}
		answer, err = q.addressed(list)
	case dnsmessage.TypePTR:
		a, ok := reversed(name)
		if !ok {
			return nil, false
		}
		to, known := s.zones.Name(set.Networks, a)
		if !known {
			return nil, false
		}
		answer, err = q.named(to)
	default:
		return nil, false
	}
	if err != nil {
		return fail(dnsmessage.RCodeServerFailure)
	}
	return answer, true
}

// askNow asks the servers by TCP, unless too many questions are under way.
func (s *Server) askNow(q *query) []byte {
	done, ok := s.begin()
	if !ok {
		answer, _ := q.reply(dnsmessage.RCodeServerFailure, false, nil)
		return answer
	}
	defer done()
	return s.ask(q, "tcp")
}

// ask asks the servers.
func (s *Server) ask(q *query, network string) []byte {
	set := s.settings.Load()
	servers, dial := set.Servers, s.dial
	if len(servers) == 0 {
		servers, dial = set.file.list(time.Now()), s.host
	}
	if !set.Internal && len(servers) > 0 {
		if answer, err := forward(s.ctx, dial, network, servers, q); err == nil {
			return answer
		}
	}
	answer, _ := q.reply(dnsmessage.RCodeServerFailure, false, nil)
	return answer
}
