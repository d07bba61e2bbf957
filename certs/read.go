package certs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"
)

// readFile reads a file of certificates of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return raw, err
}

// readCertificates reads the certificates in a file, at least one.
func readCertificates(path string) ([]*x509.Certificate, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	out, err := ParseCertificates(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return out, nil
}

// ParseCertificates parses all certificates in PEM. It skips other blocks and text between them.
func ParseCertificates(raw []byte) (out []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			return out, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}

// Name returns the name of a certificate's holder.
func Name(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// usable returns an error if a certificate restricts its uses to others. One without a restriction is for all uses.
func usable(c *x509.Certificate, use x509.ExtKeyUsage) error {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, use) ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	if use == x509.ExtKeyUsageServerAuth {
		return fmt.Errorf("the certificate of %q is for clients (key use clientAuth) and not for a server", Name(c))
	}
	return fmt.Errorf("the certificate of %q is for servers (key use serverAuth) and not for a client", Name(c))
}

// day formats a time for messages.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// inode distinguishes a file from another one of the same name.
func inode(st os.FileInfo) int64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int64(s.Ino)
	}
	return 0
}
