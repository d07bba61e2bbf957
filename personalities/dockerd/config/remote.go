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

// Remote is what the options say about who may come in over the network, with Docker's names and meanings.
type Remote struct {
	TLS                  *bool    `key:"tls" help:"Use TLS on tcp sockets; implied by --tlsverify. --tls=false says that plain tcp is meant"`
	TLSVerify            *bool    `name:"tlsverify" key:"tlsverify" help:"Use TLS and let only clients in whose certificate --tlscacert has signed"`
	TLSCA                string   `name:"tlscacert" key:"tlscacert" help:"Trust certs signed only by this CA; its crl.pem beside it lists revoked ones (default ~/.docker/ca.pem)"`
	TLSCert              string   `name:"tlscert" key:"tlscert" help:"Path to TLS certificate file (default ~/.docker/server-cert.pem, else cert.pem)"`
	TLSKey               string   `name:"tlskey" key:"tlskey" help:"Path to TLS key file (default ~/.docker/server-key.pem, else key.pem)"`
	RefusePlainTCP       bool     `key:"refuse-plain-tcp" help:"Do not start with a tcp socket that lets everybody in"`
	AuthorizationPlugins []string `name:"authorization-plugin" key:"authorization-plugins" help:"Authorization plugins to load"`
	AuthorizationPolicy  string   `key:"authorization-policy" placeholder:"file" help:"File that says which names of client certificates may only read (read NAME) and which may do all (all NAME)"`

	Addresses []Host `kong:"-"` // of -H
	folder    string // of the files that no option names
}

// settle completes what was not said, and reads the hosts.
func (r *Remote) settle(hosts []string, getenv func(string) string) error {
	// Docker's rule: whoever mentions --tlsverify, with whatever value, wants TLS; and TLS without a word about it
	// verifies.
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
		if !slices.Contains(r.Addresses, h) { // the same one again asks for nothing more
			r.Addresses = append(r.Addresses, h)
		}
	}
	return nil
}

// findFiles names the files that no option does: the server's pair of `box certs`, else Docker's.
func (r *Remote) findFiles() error {
	if (r.TLSCert == "") != (r.TLSKey == "") {
		return errors.New("--tlscert and --tlskey go together: give both or neither")
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

// Secure tells whether tcp sockets have TLS.
func (r *Remote) Secure() bool { return r.TLS != nil && *r.TLS }

// Verifies tells whether only clients with a certificate come in.
func (r *Remote) Verifies() bool { return r.Secure() && *r.TLSVerify }

// silent: --tls=false says that the user knows.
func (r *Remote) silent() bool { return r.TLS != nil && !*r.TLS }

// PlainRefused is the error for a tcp socket without TLS under --refuse-plain-tcp.
func (r *Remote) PlainRefused(address string) error {
	return fmt.Errorf("tcp://%s without TLS is refused (--refuse-plain-tcp): whoever reaches it is root here. With TLS: "+
		"%s", address, closing(address))
}

// Warnings are the sentences about sockets that let everybody in, for the terminal, the log and info.
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
				"         To let only holders of a certificate in: %s", a, closing(a.String())))
		case r.Secure() && !r.Verifies():
			out = append(out, fmt.Sprintf("WARNING: API is accessible on https://%s without TLS client verification.\n"+
				"         Access to the remote API is equivalent to root access on the host.\n"+
				"         To let only holders of a certificate in: %s", a, closing(a.String())))
		}
	}
	return out
}

// closing is the line that makes a socket safe.
func closing(address string) string {
	name, port, _ := net.SplitHostPort(address)
	if port == plainPort {
		port = securePort
	}
	return "box certs init && box dockerd --tlsverify -H tcp://" + net.JoinHostPort(name, port)
}
