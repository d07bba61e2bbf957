// Package client speaks the Docker API to any daemon that speaks it, from 1.24 on: one small method a
// call, the types of github.com/moby/moby/api, errors in the classes of containerd/errdefs.
package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MaxVersion is the API version that the client speaks; it lowers it for an older daemon, never raises it.
const MaxVersion = "1.51"

// Options say where the daemon is and how to talk to it.
type Options struct {
	Host      string            // unix:///path, tcp://host:port; empty: DefaultHost
	TLS       *tls.Config       // for tcp; nil: plain
	Version   string            // a fixed API version (DOCKER_API_VERSION); empty: negotiate
	Headers   map[string]string // sent with every request
	UserAgent string
	Proxy     func(*url.URL) (*url.URL, error)        // the way to a tcp host; nil: direct
	Away      func()                                  // told once no daemon is there, and the answer is waited for
	Dial      func(context.Context) (net.Conn, error) // how a host is reached whose scheme is none of the client's own
}

// DefaultHost is where a daemon listens when nobody says otherwise.
const DefaultHost = "unix:///var/run/docker.sock"

// Client is a connection to one daemon, kept open between calls. It is safe for several goroutines.
type Client struct {
	host    string // in full, for messages
	network string
	address string
	base    string // path prefix of a tcp host
	options Options
	http    http.Client

	away atomic.Bool // the daemon has ended, and another one is waited for

	mu      sync.Mutex
	waiting []*time.Timer // of Options.Away
	version string        // what is spoken; the client's own until the daemon's is known
	agreed  bool          // the daemon has accepted version
}

// New checks the options and returns a client. It does not connect yet.
func New(o Options) (*Client, error) {
	if o.Host == "" {
		o.Host = DefaultHost
	}
	network, address, base, err := parseHost(o.Host, o.TLS != nil)
	if scheme, rest, _ := strings.Cut(o.Host, "://"); o.Dial != nil {
		network, address, base, err = scheme, rest, "", nil
	}
	if err != nil {
		return nil, err
	}
	c := &Client{host: network + "://" + address + base, network: network, address: address, base: base, options: o,
		version: MaxVersion}
	if o.Version != "" {
		c.version, c.agreed = strings.TrimPrefix(o.Version, "v"), true
	}
	transport := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dialPlain(ctx) },
		TLSClientConfig:    o.TLS,
		DisableCompression: true,
		MaxIdleConns:       4,
		IdleConnTimeout:    time.Minute,
	}
	if c.proxied() {
		transport.Proxy = func(r *http.Request) (*url.URL, error) { return o.Proxy(r.URL) }
		transport.DialContext = func(ctx context.Context, _, address string) (net.Conn,
			error) {
			return c.dialDirect(ctx, address)
		}
	}
	c.http.Transport = transport
	// a daemon never redirects; a POST that turned into a GET would answer nonsense
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Host is the daemon's address in full.
func (c *Client) Host() string { return c.host }

// parseHost reads a host as Docker's client does: tcp where no scheme is said, this machine where no name is, and the
// port of a daemon with or without TLS.
func parseHost(host string, secure bool) (network, address, base string, err error) {
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok {
		scheme, rest = "tcp", host
	}
	switch {
	case scheme == "unix" && rest == "":
		return "unix", strings.TrimPrefix(DefaultHost, "unix://"), "", nil
	case scheme == "unix":
		return "unix", rest, "", nil
	case scheme == "tcp" || scheme == "http" || scheme == "https":
		u, err := url.Parse("tcp://" + rest)
		if err != nil {
			return "", "", "", fmt.Errorf("unable to parse docker host `%s`: %w", host, err)
		}
		name, port := u.Hostname(), u.Port()
		if name == "" {
			name = "localhost"
		}
		if port == "" && secure {
			port = "2376"
		} else if port == "" {
			port = "2375"
		}
		return "tcp", net.JoinHostPort(name, port), strings.TrimRight(u.Path, "/"), nil
	}
	return "", "", "", fmt.Errorf("invalid bind address format: %s", host)
}

func (c *Client) scheme() string {
	if c.options.TLS != nil {
		return "https"
	}
	return "http"
}

func (c *Client) dialPlain(ctx context.Context) (net.Conn, error) {
	if c.options.Dial != nil {
		return c.options.Dial(ctx)
	}
	return c.dialWatched(ctx)
}

func (c *Client) dialDirect(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return d.DialContext(ctx, c.network, address)
}

// Dial opens a connection on which the daemon waits for requests, with TLS where the client has it; the caller closes
// it.
func (c *Client) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, c.transportError(err)
	}
	return conn, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	plain := c.dialPlain
	if c.proxied() {
		plain = c.dialProxy
	}
	conn, err := plain(ctx)
	if err != nil || c.options.TLS == nil {
		return conn, err
	}
	config := c.options.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(c.address)
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}
