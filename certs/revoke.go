package certs

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"slices"
	"time"
)

// Revocations are the revoked certificates of one or more authorities.
type Revocations struct {
	dated map[string]time.Time // issuer and serial to the time
}

// ReadRevocations parses lists in PEM. Each must be signed by one of the authorities.
func ReadRevocations(raw []byte, authorities []*x509.Certificate) (*Revocations, error) {
	r := &Revocations{dated: map[string]time.Time{}}
	lists, err := parseLists(raw)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		if !signedBy(l, authorities) {
			return nil, fmt.Errorf("the list of revoked certificates of %q is not signed by an authority that is trusted here",
				l.Issuer)
		}
		for _, e := range l.RevokedCertificateEntries {
			r.dated[string(l.RawIssuer)+e.SerialNumber.String()] = e.RevocationTime
		}
	}
	return r, nil
}

func parseLists(raw []byte) (out []*x509.RevocationList, err error) {
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("a list of revoked certificates is wanted, not a %s", block.Type)
		}
		l, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, errors.New("no list of revoked certificates is in it")
	}
	return out, nil
}

func signedBy(l *x509.RevocationList, authorities []*x509.Certificate) bool {
	for _, a := range authorities {
		if string(a.RawSubject) == string(l.RawIssuer) && l.CheckSignatureFrom(a) == nil {
			return true
		}
	}
	return false
}

// When returns when c was revoked, or the zero time. Nothing is revoked in a nil list.
func (r *Revocations) When(c *x509.Certificate) time.Time {
	if r == nil {
		return time.Time{}
	}
	return r.dated[string(c.RawIssuer)+c.SerialNumber.String()]
}

// Check returns an error if a certificate in path was revoked.
func (r *Revocations) Check(path []*x509.Certificate) error {
	for _, c := range path {
		if at := r.When(c); !at.IsZero() {
			return fmt.Errorf("the certificate of %q (serial %x) was revoked %s", Name(c), c.SerialNumber, day(at))
		}
	}
	return nil
}

// revocationsOf reads the list of revoked certificates in the authority's folder, or returns nil if there is none.
func revocationsOf(folder string, ca *x509.Certificate) (*Revocations, error) {
	path := filepath.Join(folder, RevokedFile)
	raw, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := ReadRevocations(raw, []*x509.Certificate{ca})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// NewList makes an empty list of revoked certificates.
func (a *Authority) NewList() (File, error) { return a.signList(big.NewInt(1), nil) }

// Revoke makes a list that adds the serial numbers to those already revoked.
func (a *Authority) Revoke(serials ...*big.Int) (File, error) {
	path := filepath.Join(a.Folder, RevokedFile)
	number, entries := big.NewInt(1), []x509.RevocationListEntry(nil)
	raw, err := readFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return File{}, err
	}
	if err == nil {
		lists, err := parseLists(raw)
		if err != nil {
			return File{}, fmt.Errorf("%s: %w", path, err)
		}
		for _, l := range lists {
			if !signedBy(l, []*x509.Certificate{a.signsLists()}) {
				return File{}, fmt.Errorf("%s is not signed by the authority %q", path, Name(a.Certificate))
			}
			entries = append(entries, l.RevokedCertificateEntries...)
			if l.Number != nil && l.Number.Cmp(number) >= 0 {
				number = new(big.Int).Add(l.Number, big.NewInt(1))
			}
		}
	}
	for _, s := range serials {
		if !slices.ContainsFunc(entries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(s) == 0 }) {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: a.now().UTC()})
		}
	}
	return a.signList(number, entries)
}

func (a *Authority) signList(number *big.Int, entries []x509.RevocationListEntry) (File, error) {
	next := &x509.RevocationList{Number: number, ThisUpdate: a.now().Add(-setBack).UTC(),
		NextUpdate: a.Certificate.NotAfter, RevokedCertificateEntries: entries}
	der, err := x509.CreateRevocationList(rand.Reader, next, a.signsLists(), a.key)
	if err != nil {
		return File{}, fmt.Errorf("sign the list of revoked certificates: %w", err)
	}
	return File{RevokedFile, modeOfPublic, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})}, nil
}

// signsLists returns the authority's certificate in a form with which the standard library signs lists. Openssl's usual
// commands leave out the key usage, which means that any use is allowed.
func (a *Authority) signsLists() *x509.Certificate {
	c := *a.Certificate
	if c.KeyUsage == 0 {
		c.KeyUsage = x509.KeyUsageCRLSign
	}
	if len(c.SubjectKeyId) == 0 {
		c.SubjectKeyId, _ = keyID(c.PublicKey) // a key that was parsed encodes
	}
	return &c
}
