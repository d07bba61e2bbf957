package dockerd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"box/certs"
	"box/netapi"
	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
	"box/personalities/top/hosts"
	"box/personalities/top/web"
)

// monitorPage is the page of --monitor. It speaks with the API as any client does, by connections within the process.
type monitorPage struct {
	listener *web.Listener // nil: there is no page
	secure   *certs.Server
	inside   *insideListener
	api      *client.Client
	host     *hosts.Host
	server   *web.Server
	serving  sync.WaitGroup
	closing  sync.Once
}

// listenMonitor opens the address of --monitor.
func listenMonitor(o *config.Options, secure *certs.Server) (*monitorPage, error) {
	p := &monitorPage{secure: secure}
	if o.Monitor == "" {
		return p, nil
	}
	var err error
	p.listener, err = web.Listen(o.Monitor, secure, o.Insecure)
	if err != nil {
		return nil, fmt.Errorf("--monitor %s: %w", o.Monitor, advised(err))
	}
	return p, nil
}

// advised adds to an error the option for who knows better.
func advised(err error) error {
	if errors.Is(err, web.ErrOpen) {
		return fmt.Errorf("%w: --tlsverify turns it on, --monitor-insecure does without", err)
	}
	return err
}

// serve begins to serve the page of an API.
func (p *monitorPage) serve(env *cmd.Env, o *config.Options, api *netapi.Server, log *slog.Logger) (err error) {
	if p.listener == nil {
		return nil
	}
	p.inside = &insideListener{conns: make(chan net.Conn), done: make(chan struct{})}
	if p.api, err = p.client(nil); err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	p.host = hosts.FromClient(name, p.api)
	p.server, err = web.New(web.Options{Hosts: []*hosts.Host{p.host}, Secure: p.secure, Token: o.Token,
		Names: web.Names(o.Monitor), Log: log, As: p.as})
	if err != nil {
		return err
	}
	p.serving.Go(func() { _ = api.Serve(p.inside) })        // until it is closed
	p.serving.Go(func() { _ = p.server.Serve(p.listener) }) // the same
	fmt.Fprintf(env.Stderr, "Monitor on %s\n", p.listener.URL(p.secure))
	return nil
}

// client returns a client of the API within the process, for who has shown a certificate or for the page itself.
func (p *monitorPage) client(shown *tls.ConnectionState) (*client.Client, error) {
	return client.New(client.Options{Host: "inside://box", UserAgent: "box-monitor",
		Dial: func(ctx context.Context) (net.Conn, error) { return p.inside.dial(ctx, shown) }})
}

// as returns a client for who has shown a certificate: the daemon's rules for its name hold.
func (p *monitorPage) as(shown *tls.ConnectionState) (*client.Client, func(), error) {
	c, err := p.client(shown)
	if err != nil {
		return nil, nil, err
	}
	return c, c.Close, nil
}

// close ends the page, and with it what it asks of the API.
func (p *monitorPage) close() {
	if p.listener == nil {
		return
	}
	p.closing.Do(func() {
		p.listener.Close()
		if p.server != nil {
			p.server.Close()
		}
		if p.host != nil {
			p.host.Close()
			p.api.Close()
		}
		if p.inside != nil {
			p.inside.Close()
		}
		p.serving.Wait()
	})
}

// insideListener accepts connections from within the process.
type insideListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// insideConn is one end of a pair of sockets, with the certificate that was shown by who is behind it.
type insideConn struct {
	*net.UnixConn
	shown *tls.ConnectionState
}

// Shown implements netapi.Inside.
func (c *insideConn) Shown() *tls.ConnectionState { return c.shown }

// dial connects. A pair of sockets, other than net.Pipe, has a buffer and ends that close for themselves.
func (l *insideListener) dial(ctx context.Context, shown *tls.ConnectionState) (net.Conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ends := [2]*net.UnixConn{}
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "inside")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			if i == 0 {
				unix.Close(pair[1])
			} else {
				ends[0].Close()
			}
			return nil, err
		}
		ends[i] = c.(*net.UnixConn)
	}
	select {
	case l.conns <- &insideConn{ends[1], shown}:
		return ends[0], nil
	case <-l.done:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	ends[0].Close()
	ends[1].Close()
	return nil, err
}

// Accept implements net.Listener.
func (l *insideListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *insideListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *insideListener) Addr() net.Addr { return &net.UnixAddr{Name: "inside", Net: "unix"} }
