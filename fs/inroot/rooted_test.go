package inroot

import "testing"

// TestRooted: what ends in a slash or a dot means a folder, and still does.
func TestRooted(t *testing.T) {
	for _, row := range []struct{ path, rooted, base string }{
		{"/", "/", "/"}, {".", "/.", "."}, {"a", "/a", "a"}, {"/a/", "/a/", "a"}, {"/a/.", "/a/.", "."},
		{"a/../b//c", "/b/c", "c"},
		{"../../etc", "/etc", "etc"}, {"/a/..", "/", "/"}, {"//", "/", "/"}, {"./", "/.", "."},
	} {
		if got := Rooted(row.path); got != row.rooted || Base(got) != row.base {
			t.Errorf("%q: %q, %q; want %q, %q", row.path, got, Base(got), row.rooted, row.base)
		}
	}
}
