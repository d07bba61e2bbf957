package web

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/containerd/errdefs"

	"box/certs"
)

// defaultPort is where cAdvisor's page is.
const defaultPort = "8080"

// Address completes an address of the page. Without a host that is loopback, without a port 8080.
func Address(text string) (string, error) {
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") && strings.Count(text, ":") == 1 ||
		strings.Contains(text, "]:") {
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return "", fmt.Errorf("address %q of the monitor: %w", text, err)
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = defaultPort
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("address %q of the monitor: the port is not a number up to 65535: %w", text,
			errdefs.ErrInvalidArgument)
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, "/ @:") {
		return "", fmt.Errorf("address %q of the monitor: use HOST:PORT: %w", text, errdefs.ErrInvalidArgument)
	}
	return net.JoinHostPort(host, port), nil
}

// ErrOpen refuses an address that the network can reach, without TLS.
var ErrOpen = errors.New("refused without TLS")

// Check completes and resolves an address. One that others than this host can reach is refused without TLS, unless
// insecure is set.
func Check(text string, secure *certs.Server, insecure bool) (*net.TCPAddr, error) {
	address, err := Address(text)
	if err != nil {
		return nil, err
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("address %q of the monitor: %w", text, err)
	}
	if secure == nil && !insecure && !at.IP.IsLoopback() {
		return nil, fmt.Errorf("http://%s would be open to the network without encryption, 127.0.0.1:%d to this host "+
			"alone: %w", address, at.Port, ErrOpen)
	}
	return at, nil
}

// Listener is where the page is served.
type Listener struct {
	net.Listener
	open atomic.Int64
}

// Listen opens an address that passes Check, with TLS if secure is not nil.
func Listen(text string, secure *certs.Server, insecure bool) (*Listener, error) {
	at, err := Check(text, secure, insecure)
	if err != nil {
		return nil, err
	}
	network := "tcp"
	if at.IP.To4() != nil {
		network = "tcp4" // 0.0.0.0 is not everything, as "tcp" has it
	}
	inner, err := net.ListenTCP(network, at)
	if err != nil {
		return nil, fmt.Errorf("listen for the monitor: %w", err)
	}
	l := &Listener{}
	l.Listener = &limited{Listener: inner, open: &l.open}
	if secure != nil {
		l.Listener = secure.ListenOptional(l.Listener)
	}
	return l, nil
}

// Names returns the names by which browsers may reach a page on an address, beside those of the certificate: this
// host's, and the address's own.
func Names(text string) (names []string) {
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if address, err := Address(text); err == nil {
		names = append(names, hostname(address))
	}
	return names
}

// URL returns what to type into a browser.
func (l *Listener) URL(secure *certs.Server) string {
	scheme := "http"
	if secure != nil {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String() + "/"
}

// limited is a listener with a maximum number of open connections. It closes further ones.
type limited struct {
	net.Listener
	open *atomic.Int64
}

// Accept returns the next connection within the limit.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= maxConnections {
			return &limitedConn{Conn: c, open: l.open}, nil
		}
		l.open.Add(-1)
		c.Close()
	}
}

type limitedConn struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

// Close closes the connection, so that another one may be accepted.
func (c *limitedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
