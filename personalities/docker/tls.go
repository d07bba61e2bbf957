package docker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// tlsConfig is the TLS of a tcp connection. A missing client certificate is no error: the daemon may not ask.
func (f *globalFlags) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !f.tlsVerify}
	if f.tlsVerify {
		pem, err := os.ReadFile(f.tlsCA)
		switch {
		case errors.Is(err, fs.ErrNotExist): // the host's authorities then
		case err != nil:
			return nil, fmt.Errorf("read the authority's certificate: %w", err)
		default:
			c.RootCAs = x509.NewCertPool()
			if !c.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s holds no certificate", f.tlsCA)
			}
		}
	}
	cert, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the client's certificate %s with key %s: %w", f.tlsCert, f.tlsKey, err)
	}
	c.Certificates = []tls.Certificate{cert}
	return c, nil
}
