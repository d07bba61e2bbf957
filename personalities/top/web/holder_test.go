package web

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"box/certs"
	"box/netapi/client"
	"box/personalities/top/hosts"
)

// secure makes an authority, the TLS of a daemon and the configuration of a client with a certificate, or without.
func secure(t *testing.T) (server *certs.Server, with, without *tls.Config, revoke func()) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certs")
	a, ca, err := certs.NewAuthority(folder, "test", "", time.Hour, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	own, err := a.Server(certs.Leaf{Name: "daemon", Hosts: []string{"localhost", "127.0.0.1"}, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	anna, err := a.Client(certs.Leaf{Name: "anna", Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	write := func(files ...certs.File) {
		t.Helper()
		if err := certs.Write(folder, true, files); err != nil {
			t.Fatal(err)
		}
	}
	write(slices.Concat(certs.PairFiles(ca, certs.CAFile, certs.CAKeyFile),
		certs.PairFiles(own, certs.ServerFile, certs.ServerKeyFile),
		certs.PairFiles(anna, certs.ClientFile, certs.ClientKeyFile))...)
	server, err = certs.ServerTLS(certs.Files{CA: filepath.Join(folder, certs.CAFile),
		Cert: filepath.Join(folder, certs.ServerFile), Key: filepath.Join(folder, certs.ServerKeyFile)}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if with, err = certs.ClientTLS(certs.In(folder), true); err != nil {
		t.Fatal(err)
	}
	without = with.Clone()
	without.Certificates, without.GetClientCertificate = nil, nil
	return server, with, without, func() {
		list, err := a.Revoke(anna.Certificate.SerialNumber)
		if err != nil {
			t.Fatal(err)
		}
		write(list)
	}
}

// A certificate of the authority may act, in its own name; without one the page is read, until it is taken back.
func TestCertificate(t *testing.T) {
	d := newDaemon(1)
	server, with, without, revoke := secure(t)
	asked := make(chan string, 10)
	var h *hosts.Host
	s, h := serve(t, d, func(o *Options) {
		o.Secure = server
		o.As = func(c *tls.ConnectionState) (*client.Client, func(), error) {
			asked <- certs.Name(c.PeerCertificates[0])
			return o.Hosts[0].Client(), func() {}, nil
		}
	})
	measured(t, h)
	l, err := Listen("localhost:0", server, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	do := func(config *tls.Config, method, path string) (int, error) {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: patience}
		defer c.CloseIdleConnections()
		r, err := http.NewRequest(method, l.URL(server)+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(ownHeader, "1")
		answer, err := c.Do(r)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, err
	}
	stop := "api/containers/" + containerID(0) + "/stop"
	for _, one := range []struct {
		who    string
		config *tls.Config
		method string
		path   string
		want   int
	}{
		{"without", without, "GET", "api/hosts", 200}, {"without", without, "POST", stop, 401},
		{"with", with, "GET", "api/hosts", 200}, {"with", with, "POST", stop, 200},
	} {
		if code, err := do(one.config, one.method, one.path); code != one.want || err != nil {
			t.Errorf("%s a certificate: %s %s: %d %v, want %d", one.who, one.method, one.path, code, err, one.want)
		}
	}
	if len(asked) != 1 || <-asked != "anna" {
		t.Errorf("%d actions in a holder's name, want one of anna's", len(asked))
	}
	if got := d.acts(); len(got) != 1 || !strings.HasSuffix(got[0], "/stop") {
		t.Errorf("done: %v", got)
	}
	_, stranger, _, _ := secure(t)
	stranger.RootCAs = with.RootCAs
	if code, err := do(stranger, "GET", "api/hosts"); err == nil {
		t.Errorf("with a certificate of another authority: %d", code)
	}
	revoke()
	if code, err := do(with, "POST", stop); err == nil && code != 403 {
		t.Errorf("with a certificate that was taken back: %d", code)
	}
	if got := d.acts(); len(got) != 1 {
		t.Errorf("done: %v", got)
	}
	s.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// The names by which the page is known are those of the certificate as it is, not as it was at the start.
func TestNamesOfCertificate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "certs")
	a, ca, err := certs.NewAuthority(folder, "test", "", time.Hour, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	certify := func(name string) {
		t.Helper()
		own, err := a.Server(certs.Leaf{Name: "daemon", Hosts: []string{name}, Life: time.Hour})
		if err == nil {
			err = certs.Write(folder, true, slices.Concat(certs.PairFiles(ca, certs.CAFile, certs.CAKeyFile),
				certs.PairFiles(own, certs.ServerFile, certs.ServerKeyFile)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	certify("old.example")
	server, err := certs.ServerTLS(certs.Files{CA: filepath.Join(folder, certs.CAFile),
		Cert: filepath.Join(folder, certs.ServerFile), Key: filepath.Join(folder, certs.ServerKeyFile)}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, newDaemon(0), func(o *Options) { o.Secure, o.Names = server, Names("page.example:1") })
	known := func() (names []string) {
		for _, name := range []string{"old.example", "new.example", "page.example", "other.example"} {
			if code, _ := call(s, "GET", "/api/hosts", "", func(r *http.Request) { r.Host = name + ":8080" }); code == 200 {
				names = append(names, name)
			}
		}
		return names
	}
	if got := known(); !slices.Equal(got, []string{"old.example", "page.example"}) {
		t.Errorf("it is known by %v", got)
	}
	certify("new.example")
	if err := server.Admit(nil); err == nil { // as every handshake asks
		t.Error("no certificate is admitted")
	}
	if got := known(); !slices.Equal(got, []string{"new.example", "page.example"}) {
		t.Errorf("after another certificate it is known by %v", got)
	}
}

// A token that is replaced is void at once; one that is too short or no file is refused.
func TestToken(t *testing.T) {
	d := newDaemon(1)
	path := tokenFile(t, secret)
	s, h := serve(t, d, func(o *Options) { o.Token = path })
	measured(t, h)
	stop := "/api/containers/ID/stop"
	if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+secret)); code != 200 {
		t.Errorf("the token: %d", code)
	}
	if err := os.WriteFile(path, []byte("another-token-of-24-chars"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+secret)); code != 403 {
		t.Errorf("the token before: %d", code)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{secret, "", "another-token-of-24-chars"} {
		if code, _ := call(s, "POST", stop, "{}", with("Authorization", "Bearer "+said)); code != 403 && code != 401 {
			t.Errorf("without the file, %q: %d", said, code)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", maxToken+1)} {
		if _, err := New(Options{Token: tokenFile(t, bad)}); err == nil {
			t.Errorf("a token of %d bytes was taken", len(bad))
		}
	}
	if _, err := New(Options{Token: t.TempDir()}); err == nil {
		t.Error("a folder was taken for a token")
	}
}

// Without a token nobody can act by one, whatever is shown.
func TestNoToken(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d, func(o *Options) { o.Token = "" })
	measured(t, h)
	for _, said := range []string{"", "x", secret} {
		code, _ := call(s, "POST", "/api/containers/ID/stop", "{}", with("Authorization", "Bearer "+said))
		if code != 401 && code != 403 {
			t.Errorf("%q: %d", said, code)
		}
	}
	if got := d.acts(); len(got) > 0 {
		t.Errorf("done: %v", got)
	}
}

// The values of a container's environment are for holders.
func TestEnvironment(t *testing.T) {
	s, h := serve(t, newDaemon(1))
	measured(t, h)
	_, body := call(s, "GET", "/api/containers/ID", "")
	if !strings.Contains(body, "PASSWORD") || strings.Contains(body, "hunter2") {
		t.Errorf("for all: %s", body)
	}
	_, body = call(s, "GET", "/api/containers/ID", "", with("Authorization", "Bearer "+secret))
	if !strings.Contains(body, "hunter2") {
		t.Errorf("for a holder: %s", body)
	}
}
