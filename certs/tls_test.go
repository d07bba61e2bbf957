package certs

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestServerTLSRefuses: a daemon does not start with files that let nobody in, or anybody; the error names the file.
func TestServerTLSRefuses(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	_, other := makeAll(t, time.Now)
	client := must1(a.Client(Leaf{Name: "c", Life: LeafLife}))(t)
	foreign := must1(other.NewList())(t)
	secret := must1(encodeKey(must1(newKey("ecdsa"))(t), []byte("x")))(t)
	for name, row := range map[string]struct {
		file   string
		data   []byte // nil: the file is gone
		verify bool
		says   string // "" for a daemon that starts
	}{
		"all well":                  {ServerFile, []byte("keep"), true, ""},
		"no certificate":            {ServerFile, nil, false, "read the certificate"},
		"no key":                    {ServerKeyFile, nil, false, "read the key"},
		"a key under a passphrase":  {ServerKeyFile, secret, false, "openssl pkey -in"},
		"the key of another":        {ServerKeyFile, client.Key, false, "does not match"},
		"a client's certificate":    {ServerFile, client.Cert, false, "does not match"},
		"rubbish":                   {ServerFile, []byte("rubbish"), false, ServerFile},
		"no authority":              {CAFile, nil, true, "read the authority's certificate"},
		"no authority, none wanted": {CAFile, nil, false, ""},
		"a key as authority":        {CAFile, client.Key, true, "holds no certificate"},
		"a list of another":         {RevokedFile, foreign.Data, true, "not signed by an authority that is trusted here"},
		"a list of another, unread": {RevokedFile, foreign.Data, false, ""},
		"a list of nothing":         {RevokedFile, []byte{}, true, "no list of revoked certificates"},
		"a list without end":        {RevokedFile, make([]byte, maxFile+1), true, "has more than"},
	} {
		path := filepath.Join(folder, row.file)
		was, err := os.ReadFile(path)
		there := err == nil
		if row.data == nil {
			must(t, os.Remove(path))
		} else if string(row.data) != "keep" {
			_ = os.Remove(path) // it may not be there, and is read-only
			must(t, os.WriteFile(path, row.data, 0o600))
		}
		_, err = ServerTLS(serverFiles(folder), row.verify, nil)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: %v", name, err)
		}
		_ = os.Remove(path)
		if there {
			must(t, os.WriteFile(path, was, 0o600))
		}
	}
	must(t, Write(folder, true, PairFiles(client, ServerFile, ServerKeyFile)))
	if _, err := ServerTLS(serverFiles(folder), false, nil); err == nil ||
		!strings.Contains(err.Error(), "is for clients") {
		t.Errorf("a client's pair: %v", err)
	}
}

// TestServerKeepsTheOld: files that become unreadable while a daemon runs leave the ones in force that were good, and a
// list that goes away gives nobody back what was taken; good ones are taken up again. Each is told once.
func TestServerKeepsTheOld(t *testing.T) {
	folder, a := makeAll(t, time.Now)
	var told []string
	s, err := ServerTLS(serverFiles(folder), true, func(text string, err error) {
		if err != nil {
			text += ": " + err.Error()
		}
		told = append(told, text)
	})
	must(t, err)
	good := must1(a.Client(Leaf{Name: "good", Life: LeafLife}))(t).Certificate
	bad := must1(a.Client(Leaf{Name: "bad", Life: LeafLife}))(t).Certificate
	admits := func(c *x509.Certificate) bool { return s.Admit([]*x509.Certificate{c}) == nil }
	expect := func(when, says string, goodIn, badIn bool) {
		t.Helper()
		told = nil
		if admits(good) != goodIn || admits(bad) != badIn {
			t.Errorf("%s: good comes in %v, bad %v", when, admits(good), admits(bad))
		}
		if says == "" && len(told) > 0 || says != "" && (len(told) != 1 || !strings.Contains(told[0], says)) {
			t.Errorf("%s it was told %q", when, told)
		}
	}
	list := filepath.Join(folder, RevokedFile)
	expect("at first", "", true, true)
	must(t, Write(folder, true, []File{must1(a.Revoke(bad.SerialNumber))(t)}))
	expect("with a list", "are in force", true, false)
	must(t, os.Rename(list, list+".away"))
	expect("without it", "is gone: what it revoked stays revoked", true, false)
	must(t, os.WriteFile(list, []byte("rubbish"), 0o600))
	expect("with rubbish", "are refused", true, false)
	must(t, os.Rename(list+".away", list))
	expect("with it again", "are in force", true, false)
	ca := filepath.Join(folder, CAFile)
	must(t, os.Rename(ca, ca+".away"))
	expect("without an authority", "are refused", true, false)
	expect("still without", "", true, false)
	must(t, os.Rename(ca+".away", ca))
	expect("with the authority again", "are in force", true, false)
	if err := s.Admit(nil); err == nil || !strings.Contains(err.Error(), "shows no certificate") {
		t.Errorf("a client without a certificate: %v", err)
	}
}

// TestAdmit: who comes in was signed by the authority, for clients, and not for another time.
func TestAdmit(t *testing.T) {
	clock := time.Now()
	folder, a := makeAll(t, time.Now)
	_, other := makeAll(t, time.Now)
	s, err := ServerTLS(serverFiles(folder), true, nil)
	must(t, err)
	s.now = func() time.Time { return clock }
	leaf := func(by *Authority, l Leaf, server bool) *x509.Certificate {
		if l.Life == 0 {
			l.Life = LeafLife
		}
		if server {
			return must1(by.Server(l))(t).Certificate
		}
		return must1(by.Client(l))(t).Certificate
	}
	short := leaf(a, Leaf{Name: "short", Life: time.Hour}, false)
	for name, row := range map[string]struct {
		chain []*x509.Certificate
		ok    bool
	}{
		"a client":              {[]*x509.Certificate{leaf(a, Leaf{Name: "a"}, false)}, true},
		"a client of rsa":       {[]*x509.Certificate{leaf(a, Leaf{Name: "a", Algorithm: "ed25519"}, false)}, true},
		"with its authority":    {[]*x509.Certificate{leaf(a, Leaf{Name: "a"}, false), a.Certificate}, true},
		"another's client":      {[]*x509.Certificate{leaf(other, Leaf{Name: "a"}, false)}, false},
		"with another's too":    {[]*x509.Certificate{leaf(other, Leaf{Name: "a"}, false), other.Certificate}, false},
		"a server":              {[]*x509.Certificate{leaf(a, Leaf{Name: "a", Hosts: []string{"h"}}, true)}, false},
		"the authority itself":  {[]*x509.Certificate{a.Certificate}, true},
		"one of another order":  {[]*x509.Certificate{other.Certificate, leaf(a, Leaf{Name: "a"}, false)}, false},
		"one that is short now": {[]*x509.Certificate{short}, true},
	} {
		if err := s.Admit(row.chain); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	clock = clock.Add(2 * time.Hour)
	if err := s.Admit([]*x509.Certificate{short}); err == nil || !strings.Contains(err.Error(), `"short" ended`) {
		t.Errorf("a verdict outlives the certificate: %v", err)
	}
	open, err := ServerTLS(serverFiles(folder), false, nil)
	must(t, err, open.Admit(nil), open.Admit([]*x509.Certificate{other.Certificate}))
}

// TestClientTLS: what a client's folder may lack, and what it may not be.
func TestClientTLS(t *testing.T) {
	folder, _ := makeAll(t, time.Now)
	raw := must1(os.ReadFile(filepath.Join(folder, ClientFile)))(t)
	for name, row := range map[string]struct {
		file   string
		data   []byte // nil: the file is gone
		verify bool
		says   string
		pair   bool
		roots  bool
	}{
		"all there":             {"x", []byte("x"), true, "", true, true},
		"not verified":          {"x", []byte("x"), false, "", true, false},
		"no authority":          {CAFile, nil, true, "", true, false},
		"rubbish of authority":  {CAFile, []byte("x"), true, "holds no certificate", false, false},
		"rubbish, not verified": {CAFile, []byte("x"), false, "", true, false},
		"no certificate":        {ClientFile, nil, true, "", false, true},
		"no key":                {ClientKeyFile, nil, true, "", false, true},
		"rubbish of a key":      {ClientKeyFile, []byte("x"), true, ClientKeyFile, false, false},
		"a certificate as key":  {ClientKeyFile, raw, true, ClientKeyFile, false, false},
	} {
		dir := t.TempDir()
		for _, f := range []string{CAFile, ClientFile, ClientKeyFile} {
			must(t, os.WriteFile(filepath.Join(dir, f), must1(os.ReadFile(filepath.Join(folder, f)))(t), 0o600))
		}
		if row.data == nil {
			must(t, os.Remove(filepath.Join(dir, row.file)))
		} else {
			must(t, os.WriteFile(filepath.Join(dir, row.file), row.data, 0o600))
		}
		c, err := ClientTLS(In(dir), row.verify)
		if row.says != "" {
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || c.InsecureSkipVerify == row.verify || (c.GetClientCertificate != nil) != row.pair ||
			(c.RootCAs != nil) != row.roots {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
}

// TestWriteRefuses: what is in the way of a file is left alone, and nothing is half written.
func TestWriteRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		there func(folder string) error
		files []File
		says  string
	}{
		"a folder": {func(f string) error { return os.Mkdir(filepath.Join(f, "b"), 0o700) },
			[]File{{"a", 0o444, nil}, {"b", 0o444, nil}}, "is not a regular file and is left alone"},
		"a link": {func(f string) error { return os.Symlink("/etc/passwd", filepath.Join(f, "b")) },
			[]File{{"a", 0o444, nil}, {"b", 0o444, nil}}, "is not a regular file and is left alone"},
		"a file as folder": {func(f string) error { return os.WriteFile(filepath.Join(f, "b"), []byte("x"), 0o600) },
			[]File{{"a", 0o444, nil}, {"b/c", 0o444, nil}}, "b is no folder"},
		"a file far up": {func(f string) error { return os.WriteFile(filepath.Join(f, "b"), []byte("x"), 0o600) },
			[]File{{"a", 0o444, nil}, {"b/c/d", 0o444, nil}}, "b is no folder"},
		"another disk": {func(f string) error { return os.Symlink("/proc", filepath.Join(f, "b")) },
			[]File{{"a", 0o444, nil}, {"b/c", 0o444, nil}}, "on another file system"},
		"the same twice": {func(string) error { return nil }, []File{{"a", 0o444, nil}, {"a", 0o444, nil}}, "file exists"},
	} {
		folder := t.TempDir()
		must(t, row.there(folder))
		err := Write(folder, true, row.files)
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", name, err)
		}
		left, _ := os.ReadDir(folder)
		for _, e := range left {
			if e.Name() == "a" || e.Name() == making {
				t.Errorf("%s: %s is left", name, e.Name())
			}
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := Write(file, true, []File{{"a", 0o444, nil}}); err == nil {
		t.Error("a file is no folder")
	}
	if err := Settle(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error("nothing to settle:", err)
	}
}

// TestWriteModes: keys are for their owner alone from the first moment, whatever umask says.
func TestWriteModes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "certs")
	must(t, Write(folder, false, []File{{"clients/a/key.pem", modeOfKey, []byte("k")},
		{"ca.pem", modeOfPublic, []byte("c")}}))
	for path, mode := range map[string]os.FileMode{"": os.ModeDir | 0o700, "clients": os.ModeDir | 0o700,
		"clients/a": os.ModeDir | 0o700, "clients/a/key.pem": 0o400, "ca.pem": 0o444} {
		if st, err := os.Stat(filepath.Join(folder, path)); err != nil || st.Mode() != mode {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
	names, err := os.ReadDir(folder)
	must(t, err)
	if len(names) != 2 || !slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == "ca.pem" }) {
		t.Error(errors.Join(err), names)
	}
}
