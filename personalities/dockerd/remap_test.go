package dockerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files are accounts with the given contents; "-" is a file that is missing.
func files(t *testing.T, subuid, subgid string) accounts {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if text != "-" {
			if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	return accounts{
		passwd: write("passwd", "root:x:0:0::/:\njoe:x:7:8::/:\n77:x:9:9::/:\n"),
		group:  write("group", "root:x:0:\njoes:x:8:\n77:x:5:\n"),
		subuid: write("subuid", subuid), subgid: write("subgid", subgid),
	}
}

func TestFindRemap(t *testing.T) {
	for _, row := range []struct{ value, name, problem string }{
		{"joe:joes", "joe", ""}, {"7:8", "joe", ""}, {"7:joes", "joe", ""}, {"77", "77", ""},
		{"root", "root", "gid lookup"},
		{"joe", "", "gid lookup for \"joe\""}, {"7", "", "gid 7"}, {"12", "", "uid 12"},
		{"ann", "", "uid lookup for \"ann\""},
		{"", "", "invalid"}, {":", "", "invalid"}, {"joe:", "", "invalid"}, {":joes", "", "invalid"},
		{"joe:joes:x", "", "invalid"},
		{"joe:9", "", "gid 9"}, {"default", "dockremap", ""}, {"-7", "", "uid"}, {"99999999999", "", "lookup"},
	} {
		name, err := files(t, "", "").find(row.value)
		if row.value == "root" { // the group root is there
			if name != "root" || err != nil {
				t.Errorf("root: %q, %v", name, err)
			}
			continue
		}
		if row.problem == "" && (err != nil || name != row.name) || row.problem != "" &&
			(err == nil || !strings.Contains(err.Error(), row.problem)) {
			t.Errorf("%q: %q, %v", row.value, name, err)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, row := range []struct {
		subuid string
		sizes  []int
	}{
		{"joe:100:10\n", []int{10}}, {"ann:1:5\n7:100:10\njoe:200:20", []int{10, 20}},
		{"# text\njoe:100:10:more\n", []int{10}},
		{"-", nil}, {"", nil}, {"ann:100:10\n", nil}, {"joe:0:10\n", nil}, {"joe:100:0\n", nil}, {"joe:-5:10\n", nil},
		{"joe:100:-10\n", nil},
		{"joe:4294967295:10\n", nil}, {"joe:9999999999999999999:10\n", nil}, {"joe\n", nil}, {"joe:x:y\n", nil},
		{strings.Repeat("joe:100:10\n", 341), nil},
	} {
		ids, err := files(t, row.subuid, "joe:5:5\n").ranges("joe")
		if (err == nil) != (row.sizes != nil) {
			t.Errorf("%.40q: %v", row.subuid, err)
			continue
		}
		next := 0
		for i, size := range row.sizes {
			if got := ids.UIDs[i]; got.Size != size || got.Container != next {
				t.Errorf("%.40q: %+v", row.subuid, ids)
			}
			next += size
		}
	}
}

func TestMakeRanges(t *testing.T) {
	for _, row := range []struct{ before, after string }{
		{"-", "dockremap:100000:65536\n"}, {"", "dockremap:100000:65536\n"},
		{"joe:5:10", "joe:5:10\ndockremap:100000:65536\n"},
		{"joe:100000:65536\n", "joe:100000:65536\ndockremap:165536:65536\n"}, {"dockremap:7:8\n", "dockremap:7:8\n"},
	} {
		a := files(t, row.before, row.before)
		for range 2 {
			if err := a.makeRanges(); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []string{a.subuid, a.subgid} {
			if raw, err := os.ReadFile(p); err != nil || string(raw) != row.after {
				t.Errorf("%q: %q, %v", row.before, raw, err)
			}
		}
	}
	a := files(t, "", "")
	a.subuid = "/proc/subuid"
	if err := a.makeRanges(); err == nil ||
		!strings.Contains(err.Error(), "add a line dockremap:100000:65536 to /proc/subuid") {
		t.Error(err)
	}
}
