package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/reference"
)

// endpoint is a registry's address and the client for it.
type endpoint struct {
	base string // scheme://host/v2/
	host string
	http *http.Client
}

// Docker Hub answers under another host name than the one in references.
const (
	hubDomain = "docker.io"
	hubHost   = "registry-1.docker.io"
)

// answerWait is how long a registry may take to answer: it may move a lot of content before it confirms.
const answerWait = 10 * time.Minute

// HubKey is the key under which clients keep passwords for Docker Hub.
const HubKey = "https://index.docker.io/v1/"

// hostOf returns the registry's host for the domain of a reference, or for the argument of `docker login`.
func hostOf(domain string) string {
	_, rest, ok := strings.Cut(domain, "://")
	if !ok {
		rest = domain
	}
	host, _, _ := strings.Cut(rest, "/")
	switch host {
	case "", hubDomain, "index.docker.io", "registry.hub.docker.com":
		return hubHost
	}
	return host
}

// connect finds out how a repository's registry answers and how it authenticates.
func (c *Client) connect(ctx context.Context, ref reference.Named, auth Auth) (*repository, error) {
	end, challenges, err := c.ping(ctx, hostOf(ref.Domain))
	if err != nil {
		return nil, err
	}
	r := &repository{c: c, ref: ref, end: end}
	r.auth = authorizer{c: c, end: end, user: auth, challenges: challenges}
	return r, nil
}

// mirrorsOf returns the mirrors that may have what ref names.
func (c *Client) mirrorsOf(ref reference.Named) []string {
	if ref.Domain != hubDomain {
		return nil
	}
	return c.o.Mirrors
}

// mirror is connect for a mirror of Docker Hub, given by URL. It never sends the user's password.
func (c *Client) mirror(ctx context.Context, address string, ref reference.Named) (*repository, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	end, err := c.endpoint(u.Scheme, u.Host)
	if err != nil {
		return nil, err
	}
	end.base = strings.TrimSuffix(address, "/") + "/v2/"
	challenges, err := end.ping(ctx, c.o.Agent)
	if err != nil {
		return nil, err
	}
	return &repository{c: c, ref: ref, end: end, auth: authorizer{c: c, end: end, challenges: challenges}}, nil
}

// ping finds out how a host answers: with TLS, or without if the host is insecure.
func (c *Client) ping(ctx context.Context, host string) (end endpoint, challenges []challenge, err error) {
	schemes := []string{"https"}
	if c.insecure(host) {
		schemes = append(schemes, "http")
	}
	for _, scheme := range schemes {
		if end, err = c.endpoint(scheme, host); err != nil {
			return end, nil, err
		}
		if challenges, err = end.ping(ctx, c.o.Agent); err == nil || ctx.Err() != nil {
			return end, challenges, err
		}
	}
	return end, nil, err
}

// ping requests the API's root, which shows how the registry authenticates.
func (e *endpoint) ping(ctx context.Context, agent string) ([]challenge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	req.Header.Set("User-Agent", agent)
	res, err := e.http.Do(req)
	if err != nil {
		return nil, transport(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusUnauthorized {
		return challengesOf(res.Header), nil
	}
	return nil, nil
}

// endpoint returns the client for a host, making it if needed.
func (c *Client) endpoint(scheme, host string) (endpoint, error) {
	key := scheme + "://" + host
	end := endpoint{base: key + "/v2/", host: host}
	c.mu.Lock()
	defer c.mu.Unlock()
	if end.http = c.hosts[key]; end.http != nil {
		return end, nil
	}
	config, err := c.tls(host)
	if err != nil {
		return end, err
	}
	end.http = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second,
			DisableCompression: true,
			DialContext:        (&net.Dialer{Timeout: 30 * time.Second}).DialContext, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second, ResponseHeaderTimeout: answerWait, MaxResponseHeaderBytes: 1 << 20,
		},
		CheckRedirect: redirected,
	}
	c.hosts[key] = end.http
	return end, nil
}

// redirected refuses redirects from a host with TLS to one without.
func redirected(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirected from TLS to %s", req.URL.Redacted())
	}
	return nil
}

// insecure reports whether a host may lack TLS or a trusted certificate.
func (c *Client) insecure(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	for _, i := range c.o.Insecure {
		if i == host || i == name {
			return true
		}
		if n, perr := netip.ParsePrefix(i); perr == nil && err == nil && n.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// tls returns the TLS configuration for a host: the system's authorities, and the authorities and client certificates
// in the host's folder below Certs.
func (c *Client) tls(host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.insecure(host)}
	dir := filepath.Join(c.o.Certs, host)
	if strings.ContainsAny(host, "/\\") || host == ".." {
		return nil, fmt.Errorf("registry %q: %w", host, errdefs.ErrInvalidArgument)
	}
	found, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return config, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certificates of %s: %w", host, err)
	}
	for _, f := range found {
		if err := trust(config, filepath.Join(dir, f.Name())); err != nil {
			return nil, fmt.Errorf("certificates of %s: %w", host, err)
		}
	}
	return config, nil
}

// trust adds one file from a folder of certificates.
func trust(config *tls.Config, path string) error {
	switch stem := strings.TrimSuffix(path, filepath.Ext(path)); filepath.Ext(path) {
	case ".crt":
		pem, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if config.RootCAs == nil {
			if config.RootCAs, err = x509.SystemCertPool(); err != nil {
				config.RootCAs = x509.NewCertPool()
			}
		}
		config.RootCAs.AppendCertsFromPEM(pem)
	case ".cert":
		pair, err := tls.LoadX509KeyPair(path, stem+".key")
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("missing key %s for client certificate %s: %w", filepath.Base(stem)+".key", filepath.Base(path),
				errdefs.ErrFailedPrecondition)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		config.Certificates = append(config.Certificates, pair)
	case ".key":
		if _, err := os.Stat(stem + ".cert"); err != nil {
			return fmt.Errorf("missing client certificate %s for key %s: %w", filepath.Base(stem)+".cert", filepath.Base(path),
				errdefs.ErrFailedPrecondition)
		}
	}
	return nil
}
