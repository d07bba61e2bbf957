package certs

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"box/certs"
	"box/personalities/cmd"
)

// typed is what one command line did.
type typed struct {
	out, warned string
	code        int
	err         error
}

// home is a folder in which commands are typed.
type home struct {
	t    *testing.T
	dir  string
	vars map[string]string
	now  func() time.Time
}

func newHome(t *testing.T) *home {
	return &home{t, t.TempDir(), map[string]string{"HOME": "/nonexistent", "DOCKER_CERT_PATH": "c"}, time.Now}
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// box runs `box certs` with the words of a line.
func (h *home) box(line string) (r typed) {
	h.t.Helper()
	var out, warned bytes.Buffer
	env := &cmd.Env{
		Args: strings.Fields(line), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &warned, Dir: h.dir,
		Getenv: func(name string) string { return h.vars[name] },
	}
	words := env.Args
	err := errors.New("no such command")
	for _, c := range commands() {
		if len(words) > 0 && c.name == words[0] {
			err = c.run(h.t.Context(), &session{env: env, folder: cmd.CertFolder(env.Getenv), now: h.now}, words[1:])
		}
	}
	var exit *cmd.Exit
	if errors.As(err, &exit) {
		r.code = exit.Code
	} else if err != nil {
		r.code = 1
	}
	r.out, r.warned, r.err = out.String(), warned.String(), err
	return r
}

// works is box for a line that must succeed.
func (h *home) works(line string) string {
	h.t.Helper()
	r := h.box(line)
	if r.err != nil {
		h.t.Fatalf("box certs %s: %v", line, r.err)
	}
	return r.out
}

// refuses is box for a line that must not succeed, and change nothing.
func (h *home) refuses(line, says string) {
	h.t.Helper()
	before := h.files()
	r := h.box(line)
	if r.code == 0 || r.err == nil || !strings.Contains(r.err.Error(), says) {
		h.t.Errorf("box certs %s: code %d, %v", line, r.code, r.err)
	}
	if after := h.files(); after != before {
		h.t.Errorf("box certs %s was refused and changed\n%s\nto\n%s", line, before, after)
	}
}

// files are all that is in the folder, with modes and contents.
func (h *home) files() string {
	var b strings.Builder
	err := filepath.WalkDir(h.dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Mode().IsRegular() {
			var raw []byte
			raw, err = os.ReadFile(p)
			fmt.Fprintf(&b, "%s %v %x\n", p, st.Mode(), raw)
		} else if err == nil {
			fmt.Fprintf(&b, "%s %v\n", p, st.Mode())
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

// TestSession: from nothing to an authority with clients that are renewed, handed out and taken back.
func TestSession(t *testing.T) {
	h := newHome(t)
	if out := h.works("init --host box.test"); !strings.Contains(out, "is for box.test, ") ||
		!strings.Contains(out, "docker --tlsverify -H tcp://box.test:2376 version") {
		t.Errorf("%s", out)
	}
	h.refuses("init", "nothing was written; --force replaces all")
	h.refuses("init --name ../up", "cannot be a client's name")
	h.works("client anna --life 10d")
	h.refuses("client anna", "nothing was written")
	h.refuses("client a/b", "cannot be a client's name")
	h.refuses("client bert --key dsa", "dsa")
	h.refuses("server", "server-key.pem: file already exists")
	h.refuses("server --force --host a:1", "neither an address nor a host name")
	h.refuses("renew carl", `there is no certificate of "carl"`)
	h.refuses("renew --host not/a/name", "neither an address nor a host name")
	h.refuses("revoke carl", `neither a certificate of the name "carl"`)
	h.refuses("revoke c/ca-key.pem", "it contains no certificate")

	if r := h.box("status --within 11d"); r.code != 1 || !strings.Contains(r.out, "clients/anna/cert.pem") ||
		strings.Count(r.out, "ends soon") != 1 {
		t.Errorf("%d\n%s", r.code, r.out)
	}
	if r := h.box("status --within 9d"); r.code != 0 || strings.Contains(r.out, "ends soon") {
		t.Errorf("%d\n%s", r.code, r.out)
	}
	before, _ := os.ReadFile(h.path("c/clients/anna/key.pem"))
	if out := h.works("renew anna"); !strings.Contains(out, "clients/anna/key.pem") || strings.Contains(out, "server") {
		t.Errorf("%s", out)
	}
	if after, _ := os.ReadFile(h.path("c/clients/anna/key.pem")); bytes.Equal(before, after) {
		t.Error("the key is the old one")
	}
	if out := h.works("list"); strings.Count(out, "anna") != 2 {
		t.Errorf("%s", out)
	}
	if out := h.works("revoke anna"); strings.Count(out, "revoked: anna") != 2 {
		t.Errorf("not both of hers are taken back:\n%s", out)
	}
	if out := h.works("renew"); strings.Contains(out, "anna") || !strings.Contains(out, "server-cert.pem") {
		t.Errorf("who was taken back is given again:\n%s", out)
	}
	h.works("renew anna")
	if out := h.works("list"); strings.Count(out, "revoked") != 2 || strings.Count(out, "good") != 5 {
		t.Errorf("%s", out)
	}
	h.works("renew ca server --host late.test")
	if out := h.works("show c/server-cert.pem c/ca.pem c/crl.pem c/server-key.pem"); !strings.Contains(out, "late.test") ||
		!strings.Contains(out, "use               authority") || strings.Count(out, "since ") != 2 ||
		!strings.Contains(out, "without a passphrase") {
		t.Errorf("%s", out)
	}
	os.Remove(h.path("c/ca-key.pem"))
	for _, line := range []string{"init", "client zoe", "renew", "revoke client"} {
		h.refuses(line, "ca-key.pem")
	}
	h.works("list")
}

// TestBundle: one file has all that `docker context import` takes, and nothing is taken from the folder it goes to.
func TestBundle(t *testing.T) {
	h := newHome(t)
	h.works("init")
	// Somebody else's leftovers in a folder of everybody's.
	if err := errors.Join(os.MkdirAll(h.path("out/.certs-ready"), 0o700),
		os.WriteFile(h.path("out/.certs-ready/planted"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	h.works("client anna --bundle out/anna.tar --host tcp://h:1 --description words")
	if _, err := os.Stat(h.path("out/planted")); err == nil {
		t.Error("what somebody else left was put in place")
	}
	h.refuses("client anna --bundle out/anna.tar", "nothing was written")
	f, err := os.Open(h.path("out/anna.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Mode() != 0o400 {
		t.Errorf("others may read the key: %v, %v", st.Mode(), err)
	}
	got := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got[e.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	var meta struct {
		Name      string
		Metadata  struct{ Description string }
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(got["meta.json"], &meta); err != nil || meta.Name != "anna" ||
		meta.Metadata.Description != "words" ||
		meta.Endpoints["docker"].Host != "tcp://h:1" || meta.Endpoints["docker"].SkipTLSVerify {
		t.Errorf("%s %v", got["meta.json"], err)
	}
	ca, _ := os.ReadFile(h.path("c/ca.pem"))
	leaf, err := certs.ParseCertificates(got["tls/docker/cert.pem"])
	if err != nil || len(leaf) != 1 || certs.Name(leaf[0]) != "anna" || !bytes.Equal(got["tls/docker/ca.pem"], ca) ||
		len(got["tls/docker/key.pem"]) == 0 {
		t.Errorf("%v %v", leaf, err)
	}
	if out := h.works("list"); !strings.Contains(out, "anna") {
		t.Errorf("it cannot be taken back:\n%s", out)
	}
}

// TestHandedOut: a pair in a folder of its own comes with the authority's certificate and without its key.
func TestHandedOut(t *testing.T) {
	h := newHome(t)
	h.works("init")
	h.works("server --out there --host far.test --key ed25519")
	entries, err := os.ReadDir(h.path("there"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"ca.pem", "server-cert.pem", "server-key.pem"}) {
		t.Errorf("%q", names)
	}
	h.refuses("server --out there", "nothing was written")
	h.works("revoke there/server-cert.pem")
	other := newHome(t)
	other.works("init")
	raw, _ := os.ReadFile(other.path("c/cert.pem"))
	if err := os.WriteFile(h.path("foreign.pem"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	h.refuses("revoke foreign.pem", "only its own authority can revoke it")
	h.refuses("revoke client foreign.pem", "only its own authority can revoke it")
}

// TestPassphraseSources: where the passphrase of a key comes from, and what is none.
func TestPassphraseSources(t *testing.T) {
	h := newHome(t)
	h.vars["WORD"] = "secret"
	for name, text := range map[string]string{"word": "secret\nmore\n", "windows": "secret\r\n", "bare": "secret",
		"empty": "", "wrong": "x\n"} {
		if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.refuses("init --passphrase=env:NONE", "the variable NONE is not set")
	h.refuses("init --passphrase=file:none", "no such file")
	h.refuses("init --passphrase=file:empty", "the passphrase is empty")
	h.refuses("init --passphrase=secret", "=file:PATH, or =env:NAME")
	h.refuses("init --passphrase", "=file:PATH or =env:NAME")
	h.works("init --passphrase=env:WORD")
	h.refuses("client a", "the key has a passphrase")
	h.refuses("client a --passphrase=file:wrong", "and this is not it")
	for i, source := range []string{"env:WORD", "file:word", "file:windows", "file:bare"} {
		h.works(fmt.Sprintf("client c%d --passphrase=%s", i, source))
	}
	if out := h.works("show c/ca-key.pem"); !strings.Contains(out, "a key with a passphrase") {
		t.Errorf("%s", out)
	}
}

// TestShowRefuses: what is no certificate says so with its file.
func TestShowRefuses(t *testing.T) {
	h := newHome(t)
	pem := func(kind string) string { return "-----BEGIN " + kind + "-----\neA==\n-----END " + kind + "-----\n" }
	for name, row := range map[string]struct{ text, says string }{
		"text": {"x", "no certificate, key or list"}, "empty": {"", "no certificate"},
		"cert": {pem("CERTIFICATE"), "cert: x509"}, "list": {pem("X509 CRL"), "list: x509"},
	} {
		if err := os.WriteFile(h.path(name), []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.refuses("show "+name, row.says)
	}
	if err := os.WriteFile(h.path("request"), []byte(pem("CERTIFICATE REQUEST")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := h.works("show request"); !strings.Contains(out, "certificate request") {
		t.Errorf("%s", out)
	}
	h.refuses("show none", "no such file")
	h.refuses("status", "there is no authority")
	h.refuses("list", "there is no authority")
}

// TestServe: a daemon's settings keep all that they had, and a file that cannot be read is left alone.
func TestServe(t *testing.T) {
	h := newHome(t)
	config := h.path("etc/daemon.json")
	line := "init --serve --config-file etc/daemon.json"
	if out := h.works(line); !strings.Contains(out, "box dockerd --config-file "+config) {
		t.Errorf("%s", out)
	}
	first, err := os.ReadFile(config)
	if err != nil || !strings.Contains(string(first), h.path("c/server-key.pem")) {
		t.Fatalf("%s %v", first, err)
	}
	if err := os.Chmod(config, 0o600); err != nil {
		t.Fatal(err)
	}
	h.works(line) // all is there, and the settings are too
	again, err := os.ReadFile(config)
	st, _ := os.Stat(config)
	if err != nil || !bytes.Equal(first, again) || st.Mode() != 0o600 {
		t.Errorf("%s, %v, %v", again, st.Mode(), err)
	}
	for text, says := range map[string]string{"[]": "not a JSON object", `{"hosts":1}`: "hosts",
		`{"a":1,"a":2}`: "the key a is given twice", `{"a":1} x`: "", "{": "EOF"} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.refuses(line, says)
	}
}

// TestClockWarning: a machine whose clock is before this program says so before it makes anything.
func TestClockWarning(t *testing.T) {
	h := newHome(t)
	h.now = func() time.Time { return time.Unix(100, 0) }
	if r := h.box("init"); r.err != nil || !strings.Contains(r.warned, "WARNING: the clock of this machine is wrong") {
		t.Errorf("%q %v", r.warned, r.err)
	}
}

// TestStates: what a listing says of a certificate at a time.
func TestStates(t *testing.T) {
	h := newHome(t)
	h.works("init --life 30d")
	for days, says := range map[int]string{-2: "not yet valid", 0: "good", 31: "ended"} {
		h.now = func() time.Time { return time.Now().Add(time.Duration(days) * 24 * time.Hour) }
		if out := h.works("list"); strings.Count(out, says) != 2 {
			t.Errorf("in %d days:\n%s", days, out)
		}
	}
}

func TestLife(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "0d": 0, "100000d": 100_000 * 24 * time.Hour,
		"1h30m": 90 * time.Minute,
		"":      -1, "d": -1, "-1d": -1, "1.5d": -1, "100001d": -1, "99999999999999999999d": -1, "01d": -1, "1d2h": -1,
		" 1d": -1,
		"-5h": -1, "x": -1,
	} {
		var l life
		err := l.UnmarshalText([]byte(text))
		if want < 0 && err == nil || want >= 0 && (err != nil || time.Duration(l) != want) {
			t.Errorf("%q: %v, %v", text, time.Duration(l), err)
		}
	}
}

// TestRun: the command without a command tells what there is, and one that is nearly right is named.
func TestRun(t *testing.T) {
	for line, says := range map[string]string{"": "Commands:", "help": "box certs init", "init --help": "--host"} {
		var out bytes.Buffer
		err := run(context.Background(),
			&cmd.Env{Args: strings.Fields(line), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" },
				Dir: t.TempDir()})
		if err != nil || !strings.Contains(out.String(), says) {
			t.Errorf("%q: %v\n%s", line, err, out.String())
		}
	}
	err := run(context.Background(), &cmd.Env{Args: []string{"revok"}, Getenv: func(string) string { return "" }})
	if err == nil || !strings.Contains(err.Error(), "Did you mean: box certs revoke") {
		t.Error(err)
	}
}
