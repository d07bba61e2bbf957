package authz

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// Limits of the protocol.
const (
	maxAnswer = 1 << 20          // size of an answer in bytes
	callWait  = 30 * time.Second // time for an answer
	maxSpec   = 1 << 16          // size of a .spec or .json file in bytes
)

// mediaType is the supported version of Docker's plugin protocol.
const mediaType = "application/vnd.docker.plugins.v1.2+json"

// plugin is a program that listens on an address.
type plugin struct {
	name string
	base string // URL before the name of a method
	http *http.Client
}

// find looks in the places where Docker does: a socket in /run/docker/plugins, then a .spec file with an address or a
// .json file in /etc/docker/plugins and /usr/lib/docker/plugins; each may be in a folder with the plugin's name.
func find(name string) (*plugin, error) {
	if name == "" || name != filepath.Base(name) || name[0] == '.' {
		return nil, fmt.Errorf("%q is not a valid name of a plugin: %w", name, errdefs.ErrInvalidArgument)
	}
	for _, path := range places("/run/docker/plugins", name, ".sock") {
		if st, err := os.Stat(path); err == nil && st.Mode()&os.ModeSocket != 0 {
			return dial(name, "unix://"+path, nil)
		}
	}
	for _, dir := range []string{"/etc/docker/plugins", "/usr/lib/docker/plugins"} {
		for _, path := range slices.Concat(places(dir, name, ".spec"), places(dir, name, ".json")) {
			raw, err := readSpec(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			p, err := fromFile(name, filepath.Ext(path), raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return p, nil
		}
	}
	return nil, fmt.Errorf("plugin not found: neither /run/docker/plugins/%s.sock nor "+
		"/etc/docker/plugins/%s.spec or .json exists: %w", name, name, errdefs.ErrNotFound)
}

func places(dir, name, suffix string) []string {
	return []string{filepath.Join(dir, name+suffix), filepath.Join(dir, name, name+suffix)}
}

func readSpec(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSpec))
}

// tlsFiles is TLSConfig of a .json file.
type tlsFiles struct {
	InsecureSkipVerify        bool
	CAFile, CertFile, KeyFile string
}

func fromFile(name, suffix string, raw []byte) (*plugin, error) {
	if suffix == ".spec" {
		return dial(name, strings.TrimSpace(string(raw)), nil)
	}
	var spec struct {
		Name, Addr string
		TLSConfig  *tlsFiles
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, err
	}
	return dial(name, spec.Addr, spec.TLSConfig)
}

// dial makes a client for an address: unix:///path, tcp://host:port, http:// or https://.
func dial(name, address string, files *tlsFiles) (*plugin, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: callWait}
	p := &plugin{name: name, http: &http.Client{Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	switch {
	case u.Scheme == "unix" && u.Path != "":
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", u.Path)
		}
		p.base = "http://plugin/"
		return p, nil
	case u.Host == "" || u.Scheme != "tcp" && u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("invalid address %q: use unix:///path, tcp://host:port or https://host:port: %w", address,
			errdefs.ErrInvalidArgument)
	}
	p.base = "http://" + u.Host + "/"
	if u.Scheme == "https" || files != nil {
		p.base = "https://" + u.Host + "/"
	}
	if files != nil {
		t.TLSClientConfig, err = files.config()
	}
	return p, err
}

func (f *tlsFiles) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.InsecureSkipVerify}
	if f.CAFile != "" {
		pem, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s contains no certificate: %w", f.CAFile, errdefs.ErrInvalidArgument)
		}
	}
	if f.CertFile == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	c.Certificates = []tls.Certificate{pair}
	return c, err
}

// activate checks that the plugin implements authorization.
func (p *plugin) activate(ctx context.Context) error {
	var is struct{ Implements []string }
	if err := p.call(ctx, "Plugin.Activate", nil, &is); err != nil {
		return err
	}
	if !slices.Contains(is.Implements, "authz") {
		return fmt.Errorf("it does not implement authz but %q: %w", is.Implements, errdefs.ErrNotImplemented)
	}
	return nil
}

// call calls a method. Anything but a complete and valid answer is an error.
func (p *plugin) call(ctx context.Context, method string, question, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	var body io.Reader = http.NoBody
	if question != nil {
		raw, err := json.Marshal(question)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+method, body)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", mediaType)
	if question != nil {
		r.Header.Set("Content-Type", mediaType)
	}
	res, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return err
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("%s: its answer is longer than %d bytes", method, maxAnswer)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Err string }
		if json.Unmarshal(raw, &said) == nil && said.Err != "" {
			return fmt.Errorf("%s: %s", method, said.Err)
		}
		return fmt.Errorf("%s: %s", method, res.Status)
	}
	if err := json.Unmarshal(raw, reply); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}
