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

func TestReadTable(t *testing.T) {
	const text = `36 35 98:0 /mnt1 /mnt\040two rw,noatime master:1 shared:2 - ext3 /dev/root\134x rw,errors=continue
40 35 0:5 / /x rw - overlay overlay rw,lowerdir=a b
`
	all, err := ReadTable(strings.NewReader(text))
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	e := all[0]
	if e.ID != 36 || e.Point != "/mnt two" || e.Source != `/dev/root\x` || len(e.Optional) != 2 || e.Super != "rw,errors=continue" {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{"x", "1 2 3 4 5 6 7", "a b 0:5 / /x rw - t s o"} {
		if _, err := ReadTable(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
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
	err := All([]Mount{{Type: "overlay", Target: t.TempDir(), Options: []string{"lowerdir=" + strings.Repeat("x", os.Getpagesize())}}})
	if err == nil || !strings.Contains(err.Error(), "do not fit a page") {
		t.Fatal(err)
	}
}
