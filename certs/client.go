package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
)

// ClientTLS returns the TLS configuration of a client. If verify is set, the daemon's certificate must be signed by the
// authority in files or, without such a file, by one that the host trusts. The client's certificate may be missing,
// because the daemon may not require one.
func ClientTLS(files Files, verify bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	if verify && files.CA != "" {
		authorities, err := readCertificates(files.CA)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			c.RootCAs = x509.NewCertPool()
			for _, a := range authorities {
				c.RootCAs.AddCert(a)
			}
		}
	}
	pair, err := loadPair(files.Cert, files.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	// present the certificate also to a daemon that names other authorities: its error about this certificate is more
	// helpful than one about none
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}
