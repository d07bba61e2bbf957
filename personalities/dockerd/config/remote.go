package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"box/personalities/cmd"
)

// Remote are the options for access over the network, with Docker's names and meanings.
type Remote struct {
	TLS                  *bool    `key:"tls" help:"Use TLS on tcp sockets; implied by --tlsverify. --tls=false allows plain tcp without warnings"`
	TLSVerify            *bool    `name:"tlsverify" key:"tlsverify" help:"Use TLS, and accept only clients with a certificate of --tlscacert"`
	TLSCA                string   `name:"tlscacert" key:"tlscacert" help:"Trust certs signed only by this CA; crl.pem in its folder lists revoked ones (default ~/.docker/ca.pem)"`
	TLSCert              string   `name:"tlscert" key:"tlscert" help:"Path to TLS certificate file (default ~/.docker/server-cert.pem, else cert.pem)"`
	TLSKey               string   `name:"tlskey" key:"tlskey" help:"Path to TLS key file (default ~/.docker/server-key.pem, else key.pem)"`
	RefusePlainTCP       bool     `key:"refuse-plain-tcp" help:"Refuse to start with a tcp socket that is open to everybody"`
	AuthorizationPlugins []string `name:"authorization-plugin" key:"authorization-plugins" help:"Authorization plugins to load"`
	AuthorizationPolicy  string   `key:"authorization-policy" placeholder:"file" help:"File that lists which clients may only read (read NAME) and which may do all (all NAME), by the names in their certificates"`

	Addresses []Host `kong:"-"` // parsed -H
	folder    string // default folder of the files
}

// settle sets the defaults that depend on other options, and parses the addresses.
func (r *Remote) settle(hosts []string, getenv func(string) string) error {
	// As in Docker, --tlsverify turns on TLS whatever its value is, and --tls alone verifies clients.
	if r.TLSVerify == nil && getenv("DOCKER_TLS_VERIFY") != "" {
		r.TLSVerify = new(true)
	}
	if r.TLSVerify != nil {
		r.TLS = new(true)
	}
	if r.TLSVerify == nil && r.TLS != nil {
		r.TLSVerify = r.TLS
	}
	r.folder = cmd.CertFolder(getenv)
	if err := r.findFiles(); err != nil {
		return err
	}
	for _, text := range hosts {
		h, err := parseHost(text, r.Secure())
		if err != nil {
			return err
		}
		if h.Scheme == "tcp" && !r.Secure() && r.RefusePlainTCP {
			return r.PlainRefused(h.Address)
		}
		if !slices.Contains(r.Addresses, h) { // duplicates are ignored
			r.Addresses = append(r.Addresses, h)
		}
	}
	return nil
}

// findFiles sets the default paths: the server's files of `box certs`, or else Docker's.
func (r *Remote) findFiles() error {
	if (r.TLSCert == "") != (r.TLSKey == "") {
		return errors.New("--tlscert and --tlskey belong together: give both or none")
	}
	if r.TLSCA == "" {
		r.TLSCA = filepath.Join(r.folder, "ca.pem")
	}
	if r.TLSCert == "" {
		prefix := "server-"
		if _, err := os.Stat(filepath.Join(r.folder, "server-cert.pem")); errors.Is(err, os.ErrNotExist) {
			prefix = ""
		}
		r.TLSCert, r.TLSKey = filepath.Join(r.folder, prefix+"cert.pem"), filepath.Join(r.folder, prefix+"key.pem")
	}
	for _, p := range []*string{&r.TLSCA, &r.TLSCert, &r.TLSKey} {
		var err error
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

// Secure tells whether tcp sockets use TLS.
func (r *Remote) Secure() bool { return r.TLS != nil && *r.TLS }

// Verifies tells whether clients need a certificate.
func (r *Remote) Verifies() bool { return r.Secure() && *r.TLSVerify }

// silent tells whether to omit the warnings, because --tls=false was given.
func (r *Remote) silent() bool { return r.TLS != nil && !*r.TLS }

// PlainRefused returns the error for a tcp socket without TLS if --refuse-plain-tcp is set.
func (r *Remote) PlainRefused(address string) error {
	return fmt.Errorf("tcp://%s without TLS is refused (--refuse-plain-tcp): everybody who can connect is root here. "+
		"With TLS: "+
		"%s", address, closing(address))
}

// Warnings returns a warning for each listener that is open to everybody, for the terminal, the log and info.
func (r *Remote) Warnings(listeners []net.Listener) (out []string) {
	for _, l := range listeners {
		a := l.Addr()
		if a.Network() != "tcp" {
			continue
		}
		switch {
		case !r.Secure() && !r.silent():
			out = append(out, fmt.Sprintf("WARNING: API is accessible on http://%s without encryption.\n"+
				"         Access to the remote API is equivalent to root access on the host.\n"+
				"         To accept only clients with a certificate: %s", a, closing(a.String())))
		case r.Secure() && !r.Verifies():
			out = append(out, fmt.Sprintf("WARNING: API is accessible on https://%s without TLS client verification.\n"+
				"         Access to the remote API is equivalent to root access on the host.\n"+
				"         To accept only clients with a certificate: %s", a, closing(a.String())))
		}
	}
	return out
}

// closing returns a command that makes a socket safe.
func closing(address string) string {
	name, port, _ := net.SplitHostPort(address)
	if port == plainPort {
		port = securePort
	}
	return "box certs init && box dockerd --tlsverify -H tcp://" + net.JoinHostPort(name, port)
}
