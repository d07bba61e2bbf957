// Package client calls the API of any Docker daemon from API 1.24 on. Each call is one method, with the types of
// github.com/moby/moby/api and errors of the classes of containerd/errdefs.
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

// MaxVersion is the newest API version of the client. It uses an older one if the daemon requires that.
const MaxVersion = "1.51"

// Options configure a client.
type Options struct {
	Host      string            // unix:///path, tcp: // unix:///path or tcp://host:port; empty: DefaultHost
	TLS       *tls.Config       // for tcp; nil: no TLS
	Version   string            // fixed API version (DOCKER_API_VERSION); empty: negotiated
	Headers   map[string]string // sent with all requests
	UserAgent string
	Proxy     func(*url.URL) (*url.URL, error)        // proxy for a tcp host; nil: none
	Away      func()                                  // called when a request waits because the daemon has ended
	Dial      func(context.Context) (net.Conn, error) // connects to hosts of schemes that the client does not know
}

// DefaultHost is the default address of the daemon.
const DefaultHost = "unix:///var/run/docker.sock"

// Client is a client of one daemon. It keeps connections open between calls and may be used by several goroutines.
type Client struct {
	host    string // full address, for messages
	network string
	address string
	base    string // prefix of paths, for tcp
	options Options
	http    http.Client

	away atomic.Bool // the daemon has ended, and a request waits for the next one

	mu      sync.Mutex
	waiting []*time.Timer // timers of Options.Away
	version string        // API version in use
	agreed  bool          // whether the daemon is known to accept version
}

// New checks the options and returns a client. It does not connect.
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
	// daemons do not redirect, and a POST must not become a GET
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Host returns the full address of the daemon.
func (c *Client) Host() string { return c.host }

// parseHost parses an address as Docker's client does. The default scheme is tcp, the default host localhost, the
// default port that of a daemon with or without TLS.
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

// Dial opens a connection to the daemon, with TLS if that is configured. The caller closes it.
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
