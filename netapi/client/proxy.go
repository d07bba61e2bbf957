package client

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// ProxyFrom returns a function that chooses the proxy for a URL by HTTP_PROXY, HTTPS_PROXY and NO_PROXY of this
// process (http.ProxyFromEnvironment). It returns nil if getenv knows of no proxy. Connections to this host never use
// one.
func ProxyFrom(getenv func(string) string) func(*url.URL) (*url.URL, error) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if getenv(name) != "" {
			return func(u *url.URL) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: u}) }
		}
	}
	return nil
}

// proxied tells whether requests may use a proxy, which is so for tcp only.
func (c *Client) proxied() bool {
	return c.network == "tcp" && c.options.Dial == nil && c.options.Proxy != nil
}

// dialProxy connects through the proxy with CONNECT (RFC 9110, section 9.3.6). It connects directly if there is no
// proxy for the address, or if the proxy refuses CONNECT.
func (c *Client) dialProxy(ctx context.Context) (net.Conn, error) {
	u := &url.URL{Scheme: c.scheme(), Host: c.address}
	proxy, err := c.options.Proxy(u)
	if err != nil {
		return nil, fmt.Errorf("proxy of %s: %w", u, err)
	}
	if proxy == nil || proxy.Scheme != "http" {
		return c.dialDirect(ctx, c.address)
	}
	address := proxy.Host
	if proxy.Port() == "" {
		address = net.JoinHostPort(proxy.Hostname(), "80")
	}
	conn, err := c.dialDirect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to the proxy %s: %w", proxy.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	passed, err := connect(conn, proxy, c.address)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if passed != nil {
		return passed, nil
	}
	conn.Close()
	if err != nil {
		return nil, fmt.Errorf("ask the proxy %s for %s: %w", proxy.Host, c.address, err)
	}
	return c.dialDirect(ctx, c.address)
}

// connect requests a tunnel to address. It returns nil if the proxy refuses.
func connect(conn net.Conn, proxy *url.URL, address string) (net.Conn, error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		word := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		req.Header.Set("Proxy-Authorization", "Basic "+word)
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, nil
	}
	return &tunnel{Conn: conn, in: in}, nil
}

// tunnel is a connection whose first bytes may have been read together with the proxy's answer.
type tunnel struct {
	net.Conn
	in *bufio.Reader
}

// Read reads those bytes first.
func (t *tunnel) Read(p []byte) (int, error) { return t.in.Read(p) }

// CloseWrite ends sending.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
