package docker

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"

	"box/certs"
)

// resolve is the daemon that this command line means, and the TLS with which it is reached; nil for none.
func (s *session) resolve() (host string, secure *tls.Config, err error) {
	name, err := s.currentContext()
	if err != nil {
		return "", nil, err
	}
	if name != defaultContext {
		host, secure, err = s.storedEndpoint(name)
	} else {
		host = s.flagHost()
		if s.flags.TLS || s.flags.TLSVerify {
			files := certs.Files{CA: s.flags.TLSCA, Cert: s.flags.TLSCert, Key: s.flags.TLSKey}
			secure, err = clientTLS(host, files, s.flags.TLSVerify)
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
	}
	return host, secure, nil
}

// clientTLS is nothing for what is not reached by TCP.
func clientTLS(host string, files certs.Files, verify bool) (*tls.Config, error) {
	if strings.HasPrefix(host, "unix://") || strings.HasPrefix(host, "ssh://") {
		return nil, nil
	}
	return certs.ClientTLS(files, verify)
}

func (s *session) storedEndpoint(name string) (string, *tls.Config, error) {
	store := s.contexts()
	c, err := store.get(name)
	if err != nil {
		return "", nil, err
	}
	e, err := c.docker()
	if err != nil {
		return "", nil, fmt.Errorf("context %q: %w", name, err)
	}
	files, err := store.tlsFiles(name)
	if err != nil {
		return "", nil, err
	}
	if e.Host == "" {
		e.Host = s.flagHost()
	}
	if len(files) == 0 && !e.SkipTLSVerify {
		return e.Host, nil, nil
	}
	secure, err := clientTLS(e.Host, certs.In(filepath.Join(store.tls(name), "docker")), !e.SkipTLSVerify)
	return e.Host, secure, err
}
