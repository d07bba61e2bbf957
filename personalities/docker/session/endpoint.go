package session

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"

	"box/certs"
)

// Resolve returns the address of the daemon that the command line selects, and the TLS configuration to use, or nil.
func (s *Session) Resolve() (host string, secure *tls.Config, err error) {
	name, err := s.CurrentContext()
	if err != nil {
		return "", nil, err
	}
	if name != DefaultContext {
		host, secure, err = s.storedEndpoint(name)
	} else {
		host = s.FlagHost()
		if s.Flags.TLS || s.Flags.TLSVerify {
			files := certs.Files{CA: s.Flags.TLSCA, Cert: s.Flags.TLSCert, Key: s.Flags.TLSKey}
			secure, err = clientTLS(host, files, s.Flags.TLSVerify)
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
	}
	return host, secure, nil
}

// clientTLS returns nil for addresses other than TCP.
func clientTLS(host string, files certs.Files, verify bool) (*tls.Config, error) {
	if strings.HasPrefix(host, "unix://") || strings.HasPrefix(host, "ssh://") {
		return nil, nil
	}
	return certs.ClientTLS(files, verify)
}

func (s *Session) storedEndpoint(name string) (string, *tls.Config, error) {
	store := s.Contexts()
	c, err := store.Get(name)
	if err != nil {
		return "", nil, err
	}
	e, err := c.Docker()
	if err != nil {
		return "", nil, fmt.Errorf("context %q: %w", name, err)
	}
	files, err := store.TLSFiles(name)
	if err != nil {
		return "", nil, err
	}
	if e.Host == "" {
		e.Host = s.FlagHost()
	}
	if len(files) == 0 && !e.SkipTLSVerify {
		return e.Host, nil, nil
	}
	secure, err := clientTLS(e.Host, certs.In(filepath.Join(store.TLS(name), "docker")), !e.SkipTLSVerify)
	return e.Host, secure, err
}
