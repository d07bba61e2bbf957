package certs

import (
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// crl reads the one list that is in a file.
func crl(t *testing.T, f File) *x509.RevocationList {
	t.Helper()
	lists, err := parseLists(f.Data)
	must(t, err)
	if len(lists) != 1 {
		t.Fatalf("%d lists", len(lists))
	}
	return lists[0]
}

// TestRevoke: a list has what was in the one before and a higher number, and nothing twice.
func TestRevoke(t *testing.T) {
	clock := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	folder, a := makeAll(t, func() time.Time { return clock })
	put := func(serials ...int64) *x509.RevocationList {
		var list []*big.Int
		for _, s := range serials {
			list = append(list, big.NewInt(s))
		}
		f, err := a.Revoke(list...)
		must(t, err, Write(folder, true, []File{f}))
		return crl(t, f)
	}
	first := put(5, 6, 5)
	clock = clock.Add(time.Hour)
	second := put(6, 7)
	if len(first.RevokedCertificateEntries) != 2 || len(second.RevokedCertificateEntries) != 3 {
		t.Fatal(len(first.RevokedCertificateEntries), len(second.RevokedCertificateEntries))
	}
	if first.Number.Cmp(second.Number) >= 0 {
		t.Errorf("number %v after %v", second.Number, first.Number)
	}
	if at := second.RevokedCertificateEntries[1].RevocationTime; !at.Equal(clock.Add(-time.Hour)) {
		t.Errorf("what was revoked before is revoked since %s", at)
	}
	if !second.NextUpdate.Equal(a.Certificate.NotAfter) || second.ThisUpdate.After(clock.Add(-time.Hour)) {
		t.Errorf("good from %s to %s", second.ThisUpdate, second.NextUpdate)
	}
	raw, err := os.ReadFile(filepath.Join(folder, RevokedFile))
	must(t, err)
	r, err := ReadRevocations(raw, []*x509.Certificate{a.Certificate})
	must(t, err)
	c := func(n int64) *x509.Certificate {
		return &x509.Certificate{RawIssuer: a.Certificate.RawSubject, SerialNumber: big.NewInt(n)}
	}
	stranger := &x509.Certificate{RawIssuer: []byte("another"), SerialNumber: big.NewInt(5)}
	if err := r.Check([]*x509.Certificate{c(8), stranger}); err != nil {
		t.Errorf("what was not revoked: %v", err)
	}
	if err := r.Check([]*x509.Certificate{c(8), c(7)}); err == nil || !strings.Contains(err.Error(), "serial 7") {
		t.Errorf("the second of a path: %v", err)
	}
	var none *Revocations
	if !none.When(c(5)).IsZero() || none.Check([]*x509.Certificate{c(5)}) != nil {
		t.Error("no list revokes something")
	}
}

// TestRevokeRefuses: a list that is not ours, or is damaged, is never replaced by one that forgets what it said.
func TestRevokeRefuses(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	_, other := makeAll(t, time.Now)
	foreign, err := other.NewList()
	must(t, err)
	for name, row := range map[string]struct {
		raw  string
		says string
	}{
		"nothing":           {"", "no list of revoked certificates is in it"},
		"text":              {"x", "no list of revoked certificates is in it"},
		"a certificate":     {string(a.Certificate.Raw), "no list"},
		"a key":             {block("PRIVATE KEY", []byte("x")), "is wanted, not a PRIVATE KEY"},
		"a damaged list":    {block("X509 CRL", []byte("x")), "x509"},
		"that of another":   {string(foreign.Data), "is not signed by"},
		"ours and anothers": {string(must1(a.NewList())(t).Data) + string(foreign.Data), "is not signed by"},
	} {
		path := filepath.Join(folder, RevokedFile)
		_ = os.Remove(path) // it may not be there
		must(t, os.WriteFile(path, []byte(row.raw), 0o600))
		if _, err := a.Revoke(big.NewInt(1)); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("revoke beside %s: %v", name, err)
		}
		if _, err := List(folder); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("list beside %s: %v", name, err)
		}
		if _, err := ServerTLS(serverFiles(folder), true, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a daemon starts beside %s: %v", name, err)
		}
	}
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// TestList: an authority tells what it signed, in that order, each once, and nothing that another signed.
func TestList(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	_, other := makeAll(t, time.Now)
	late := must1(a.Client(Leaf{Name: "late", Life: LeafLife}))(t)
	strange := must1(other.Client(Leaf{Name: "strange", Life: LeafLife}))(t)
	issued := must1(a.IssuedWith(late, strange, late))(t)
	must(t, Write(folder, true, []File{issued}))
	names := func() (out []string) {
		for _, e := range must1(List(folder))(t) {
			out = append(out, Name(e.Certificate)+map[bool]string{false: " revoked"}[e.Revoked.IsZero()])
		}
		return out
	}
	if got := names(); !slices.Equal(got, []string{"daemon", "anna", "late"}) {
		t.Errorf("%q", got)
	}
	must(t, Write(folder, true, []File{must1(a.Revoke(late.Certificate.SerialNumber))(t)}))
	if got := names(); !slices.Equal(got, []string{"daemon", "anna", "late revoked"}) {
		t.Errorf("%q", got)
	}
	// An authority that openssl made keeps no book: what lies beside it is told.
	must(t, os.Remove(filepath.Join(folder, IssuedFile)))
	if got := names(); !slices.Equal(got, []string{"daemon", "anna"}) {
		t.Errorf("%q", got)
	}
	must(t, os.WriteFile(filepath.Join(folder, IssuedFile), []byte(block("CERTIFICATE", []byte("x"))), 0o600))
	if _, err := List(folder); err == nil || !strings.Contains(err.Error(), IssuedFile) {
		t.Error("a damaged book:", err)
	}
}

// TestRenewAuthority: a new certificate for the old key and name is good for what the old one signed, and revokes.
func TestRenewAuthority(t *testing.T) {
	clock := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	folder, a := makeAll(t, func() time.Time { return clock })
	old := *a.Certificate
	leaf := must1(readCertificates(filepath.Join(folder, ClientFile)))(t)[0]
	clock = old.NotAfter.Add(time.Hour)
	if _, err := a.Client(Leaf{Name: "late", Life: LeafLife}); err == nil ||
		!strings.Contains(err.Error(), "box certs renew ca") {
		t.Errorf("an authority that ended signs: %v", err)
	}
	p := must1(a.Renew(AuthorityLife))(t)
	if p.Key != nil || !slices.Equal(p.Certificate.RawSubject, old.RawSubject) ||
		p.Certificate.SerialNumber.Cmp(old.SerialNumber) == 0 {
		t.Errorf("%+v", p.Certificate)
	}
	must(t, leaf.CheckSignatureFrom(p.Certificate))
	late := must1(a.Client(Leaf{Name: "late", Life: LeafLife}))(t)
	if late.Certificate.NotBefore.Before(p.Certificate.NotBefore) {
		t.Error("a leaf is older than its authority")
	}
	if _, err := ReadRevocations(must1(a.Revoke(leaf.SerialNumber))(t).Data, []*x509.Certificate{&old}); err != nil {
		t.Errorf("its lists are not those of the authority: %v", err)
	}
}

// TestListsOfOpenssl: an authority whose certificate says neither what its key is for nor which it is, as openssl's
// usual commands make it, revokes all the same.
func TestListsOfOpenssl(t *testing.T) {
	key := must1(newKey("ecdsa"))(t)
	plain := authorityTemplate("plain", AuthorityLife, time.Now())
	plain.KeyUsage, plain.SerialNumber = 0, big.NewInt(1)
	der := must1(x509.CreateCertificate(rand.Reader, plain, plain, key.Public(), key))(t)
	c := must1(x509.ParseCertificate(der))(t)
	c.SubjectKeyId = nil
	a := &Authority{Folder: t.TempDir(), Certificate: c, key: key, now: time.Now}
	f := must1(a.Revoke(big.NewInt(9)))(t)
	r, err := ReadRevocations(f.Data, []*x509.Certificate{a.signsLists()})
	must(t, err)
	if r.When(&x509.Certificate{RawIssuer: c.RawSubject, SerialNumber: big.NewInt(9)}).IsZero() {
		t.Error("nothing was revoked")
	}
}
