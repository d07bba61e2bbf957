package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// Default lifetimes of certificates.
const (
	AuthorityLife = 10 * 365 * 24 * time.Hour
	LeafLife      = 2 * 365 * 24 * time.Hour
)

// setBack is how far NotBefore is in the past, because other hosts' clocks may be slow.
const setBack = 24 * time.Hour

// Leaf is the content of a certificate.
type Leaf struct {
	Name      string
	Hosts     []string // names and addresses of a server
	Algorithm string   // of its key; empty: the first of Algorithms
	Life      time.Duration
}

// Pair is a certificate and its key, parsed and as PEM.
type Pair struct {
	Certificate *x509.Certificate
	Cert, Key   []byte
}

// Server makes a pair for a daemon.
func (a *Authority) Server(l Leaf) (*Pair, error) { return a.sign(l, x509.ExtKeyUsageServerAuth) }

// Client makes a pair for a client.
func (a *Authority) Client(l Leaf) (*Pair, error) {
	l.Hosts = nil
	return a.sign(l, x509.ExtKeyUsageClientAuth)
}

func (a *Authority) sign(l Leaf, use x509.ExtKeyUsage) (*Pair, error) {
	key, err := newKey(l.Algorithm)
	if err != nil {
		return nil, err
	}
	c := template(l.Name, l.Life, a.now())
	c.ExtKeyUsage = []x509.ExtKeyUsage{use}
	c.KeyUsage = x509.KeyUsageDigitalSignature
	if algorithmOf(key.Public()) == "rsa" {
		c.KeyUsage |= x509.KeyUsageKeyEncipherment // the key exchange of old clients
	}
	for _, h := range l.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	// no certificate is valid before or after that of its authority
	if c.NotAfter.After(a.Certificate.NotAfter) {
		c.NotAfter = a.Certificate.NotAfter
	}
	if c.NotBefore.Before(a.Certificate.NotBefore) {
		c.NotBefore = a.Certificate.NotBefore
	}
	if !c.NotAfter.After(a.now()) {
		return nil, fmt.Errorf("the authority %q ended %s: box certs renew ca", Name(a.Certificate),
			day(a.Certificate.NotAfter))
	}
	return finish(c, a.Certificate, key, a.key, nil)
}

// template returns what all certificates have in common. If the clock shows a time before this file was built, the
// certificate is valid at that time as well as at the correct time.
func template(name string, life time.Duration, now time.Time) *x509.Certificate {
	later := now
	if b := built(); b.After(now) {
		later = b
	}
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-setBack).UTC().Truncate(time.Second),
		NotAfter: later.Add(life).UTC().Truncate(time.Second), BasicConstraintsValid: true,
	}
}

// finish signs the certificate of a key, and parses the result.
func finish(c, parent *x509.Certificate, key, signer crypto.Signer, passphrase []byte) (*Pair, error) {
	var err error
	if c.SerialNumber, err = serial(); err != nil {
		return nil, err
	}
	if len(c.SubjectKeyId) == 0 {
		if c.SubjectKeyId, err = keyID(key.Public()); err != nil {
			return nil, err
		}
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %q: %w", Name(c), err)
	}
	p := &Pair{Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if p.Certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	p.Key, err = encodeKey(key, passphrase)
	return p, err
}

// serial returns a random positive number of at most 20 bytes (RFC 5280, 4.1.2.2).
func serial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 158))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 158, 1), nil
}

// keyID returns the identifier of a key by method 1 of RFC 7093.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// HostsOf returns the names and addresses in a certificate.
func HostsOf(c *x509.Certificate) []string {
	out := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

// AlgorithmOf names the algorithm of a certificate's key, if possible by a name of Algorithms.
func AlgorithmOf(c *x509.Certificate) string { return algorithmOf(c.PublicKey) }

// IsServer tells whether a certificate is for a daemon: it says so, or contains hosts.
func IsServer(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || len(c.ExtKeyUsage) == 0 && len(HostsOf(c)) > 0
}

// UseOf names the use of a certificate.
func UseOf(c *x509.Certificate) string {
	switch {
	case c.IsCA:
		return "authority"
	case IsServer(c) && slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return "server and client"
	case IsServer(c):
		return "server"
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0:
		return "any"
	case usable(c, x509.ExtKeyUsageClientAuth) == nil:
		return "client"
	}
	return "other"
}
