package container

import (
	"os"
	"path/filepath"
	"testing"

	"box/netapi/wire"
)

// TestRemoteLanding: where in a container a copy goes, and under which name.
func TestRemoteLanding(t *testing.T) {
	folder, file := wire.PathStat{Mode: os.ModeDir | 0o755}, wire.PathStat{Mode: 0o644}
	for _, row := range []struct {
		to                     string
		exists                 bool
		stat                   wire.PathStat
		isDir, content         bool
		wantDir, name, refused string
	}{
		{"/data", true, folder, false, false, "/data", "f", ""},
		{"/data/", true, folder, true, false, "/data", "f", ""},
		{"/data", true, folder, true, true, "/data", ".", ""},
		{"/etc/x", true, file, false, false, "/etc", "x", ""},
		{"/etc/new", false, wire.PathStat{}, false, false, "/etc", "new", ""},
		{"rel/../new", false, wire.PathStat{}, true, false, "/", "new", ""},
		{"../../up", false, wire.PathStat{}, false, false, "/", "up", ""},
		{"/new/", false, wire.PathStat{}, true, false, "/", "new", ""},
		{"/new/", false, wire.PathStat{}, false, false, "", "", "no such directory"},
		{"/etc/x/", true, file, false, false, "", "", "not a directory"},
		{"/etc/x", true, file, true, false, "", "", "cannot copy directory"},
	} {
		dir, name, err := remoteLanding(row.to, row.exists, row.stat, row.isDir, row.content, "f")
		if refused := errText(err); dir != row.wantDir || name != row.name || refused != row.refused {
			t.Errorf("%+v: %q, %q, %q", row, dir, name, refused)
		}
	}
}

// TestLanding: where on this host a copy goes, and what becomes of the names of a tar whose first is base.
func TestLanding(t *testing.T) {
	here := t.TempDir()
	file := filepath.Join(here, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(here, "new")
	for _, row := range []struct {
		to                    string
		slash, isDir, content bool
		name                  string
		in, out, dir, refused string
	}{
		{here, false, true, false, "", "base/a", "base/a", here, ""},
		{here, false, true, true, "", "base/a", "a", here, ""},
		{missing, false, true, false, "", "base/a", "new/a", here, ""},
		{missing, true, true, false, "", "base", "new", here, ""},
		{missing, false, true, false, "", "based/a", "based/a", here, ""},
		{missing, false, true, false, ".", "a", "new/a", here, ""},
		{file, false, false, false, "", "base", "file", here, ""},
		{file, true, false, false, "", "", "", "", "not a directory"},
		{file, false, true, false, "", "", "", "", "cannot copy directory"},
		{missing, true, false, false, "", "", "", "", "no such directory"},
		{filepath.Join(missing, "deep"), false, false, false, "", "", "", "",
			`invalid output path: directory "` + missing + `" does not exist`},
	} {
		dir, rename, err := landing(row.to, row.slash, "base", row.name, row.isDir, row.content)
		if dir != row.dir || errText(err) != row.refused {
			t.Errorf("%+v: %q, %v", row, dir, err)
		} else if err == nil && rename(row.in) != row.out {
			t.Errorf("%+v: %q", row, rename(row.in))
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
