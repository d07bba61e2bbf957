package engine

import (
	"testing"
)

func TestRooted(t *testing.T) {
	for _, row := range []struct{ path, rooted, base string }{
		{"/", "/", "/"}, {".", "/.", "."}, {"a", "/a", "a"}, {"/a/", "/a/", "a"}, {"/a/.", "/a/.", "."},
		{"a/../b//c", "/b/c", "c"},
		{"../../etc", "/etc", "etc"}, {"/a/..", "/", "/"}, {"//", "/", "/"}, {"./", "/.", "."},
	} {
		if got := rooted(row.path); got != row.rooted || baseOf(got) != row.base {
			t.Errorf("%q: %q, %q; want %q, %q", row.path, got, baseOf(got), row.rooted, row.base)
		}
	}
}
