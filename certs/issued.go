package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
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
