package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// forms are a key of each algorithm in each form that openssl has written over the years.
func forms(t *testing.T) map[string]string {
	t.Helper()
	ec, err := newKey("ecdsa")
	must(t, err)
	ed, err := newKey("ed25519")
	must(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ecDER, err := x509.MarshalECPrivateKey(ec.(*ecdsa.PrivateKey))
	must(t, err)
	out := map[string]string{
		"EC of openssl ecparam": block("EC PARAMETERS", []byte{6, 8, 42, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}) +
			block("EC PRIVATE KEY", ecDER),
		"RSA of openssl genrsa": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small)),
		"text before it":        "Bag Attributes\n    friendlyName: x\n" + block("EC PRIVATE KEY", ecDER),
	}
	for name, k := range map[string]crypto.Signer{"ecdsa": ec, "ed25519": ed, "rsa": small} {
		for word, of := range map[string]string{"": " in PKCS 8", "secret": " under a passphrase"} {
			raw, err := encodeKey(k, []byte(word))
			must(t, err)
			out[name+of] = string(raw)
		}
	}
	//lint:ignore SA1019 openssl wrote it before its version 3
	old, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small),
		[]byte("secret"), x509.PEMCipherAES256)
	must(t, err)
	out["RSA of openssl genrsa -aes256"] = string(pem.EncodeToMemory(old))
	return out
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestParseKey: every form of a key is read, and the passphrase is asked for only where there is one.
func TestParseKey(t *testing.T) {
	for name, raw := range forms(t) {
		asked := 0
		key, err := parseKey([]byte(raw), func() ([]byte, error) { asked++; return []byte("secret"), nil })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		secret := strings.Contains(raw, "ENCRYPTED")
		if (asked == 1) != secret {
			t.Errorf("%s: the passphrase was asked for %d times", name, asked)
		}
		if !strings.Contains(strings.Join(Algorithms(), " "), algorithmOf(key.Public())) {
			t.Errorf("%s is of %s", name, algorithmOf(key.Public()))
		}
		if secret {
			_, err := parseKey([]byte(raw), func() ([]byte, error) { return nil, errors.New("nobody is there to ask") })
			if err == nil || err.Error() != "nobody is there to ask" {
				t.Errorf("%s with nobody to ask: %v", name, err)
			}
		}
	}
}

// TestParseKeyRefuses: what is no key says what it is, and what is damaged is an error.
func TestParseKeyRefuses(t *testing.T) {
	known := forms(t)
	for name, row := range map[string]struct{ raw, says string }{
		"nothing":               {"", "no key is in it"},
		"text":                  {"not a key\n", "no key is in it"},
		"parameters alone":      {block("EC PARAMETERS", []byte{6, 0}), "no key is in it"},
		"a certificate":         {block("CERTIFICATE", []byte("x")), "a key is wanted, not a CERTIFICATE"},
		"a public key":          {block("PUBLIC KEY", []byte("x")), "a key is wanted, not a PUBLIC KEY"},
		"an openssh key":        {block("OPENSSH PRIVATE KEY", []byte("x")), "a key is wanted, not a OPENSSH PRIVATE KEY"},
		"PKCS 8 of nothing":     {block("PRIVATE KEY", nil), "asn1"},
		"EC of nothing":         {block("EC PRIVATE KEY", []byte{0x30, 0}), "EC private key"},
		"RSA of nothing":        {block("RSA PRIVATE KEY", []byte{0x30, 0}), ""},
		"cut":                   {known["rsa in PKCS 8"][:400], "no key is in it"},
		"a key of another form": {strings.ReplaceAll(known["rsa in PKCS 8"], "PRIVATE", "EC PRIVATE"), ""},
		"sealed nothing":        {block("ENCRYPTED PRIVATE KEY", nil), "the encrypted key is damaged"},
		"sealed by what follows nothing": {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0, 0}),
			"the encrypted key is damaged"},
	} {
		key, err := parseKey([]byte(row.raw), func() ([]byte, error) { return []byte("secret"), nil })
		if err == nil || key != nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

// TestUnsealRefuses: a sealed key of somebody else names a cipher, a hash and a number of rounds, and none of them is
// taken on trust.
func TestUnsealRefuses(t *testing.T) {
	good, err := seal([]byte{0x30, 3, 2, 1, 7}, []byte("secret"))
	must(t, err)
	if raw, err := unseal(good, []byte("secret")); err != nil || len(raw) != 5 {
		t.Fatal(raw, err)
	}
	// change makes the key anew with other parameters.
	change := func(edit func(s *sealed, p *pbes2, k *pbkdf2Params)) []byte {
		var s sealed
		var p pbes2
		var k pbkdf2Params
		must(t, unmarshal(good, &s), unmarshal(s.Algorithm.Parameters.FullBytes, &p),
			unmarshal(p.Derive.Parameters.FullBytes, &k))
		edit(&s, &p, &k)
		derive, err := parameters(k)
		must(t, err)
		if p.Derive.Parameters.FullBytes != nil {
			p.Derive.Parameters = derive
		}
		both, err := parameters(p)
		must(t, err)
		if s.Algorithm.Parameters.FullBytes != nil {
			s.Algorithm.Parameters = both
		}
		raw, err := asn1.Marshal(s)
		must(t, err)
		return raw
	}
	vector := func(n int) asn1.RawValue {
		v, err := parameters(make([]byte, n))
		must(t, err)
		return v
	}
	unknown := asn1.ObjectIdentifier{1, 2, 3}
	for name, row := range map[string]struct {
		raw  []byte
		says string
	}{
		"PBES1": {change(func(s *sealed, _ *pbes2, _ *pbkdf2Params) { s.Algorithm.Algorithm = unknown }),
			"encrypted by 1.2.3"},
		"the cipher": {change(func(_ *sealed, p *pbes2, _ *pbkdf2Params) { p.Encrypt.Algorithm = unknown }),
			"openssl pkcs8 -topk8"},
		"scrypt": {change(func(_ *sealed, p *pbes2, _ *pbkdf2Params) { p.Derive.Algorithm = unknown }),
			"openssl pkcs8 -topk8"},
		"the hash":     {change(func(_ *sealed, _ *pbes2, k *pbkdf2Params) { k.PRF.Algorithm = unknown }), "rounds of 1.2.3"},
		"no rounds":    {change(func(_ *sealed, _ *pbes2, k *pbkdf2Params) { k.Iterations = 0 }), "0 rounds"},
		"fewer":        {change(func(_ *sealed, _ *pbes2, k *pbkdf2Params) { k.Iterations = -1 }), "-1 rounds"},
		"years of it":  {change(func(_ *sealed, _ *pbes2, k *pbkdf2Params) { k.Iterations = 1 << 40 }), "rounds"},
		"short vector": {change(func(_ *sealed, p *pbes2, _ *pbkdf2Params) { p.Encrypt.Parameters = vector(8) }), "damaged"},
		"no vector": {change(func(_ *sealed, p *pbes2, _ *pbkdf2Params) {
			p.Encrypt.Parameters = asn1.RawValue{}
		}), "damaged"},
		"no data":   {change(func(s *sealed, _ *pbes2, _ *pbkdf2Params) { s.Data = nil }), "damaged"},
		"half data": {change(func(s *sealed, _ *pbes2, _ *pbkdf2Params) { s.Data = s.Data[:7] }), "damaged"},
		"other data": {change(func(s *sealed, _ *pbes2, _ *pbkdf2Params) { s.Data = make([]byte, 16) }),
			"and this is not it"},
		"cut":       {good[:len(good)-1], "damaged"},
		"more data": {append(good[:len(good):len(good)], 0), "damaged"},
	} {
		if raw, err := unseal(row.raw, []byte("secret")); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
	}
}

// TestOpenRefuses: what is in an authority's folder is looked at before anything is signed with it.
func TestOpenRefuses(t *testing.T) {
	good, _ := makeAll(t, time.Now)
	other, _ := makeAll(t, time.Now)
	read := func(folder, name string) []byte {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		must(t, err)
		return raw
	}
	for name, row := range map[string]struct {
		ca, key []byte // nil: the file is not there
		says    string
	}{
		"an empty folder":        {nil, nil, "there is no authority in"},
		"no key":                 {read(good, CAFile), nil, "read the authority's key"},
		"the key of another":     {read(good, CAFile), read(other, CAKeyFile), "ca-key.pem is not the key of"},
		"a leaf":                 {read(good, ClientFile), read(good, ClientKeyFile), `"anna", which is no authority`},
		"a key as certificate":   {read(good, CAKeyFile), read(good, CAKeyFile), "holds no certificate"},
		"an empty certificate":   {[]byte{}, read(good, CAKeyFile), "holds no certificate"},
		"a damaged certificate":  {[]byte(block("CERTIFICATE", []byte("x"))), nil, "ca.pem: x509: "},
		"a certificate as key":   {read(good, CAFile), read(good, CAFile), "a key is wanted, not a CERTIFICATE"},
		"more than a file holds": {make([]byte, maxFile+1), nil, "has more than"},
	} {
		folder := t.TempDir()
		for file, raw := range map[string][]byte{CAFile: row.ca, CAKeyFile: row.key} {
			if raw != nil {
				must(t, os.WriteFile(filepath.Join(folder, file), raw, 0o600))
			}
		}
		if _, err := Open(folder, noPassphrase, time.Now); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a, err := Open(good, noPassphrase, time.Now); err != nil || Name(a.Certificate) == "" {
		t.Error(err)
	}
}
