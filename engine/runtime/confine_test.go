package runtime

import (
	"box/engine/runtime/runtimetest"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestConfine checks that AppArmor's own file is used if it exists, and that the keyring's label is set before the
// ring is made and reset afterwards. Files in a folder stand in for /proc, since this kernel may have neither module.
func TestConfine(t *testing.T) {
	const own, common, ring = "self/attr/apparmor/exec", "self/attr/exec", "self/attr/keycreate"
	for _, c := range []struct {
		what  string
		p     specs.Process
		files []string
		want  map[string]string
		err   bool
	}{
		{what: "nothing", files: []string{own, common, ring}, want: map[string]string{own: "", common: "", ring: ""}},
		{what: "profile", p: specs.Process{ApparmorProfile: "docker-default"}, files: []string{own, common},
			want: map[string]string{own: "exec docker-default", common: ""}},
		{what: "profile, before Linux 5.8", p: specs.Process{ApparmorProfile: "mine"}, files: []string{common},
			want: map[string]string{common: "exec mine"}},
		{what: "label", p: specs.Process{SelinuxLabel: "a:b:c"}, files: []string{own, common, ring},
			want: map[string]string{own: "", common: "a:b:c", ring: "a:b:c"}},
		{what: "both", p: specs.Process{SelinuxLabel: "a:b:c", ApparmorProfile: "p"}, files: []string{own, common, ring},
			want: map[string]string{own: "exec p", common: "a:b:c", ring: "a:b:c"}},
		{what: "no file", p: specs.Process{ApparmorProfile: "p"}, err: true},
	} {
		dir := t.TempDir()
		for _, f := range append(c.files, "self/attr/none") {
			f = filepath.Join(dir, f)
			if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		st := &starting{steps: newPlan(t), c: &container{id: "confined"}, process: &c.p}
		st.proc = st.open("open the stand-in", unix.SYS_OPENAT, current, cstring(dir),
			value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
		st.keyring(false)
		st.confine(&c.p, st.proc)
		st.last("/bin/true", "true")
		pid, err := st.start(0, -1)
		if (err != nil) != c.err {
			t.Errorf("%s: %v", c.what, err)
		}
		if err != nil {
			continue
		}
		runtimetest.Ended(t, pid)
		for f, want := range c.want {
			if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || string(got) != want {
				t.Errorf("%s: %s has %q, %v; want %q", c.what, f, got, err, want)
			}
		}
		order(t, st, c.p.SelinuxLabel)
	}
}

// order fails unless the keyring is joined between two writes, of its label and of none.
func order(t *testing.T, st *starting, label string) {
	t.Helper()
	var lengths []any
	for i := range st.list {
		switch s := &st.list[i]; s.nr {
		case unix.SYS_KEYCTL:
			lengths = append(lengths, "ring")
		case unix.SYS_WRITE:
			lengths = append(lengths, s.args[2])
		}
	}
	if label != "" && (len(lengths) < 3 || lengths[0] != value(len(label)) || lengths[1] != "ring" ||
		lengths[2] != value(0)) {
		t.Errorf("the ring is labelled %v", lengths)
	}
}
