package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
)

// ClientTLS is the client's half of TLS. With verify the daemon must show a certificate that the authority of the
// files has signed, or, where there is no such file, one that the host trusts. A missing certificate of the client is
// no error: the daemon may not ask.
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
	// also to a daemon that names other authorities: what it says of this certificate tells more than what it says of
	// none
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}
