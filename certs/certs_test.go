package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func noPassphrase() ([]byte, error) { return nil, ErrPassphrase }

// makeAll is an authority with a server's and a client's pair in a folder, made at a time.
func makeAll(t testing.TB, now func() time.Time) (string, *Authority) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certs")
	a, ca, err := NewAuthority(folder, "test", "", AuthorityLife, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.Server(Leaf{Name: "daemon", Hosts: []string{"127.0.0.1", "daemon.test"}, Life: LeafLife})
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.Client(Leaf{Name: "anna", Life: LeafLife})
	if err != nil {
		t.Fatal(err)
	}
	files := slices.Concat(PairFiles(ca, CAFile, CAKeyFile), PairFiles(server, ServerFile, ServerKeyFile),
		PairFiles(client, ClientFile, ClientKeyFile))
	if err := Write(folder, false, files, Issued(server, client)); err != nil {
		t.Fatal(err)
	}
	return folder, a
}

func serverFiles(folder string) Files {
	return Files{CA: filepath.Join(folder, CAFile), Cert: filepath.Join(folder, ServerFile),
		Key: filepath.Join(folder, ServerKeyFile)}
}

// TestWriteCutOff leaves what a Write leaves when it is cut off at each of its steps.
func TestWriteCutOff(t *testing.T) {
	old := []File{{"a", 0o444, []byte("old a")}, {"sub/b", 0o400, []byte("old b")}}
	next := []File{{"a", 0o444, []byte("new a")}, {"sub/b", 0o400, []byte("new b")}}
	for name, cut := range map[string]func(folder string) error{
		"while it was written": func(folder string) error { return stage(folder, next[:1]) },
		"when it was whole": func(folder string) error {
			return errors.Join(stage(folder, next), os.Rename(filepath.Join(folder, making), filepath.Join(folder, ready)))
		},
		"while it was moved": func(folder string) error {
			return errors.Join(stage(folder, next), os.Rename(filepath.Join(folder, making), filepath.Join(folder, ready)),
				os.Rename(filepath.Join(folder, ready, "a"), filepath.Join(folder, "a")))
		},
	} {
		folder := t.TempDir()
		if err := errors.Join(Write(folder, false, old), cut(folder),
			Write(folder, false, nil, File{"c", 0o444, nil})); err != nil {
			t.Fatal(name, err)
		}
		a, errA := os.ReadFile(filepath.Join(folder, "a"))
		b, errB := os.ReadFile(filepath.Join(folder, "sub", "b"))
		if errA != nil || errB != nil || string(a[:3]) != string(b[:3]) {
			t.Errorf("%s: %q and %q", name, a, b)
		}
		if want := map[bool]string{true: "old", false: "new"}[name == "while it was written"]; string(a[:3]) != want {
			t.Errorf("%s: %q", name, a)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, ".certs*")); len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	folder := t.TempDir()
	if err := Write(folder, false, []File{{"a", 0o444, []byte("old")}}); err != nil {
		t.Fatal(err)
	}
	err := Write(folder, false, []File{{"b", 0o444, []byte("new")}, {"a", 0o444, []byte("new")}})
	if !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "b")); err == nil {
		t.Error("half of it was written")
	}
}

// TestClock: where the clock is before the time of the build it is named, and what is made is good by that clock and
// by a right one.
func TestClock(t *testing.T) {
	wrong := func() time.Time { return time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC) }
	if err := ClockFault(time.Now()); err != nil {
		t.Error(err)
	}
	if err := ClockFault(wrong()); err == nil || !strings.Contains(err.Error(), "1970-01-01") {
		t.Error(err)
	}
	folder, a := makeAll(t, wrong)
	c, err := readCertificates(filepath.Join(folder, ClientFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate)
	for _, now := range []time.Time{wrong(), time.Now()} {
		if _, err := c[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Errorf("at %s: %v", now, err)
		}
	}
	now, _ := makeAll(t, time.Now)
	c, err = readCertificates(filepath.Join(now, ServerFile))
	if err != nil {
		t.Fatal(err)
	}
	said := Explain(x509.CertificateInvalidError{Cert: c[0], Reason: x509.Expired}, "x", wrong())
	if !strings.HasPrefix(said, "the clock of this machine is wrong") {
		t.Errorf("not the clock is named: %q", said)
	}
	faults, _ := Check(context.Background(), "127.0.0.1:1", In(now), wrong)
	if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, "clock: ") }) {
		t.Errorf("check does not name the clock: %q", faults)
	}
}

func TestLeaves(t *testing.T) {
	_, a := makeAll(t, time.Now)
	for _, algorithm := range Algorithms() {
		p, err := a.Server(Leaf{Name: "x", Hosts: []string{"::1", "h"}, Algorithm: algorithm, Life: 10 * AuthorityLife})
		if err != nil {
			t.Fatal(err)
		}
		c := p.Certificate
		if c.NotAfter.After(a.Certificate.NotAfter) ||
			c.NotBefore.After(time.Now().Add(-time.Minute)) && c.NotBefore.After(a.Certificate.NotBefore) {
			t.Errorf("%s: good from %s to %s", algorithm, c.NotBefore, c.NotAfter)
		}
		if c.SerialNumber.BitLen() != 159 || c.IsCA || AlgorithmOf(c) != algorithm || UseOf(c) != "server" {
			t.Errorf("%s: %+v", algorithm, c)
		}
		if _, err := tls.X509KeyPair(p.Cert, p.Key); err != nil {
			t.Error(err)
		}
	}
	if _, err := a.Client(Leaf{Name: "x", Algorithm: "dsa"}); err == nil {
		t.Error("a key of dsa was made")
	}
}

func TestPassphrase(t *testing.T) {
	key, err := newKey("ecdsa")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := encodeKey(key, []byte("right"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseKey(raw, func() ([]byte, error) { return []byte("right"), nil }); err != nil {
		t.Error(err)
	}
	if _, err := parseKey(raw, func() ([]byte, error) { return []byte("wrong"), nil }); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := parseKey(raw, noPassphrase); !errors.Is(err, ErrPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
}

// TestServer serves by files that change: who is revoked is cut within a second, the new pair is shown within a second.
func TestServer(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	s, err := ServerTLS(serverFiles(folder), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Admit(r.TLS.PeerCertificates); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/stream" {
			<-r.Context().Done()
		}
	})}
	go func() { _ = h.Serve(s.Listen(raw)) }()
	defer h.Close()
	address := raw.Addr().String()
	if faults, found := Check(context.Background(), address, In(folder), time.Now); len(faults) > 0 {
		t.Fatalf("%q %q", faults, found)
	}
	config, err := ClientTLS(In(folder), true)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	res, err := client.Get("https://" + address + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = res.Body.Read(make([]byte, 1)) }()

	next, err := a.Server(Leaf{Name: "next", Hosts: []string{"127.0.0.1"}, Life: LeafLife})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, true, PairFiles(next, ServerFile, ServerKeyFile)); err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	if shown := conn.ConnectionState().PeerCertificates[0]; !shown.Equal(next.Certificate) {
		t.Errorf("the old pair is shown: %s", shown.Subject)
	}
	conn.Close()
	select {
	case <-ended:
		t.Fatal("a stream was cut by a renewal")
	case <-time.After(time.Second):
	}

	mine, err := readCertificates(filepath.Join(folder, ClientFile))
	if err != nil {
		t.Fatal(err)
	}
	list, err := a.Revoke(mine[0].SerialNumber)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, true, []File{list}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the stream of a revoked certificate goes on")
	}
	if _, err := client.Get("https://" + address); err == nil {
		t.Error("a revoked certificate came in")
	}
	if err := s.Admit(mine); err == nil || !strings.Contains(err.Error(), `"anna"`) {
		t.Errorf("a request of a revoked certificate: %v", err)
	}
	entries, err := List(folder)
	if err != nil || len(entries) != 3 || entries[1].Revoked.IsZero() {
		t.Errorf("%+v %v", entries, err)
	}
}

func FuzzParseKey(f *testing.F) {
	key, err := newKey("ecdsa")
	if err != nil {
		f.Fatal(err)
	}
	for _, word := range []string{"", "x"} {
		raw, err := encodeKey(key, []byte(word))
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(raw)
		f.Add(block.Type, block.Bytes)
	}
	f.Add("EC PRIVATE KEY", []byte{0x30, 0})
	f.Fuzz(func(t *testing.T, kind string, der []byte) {
		if bytes.Contains(der, []byte{0x2, 0x3}) {
			return // more rounds than a fuzzer has time for
		}
		_, _ = parseKey(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}),
			func() ([]byte, error) { return []byte("x"), nil })
	})
}

func FuzzRevocations(f *testing.F) {
	folder, a := makeAll(f, time.Now)
	list, err := a.NewList()
	if err != nil {
		f.Fatal(err)
	}
	all, err := readFile(filepath.Join(folder, CAFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(list.Data, all)
	f.Fuzz(func(t *testing.T, raw, authorities []byte) {
		trusted, _ := ParseCertificates(authorities)
		r, err := ReadRevocations(raw, trusted)
		if err == nil && r.Check(trusted) != nil && len(trusted) == 0 {
			t.Error("nothing was revoked by nobody")
		}
	})
}
