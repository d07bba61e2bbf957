package mount

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		in   string
		want Parsed
	}{
		{"", Parsed{}},
		{"ro,nosuid,rw", Parsed{Flags: unix.MS_NOSUID}},
		{"rbind,rslave", Parsed{Flags: unix.MS_BIND | unix.MS_REC, Propagation: unix.MS_SLAVE | unix.MS_REC}},
		{"lowerdir=a:b,noatime,index=off", Parsed{Flags: unix.MS_NOATIME, Data: "lowerdir=a:b,index=off"}},
	} {
		if got := Parse(strings.Split(row.in, ",")); got != row.want {
			t.Errorf("%q: %+v, want %+v", row.in, got, row.want)
		}
	}
}

// TestOn: a folder beside a mount whose name begins like its is not on it, and the last of two mounts counts.
func TestOn(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	at := filepath.Join(dir, "a b")
	for _, name := range []string{at, at + "c", filepath.Join(at, "d")} {
		if err := os.MkdirAll(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range []string{"below", "above"} {
		if err := unix.Mount(source, at, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(at, 0)
	}
	for path, want := range map[string]string{at: "above", at + "/d": "above", at + "c": ""} {
		on, err := On(path)
		if err != nil || want != "" && (on.Source != want || on.Mountpoint != at) || want == "" && on.Mountpoint == at {
			t.Errorf("%s is on %+v, %v", path, on, err)
		}
	}
}

func TestAllAndUndo(t *testing.T) {
	needRoot(t)
	a, b := t.TempDir(), t.TempDir()
	err := All([]Mount{{Type: "tmpfs", Source: "tmpfs", Target: a, Options: []string{"size=64k", "nodev"}},
		{Type: "nosuchfs", Source: "x", Target: b}})
	if err == nil || !strings.Contains(err.Error(), "nosuchfs") {
		t.Fatal(err)
	}
	if on, err := Mounted(a); on || err != nil {
		t.Fatal("the first mount was not undone", on, err)
	}
}

func TestMountedSeesBinds(t *testing.T) {
	needRoot(t)
	a, b := t.TempDir(), filepath.Join(t.TempDir(), "with space")
	if err := os.Mkdir(b, 0o700); err != nil {
		t.Fatal(err)
	}
	if on, err := Mounted(b); on || err != nil {
		t.Fatal(on, err)
	}
	if err := All([]Mount{{Type: "bind", Source: a, Target: b, Options: []string{"ro"}}}); err != nil {
		t.Fatal(err)
	}
	defer Unmount(b)
	if on, err := Mounted(b); !on || err != nil {
		t.Fatal(on, err)
	}
	if err := os.WriteFile(filepath.Join(b, "f"), nil, 0o600); err == nil {
		t.Error("a read-only bind was written to")
	}
	for range 2 {
		if err := Unmount(b); err != nil {
			t.Fatal(err)
		}
	}
	if on, err := Mounted(b); on || err != nil {
		t.Fatal(on, err)
	}
}

func TestRelativeOverlay(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	for _, name := range []string{"low", "up", "work", "m"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	m := Mount{Type: "overlay", Source: "overlay", Target: filepath.Join(dir, "m"), Dir: dir,
		Options: []string{"lowerdir=low", "upperdir=up", "workdir=work"}}
	if err := All([]Mount{m}); err != nil {
		t.Fatal(err)
	}
	defer Unmount(m.Target)
	if err := os.WriteFile(filepath.Join(m.Target, "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "up", "f")); err != nil {
		t.Error(err)
	}
	if after, err := os.Getwd(); after != before || err != nil {
		t.Error("the working folder moved", after, err)
	}
}

func TestLongOptionsAreRefused(t *testing.T) {
	err := All([]Mount{{Type: "overlay", Target: t.TempDir(),
		Options: []string{"lowerdir=" + strings.Repeat("x", os.Getpagesize())}}})
	if err == nil || !strings.Contains(err.Error(), "do not fit a page") {
		t.Fatal(err)
	}
}
