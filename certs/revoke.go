package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
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
