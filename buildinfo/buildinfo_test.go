package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	for _, row := range []struct {
		revision, time     string
		commit, date, text string
	}{
		{"0123456789abcdef", "2026-11-30T01:02:03+09:00", "0123456", "2026-11-29T16:02:03Z", "commit 0123456 of 2026-11-29"},
		{"0123", "2026-11-30T01:02:03Z", "0123", "2026-11-30T01:02:03Z", "commit 0123 of 2026-11-30"},
		{"", "", "", "", "of unknown commit"},
	} {
		b := of(&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: row.revision},
			{Key: "vcs.time", Value: row.time}}})
		if b.Commit != row.commit || b.Date() != row.date || b.String() != row.text {
			t.Errorf("%q at %q: %q, %q, %q", row.revision, row.time, b.Commit, b.Date(), b)
		}
	}
	if _, err := ReadFile("buildinfo_test.go"); err == nil {
		t.Error("a file that is no program was built from something")
	}
}
