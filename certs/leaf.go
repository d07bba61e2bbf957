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

// Lives of what is made by default.
const (
	AuthorityLife = 10 * 365 * 24 * time.Hour
	LeafLife      = 2 * 365 * 24 * time.Hour
)

// setBack is how far NotBefore lies in the past: clocks of other machines are behind.
const setBack = 24 * time.Hour

// Leaf is what a certificate is to say.
type Leaf struct {
	Name      string
	Hosts     []string // names and addresses of a server
	Algorithm string   // of its key; empty: the first of Algorithms
	Life      time.Duration
}

// Pair is a certificate and its key, in PEM and as it is.
type Pair struct {
	Certificate *x509.Certificate
	Cert, Key   []byte
}

// Server makes a pair for a daemon.
func (a *Authority) Server(l Leaf) (*Pair, error) { return a.sign(l, x509.ExtKeyUsageServerAuth) }

// Client makes a pair for somebody who may come in.
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
	// none outlives its authority, and none is from before it
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

// template is what all certificates have in common. Where the clock is before the time at which this file was built,
// it is valid by that clock and by a right one.
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

// finish signs the certificate of key and reads it back.
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

// serial is random, positive, and of at most 20 bytes (RFC 5280, 4.1.2.2).
func serial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 158))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 158, 1), nil
}

// keyID is RFC 7093's first way to name a key.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// HostsOf is the names and addresses of a certificate.
func HostsOf(c *x509.Certificate) []string {
	out := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

// AlgorithmOf is how the key of a certificate was made, in the words of Algorithms where it is one of them.
func AlgorithmOf(c *x509.Certificate) string { return algorithmOf(c.PublicKey) }

// IsServer tells whether a certificate is a daemon's: it says so, or has hosts.
func IsServer(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || len(c.ExtKeyUsage) == 0 && len(HostsOf(c)) > 0
}

// UseOf is what a certificate is for, in a word.
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
