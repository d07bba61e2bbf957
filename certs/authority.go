package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Names of files in an authority's folder.
const (
	CAFile         = "ca.pem"
	CAKeyFile      = "ca-key.pem"
	ServerFile     = "server-cert.pem"
	ServerKeyFile  = "server-key.pem"
	ClientFile     = "cert.pem"
	ClientKeyFile  = "key.pem"
	RevokedFile    = "crl.pem"
	IssuedFile     = "issued.pem" // every certificate that it signed
	ClientsFolder  = "clients"    // one folder with Docker's three names for each further client
	modeOfKey      = 0o400
	modeOfPublic   = 0o444
	caNameRandoms  = 4
	defaultCAWords = "box authority"
)

// Authority signs certificates. Its folder may have been made by openssl.
type Authority struct {
	Folder      string
	Certificate *x509.Certificate
	key         crypto.Signer
	now         func() time.Time
}

// NewAuthority makes an authority for folder, but does not write its files, which are in the Pair. place is part of its
// name. No two authorities have the same name.
func NewAuthority(folder, place, algorithm string, life time.Duration, passphrase []byte,
	now func() time.Time) (*Authority, *Pair, error) {
	key, err := newKey(algorithm)
	if err != nil {
		return nil, nil, err
	}
	mark := make([]byte, caNameRandoms)
	if _, err := rand.Read(mark); err != nil {
		return nil, nil, err
	}
	c := authorityTemplate(fmt.Sprintf("%s %s %s", defaultCAWords, place, hex.EncodeToString(mark)), life, now())
	p, err := finish(c, nil, key, key, passphrase)
	if err != nil {
		return nil, nil, err
	}
	return &Authority{Folder: folder, Certificate: p.Certificate, key: key, now: now}, p, nil
}

func authorityTemplate(name string, life time.Duration, now time.Time) *x509.Certificate {
	c := template(name, life, now)
	c.IsCA, c.MaxPathLen, c.MaxPathLenZero = true, 0, true
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return c
}

// Open opens the authority in a folder. It calls passphrase if the key needs one.
func Open(folder string, passphrase func() ([]byte, error), now func() time.Time) (*Authority, error) {
	if err := Settle(folder); err != nil {
		return nil, err
	}
	c, err := authorityCertificate(folder)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, CAKeyFile)
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the authority's key: %w", err)
	}
	key, err := parseKey(raw, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !p.Equal(key.Public()) {
		return nil, fmt.Errorf("%s is not the key of %s", path, filepath.Join(folder, CAFile))
	}
	return &Authority{Folder: folder, Certificate: c, key: key, now: now}, nil
}

// authorityCertificate reads ca.pem and checks that it may sign certificates.
func authorityCertificate(folder string) (*x509.Certificate, error) {
	path := filepath.Join(folder, CAFile)
	list, err := readCertificates(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no authority in %s: box certs init makes one: %w", folder, err)
	}
	if err != nil {
		return nil, err
	}
	c := list[0]
	if !c.BasicConstraintsValid || !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s is the certificate of %q, which is no authority (CA:TRUE and keyCertSign are wanted)",
			path, Name(c))
	}
	return c, nil
}

// Renew makes a new certificate for the authority's key and name. Certificates that it signed stay valid.
func (a *Authority) Renew(life time.Duration) (*Pair, error) {
	c := authorityTemplate(Name(a.Certificate), life, a.now())
	c.RawSubject, c.SubjectKeyId = a.Certificate.RawSubject, a.Certificate.SubjectKeyId
	p, err := finish(c, nil, a.key, a.key, nil)
	if err != nil {
		return nil, err
	}
	p.Key = nil // it has not changed
	a.Certificate = p.Certificate
	return p, nil
}

// PairFiles returns the files of a pair, the certificate first.
func PairFiles(p *Pair, cert, key string) []File {
	return []File{{cert, modeOfPublic, p.Cert}, {key, modeOfKey, p.Key}}
}

// Public returns the authority's certificate as a file.
func (a *Authority) Public() (File, error) {
	raw, err := readFile(filepath.Join(a.Folder, CAFile))
	return File{CAFile, modeOfPublic, raw}, err
}
