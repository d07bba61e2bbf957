package certs

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// daemonAt serves /_ping by h over TLS with the server's pair of a folder, and asks for certificates as auth says.
func daemonAt(t *testing.T, folder string, auth tls.ClientAuthType, h http.HandlerFunc) (address string) {
	t.Helper()
	pair := must1(loadPair(filepath.Join(folder, ServerFile), filepath.Join(folder, ServerKeyFile)))(t)
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: auth}
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestCheck: each thing that can be wrong with a connection is found, called by its name, and nothing else is.
func TestCheck(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	other, _ := makeAll(t, time.Now)
	strict := func(t *testing.T, folder string) string {
		s := must1(ServerTLS(serverFiles(folder), true, nil))(t)
		l := must1(net.Listen("tcp", "127.0.0.1:0"))(t)
		h := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ErrorLog: quiet()}
		go func() { _ = h.Serve(s.Listen(l)) }()
		t.Cleanup(func() { h.Close() })
		return l.Addr().String()
	}
	good := strict(t, folder)
	// with is a copy of the client's folder in which some files are others.
	with := func(files ...File) Files {
		dir := t.TempDir()
		for _, name := range []string{CAFile, ClientFile, ClientKeyFile} {
			must(t, os.WriteFile(filepath.Join(dir, name), must1(os.ReadFile(filepath.Join(folder, name)))(t), 0o600))
		}
		for _, f := range files {
			must(t, os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600))
		}
		return In(dir)
	}
	server := must1(a.Server(Leaf{Name: "s", Life: LeafLife}))(t)
	foreign := must1(os.ReadFile(filepath.Join(other, CAFile)))(t)
	closed := must1(net.Listen("tcp", "127.0.0.1:0"))(t)
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	answer := func(code int, text, date string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if len(r.TLS.PeerCertificates) == 0 {
				code, text = http.StatusForbidden, "who are you"
			}
			w.Header().Set("Date", date)
			http.Error(w, text, code)
		}
	}
	now := time.Now().UTC().Format(http.TimeFormat)
	_, port, _ := net.SplitHostPort(good)
	for name, row := range map[string]struct {
		address string
		files   Files
		faults  []string // the beginning and a part of each
	}{
		"all well":     {good, with(), nil},
		"another name": {"localhost:" + port, with(), []string{"name: |--host localhost"}},
		"nobody":       {closed.Addr().String(), with(), []string{"connection: |nobody answers"}},
		"a plain port": {strings.TrimPrefix(plain.URL, "http://"), with(), []string{"connection: |does not speak TLS"}},
		"no files": {good, In(filepath.Join(folder, "none")),
			[]string{"CA: |no such file", "client: |no such file", "client certificate: |"}},
		"another CA": {good, with(File{Name: CAFile, Data: foreign}), []string{"CA: |is signed by", "CA: |"}},
		"the key of another": {good, with(File{Name: ClientKeyFile, Data: server.Key}),
			[]string{"client: |does not match", "client certificate: |"}},
		"a server's pair": {good, with(File{Name: ClientFile, Data: server.Cert},
			File{Name: ClientKeyFile, Data: server.Key}),
			[]string{"key use: |is for servers", "client certificate: |"}},
		"everybody": {daemonAt(t, folder, tls.NoClientCert, func(http.ResponseWriter, *http.Request) {}), with(),
			[]string{"daemon: |lets everybody in"}},
		"forbidden": {daemonAt(t, folder, tls.RequireAnyClientCert, answer(http.StatusForbidden, "not you", now)), with(),
			[]string{"client certificate: |refuses it: not you"}},
		"no daemon": {daemonAt(t, folder, tls.RequestClientCert, answer(http.StatusTeapot, "tea", now)), with(),
			[]string{"daemon: |answers 418 to a ping"}},
		"another clock": {daemonAt(t, folder, tls.RequestClientCert,
			answer(http.StatusOK, "OK", "Mon, 02 Jan 2006 15:04:05 GMT")), with(),
			[]string{"clock: |2006-01-02 15:04"}},
		"no clock": {daemonAt(t, folder, tls.RequestClientCert, answer(http.StatusOK, "OK", "yesterday")), with(), nil},
	} {
		faults, _ := Check(t.Context(), row.address, row.files, time.Now)
		missed := len(faults) != len(row.faults)
		for i, f := range faults {
			if missed {
				break
			}
			begin, part, _ := strings.Cut(row.faults[i], "|")
			missed = !strings.HasPrefix(f, begin) || !strings.Contains(f, part)
		}
		if missed {
			t.Errorf("%s: %q", name, faults)
		}
	}
	must(t, Write(folder, true, []File{must1(a.Revoke(must1(readCertificates(filepath.Join(folder,
		ClientFile)))(t)[0].SerialNumber))(t)}))
	if faults, _ := Check(t.Context(), good, with(), time.Now); len(faults) != 1 ||
		!strings.Contains(faults[0], "revoked") {
		t.Errorf("a client that was revoked: %q", faults)
	}
}

// TestCheckTimes: what has ended, or begins later, is told by the clock of this machine.
func TestCheckTimes(t *testing.T) {
	folder, _ := makeAll(t, time.Now)
	address := daemonAt(t, folder, tls.RequestClientCert, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	for name, row := range map[string]struct {
		at   time.Duration
		kind string
		n    int // of the pair and of the daemon's; of the authority too
	}{
		"now": {0, "", 0}, "in three years": {3 * 365 * 24 * time.Hour, "expiry: ", 2},
		"in eleven": {11 * 365 * 24 * time.Hour, "expiry: ", 3},
	} {
		faults, _ := Check(t.Context(), address, In(folder), func() time.Time { return time.Now().Add(row.at) })
		if len(faults) != row.n {
			t.Errorf("%s: %q", name, faults)
		}
		for _, f := range faults {
			if !strings.HasPrefix(f, row.kind) || !strings.Contains(f, "box certs renew") {
				t.Errorf("%s: %q", name, f)
			}
		}
	}
}

// TestCheckEnds: one who takes the connection and says nothing is left when the caller has no more time.
func TestCheckEnds(t *testing.T) {
	folder, _ := makeAll(t, time.Now)
	l := must1(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	faults, _ := Check(ctx, l.Addr().String(), In(folder), time.Now)
	if len(faults) != 1 || !strings.HasPrefix(faults[0], "connection: ") || time.Since(began) > checkWait/2 {
		t.Errorf("%q after %s", faults, time.Since(began))
	}
}

// quiet is for servers whose clients are wrong on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
