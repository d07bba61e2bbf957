package dockerd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"box/personalities/cmd"
)

// remote is what the options say about who may come in over the network, with Docker's names and meanings.
type remote struct {
	hosts       []host // of -H
	tls, verify *bool  // nil: not said
	ca          string
	cert, key   string
	refusePlain bool
	folder      string // of the files that no option names
}

// settle completes what was not said, and reads the hosts.
func (r *remote) settle(hosts []string, getenv func(string) string) error {
	// Docker's rule: whoever mentions --tlsverify, with whatever value, wants TLS; and TLS without a word about it verifies.
	if r.verify == nil && getenv("DOCKER_TLS_VERIFY") != "" {
		r.verify = new(true)
	}
	if r.verify != nil {
		r.tls = new(true)
	}
	if r.verify == nil && r.tls != nil {
		r.verify = r.tls
	}
	r.folder = cmd.CertFolder(getenv)
	if err := r.findFiles(); err != nil {
		return err
	}
	for _, text := range hosts {
		h, err := parseHost(text, r.secure())
		if err != nil {
			return err
		}
		if h.scheme == "tcp" && !r.secure() && r.refusePlain {
			return r.plainRefused(h.address)
		}
		if !slices.Contains(r.hosts, h) { // the same one again asks for nothing more
			r.hosts = append(r.hosts, h)
		}
	}
	return nil
}

// findFiles names the files that no option does: the server's pair of `box certs`, else Docker's.
func (r *remote) findFiles() error {
	if (r.cert == "") != (r.key == "") {
		return errors.New("--tlscert and --tlskey go together: give both or neither")
	}
	if r.ca == "" {
		r.ca = filepath.Join(r.folder, "ca.pem")
	}
	if r.cert == "" {
		prefix := "server-"
		if _, err := os.Stat(filepath.Join(r.folder, "server-cert.pem")); errors.Is(err, os.ErrNotExist) {
			prefix = ""
		}
		r.cert, r.key = filepath.Join(r.folder, prefix+"cert.pem"), filepath.Join(r.folder, prefix+"key.pem")
	}
	for _, p := range []*string{&r.ca, &r.cert, &r.key} {
		var err error
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

func (r *remote) secure() bool   { return r.tls != nil && *r.tls }
func (r *remote) verifies() bool { return r.secure() && *r.verify }

// silent: --tls=false says that the user knows.
func (r *remote) silent() bool { return r.tls != nil && !*r.tls }

func (r *remote) plainRefused(address string) error {
	return fmt.Errorf("tcp://%s without TLS is refused (--refuse-plain-tcp): whoever reaches it is root here. With TLS: %s", address, closing(address))
}

// warnings are the sentences about sockets that let everybody in, for the terminal, the log and info.
func (r *remote) warnings(listeners []net.Listener) (out []string) {
	for _, l := range listeners {
		a := l.Addr()
		if a.Network() != "tcp" {
			continue
		}
		switch {
		case !r.secure() && !r.silent():
			out = append(out, fmt.Sprintf("WARNING: API is accessible on http://%s without encryption.\n"+
				"         Access to the remote API is equivalent to root access on the host.\n"+
				"         To let only holders of a certificate in: %s", a, closing(a.String())))
		case r.secure() && !r.verifies():
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
