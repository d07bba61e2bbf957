package certs

import (
	"bytes"
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

// Entry is a certificate that an authority signed.
type Entry struct {
	Certificate *x509.Certificate
	Revoked     time.Time // zero: it was not
}

// IssuedWith returns the file of all signed certificates with those of more added. It has to be written before or
// together with these, so that every certificate can be revoked.
func (a *Authority) IssuedWith(more ...*Pair) (File, error) {
	raw, err := readFile(filepath.Join(a.Folder, IssuedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return File{}, err
	}
	for _, p := range more {
		raw = append(raw, p.Cert...)
	}
	return File{IssuedFile, modeOfPublic, raw}, nil
}

// Issued returns that file for a new authority.
func Issued(pairs ...*Pair) File {
	var raw []byte
	for _, p := range pairs {
		raw = append(raw, p.Cert...)
	}
	return File{IssuedFile, modeOfPublic, raw}
}

// List returns the certificates that the authority in a folder signed, in order, and which are revoked. It does not
// need the key.
func List(folder string) ([]Entry, error) {
	if err := Settle(folder); err != nil {
		return nil, err
	}
	ca, err := authorityCertificate(folder)
	if err != nil {
		return nil, err
	}
	var raw []byte
	for _, name := range []string{IssuedFile, ServerFile, ClientFile} { // the last two: an authority that openssl made
		more, err := readFile(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		raw = append(append(raw, '\n'), more...)
	}
	all, err := ParseCertificates(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(folder, IssuedFile), err)
	}
	revoked, err := revocationsOf(folder, ca)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, c := range all {
		known := slices.ContainsFunc(out, func(e Entry) bool { return bytes.Equal(e.Certificate.Raw, c.Raw) })
		if !known && bytes.Equal(c.RawIssuer, ca.RawSubject) {
			out = append(out, Entry{c, revoked.When(c)})
		}
	}
	return out, nil
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
