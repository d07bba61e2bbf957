package apparmor

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standIn is a host with these files, and a parser that loads what it reads by adding it to the list of profiles.
func standIn(t *testing.T, files map[string]string) Host {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return Host{Root: root, Parser: filepath.Join(root, "parser")}
}

const (
	enabled  = "sys/module/apparmor/parameters/enabled"
	profiles = "sys/kernel/security/apparmor/profiles"
	loads    = `#!/bin/sh
[ "$*" = -Kr ] || exit 3
cat >"${0%/*}/text"
sed -n 's/^profile \(.*\) flags.*/\1 (enforce)/p' "${0%/*}/text" >>"${0%/*}/` + profiles + `"
`
)

func TestEnsure(t *testing.T) {
	for _, c := range []struct {
		what   string
		files  map[string]string
		err    string
		loaded bool // by us
	}{
		{what: "no AppArmor", files: map[string]string{}},
		{what: "switched off", files: map[string]string{enabled: "N\n"}},
		{what: "loaded", files: map[string]string{enabled: "Y\n", profiles: "x (enforce)\ndocker-default (enforce)\n"}},
		{what: "loadable", files: map[string]string{enabled: "Y\n",
			profiles: "docker-default-2 (enforce)\nnot docker-default (enforce)\n", "parser": loads}, loaded: true},
		{what: "no parser", files: map[string]string{enabled: "Y\n", profiles: ""}, err: "no such file"},
		{what: "parser that fails", files: map[string]string{enabled: "Y\n", profiles: "",
			"parser": "#!/bin/sh\necho bad line >&2; exit 1\n"}, err: "exit status 1: bad line"},
		{what: "no list", files: map[string]string{enabled: "Y\n", "parser": loads}, err: "list of AppArmor profiles"},
	} {
		h := standIn(t, c.files)
		err := h.Ensure(context.Background())
		if c.err == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v; want %q", c.what, err, c.err)
		}
		text, _ := os.ReadFile(h.path("text"))
		if c.loaded != (len(text) > 0) {
			t.Errorf("%s: the parser reads %q", c.what, text)
		}
		if is, err := h.Loaded(Default); c.loaded && (!is || err != nil) {
			t.Errorf("%s: loaded %v, %v", c.what, is, err)
		}
	}
}

// TestProfile: the host's parser takes the text, with and without what distributions give to all profiles.
func TestProfile(t *testing.T) {
	parser, err := Host{}.parser()
	if err != nil {
		t.Skip("no apparmor_parser")
	}
	for _, h := range []Host{{}, {Root: t.TempDir()}} {
		check := exec.Command(parser, "-Q", "-K")
		check.Stdin = strings.NewReader(h.profile())
		if said, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, said, h.profile())
		}
	}
}
