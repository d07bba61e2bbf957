package reference

import (
	"strings"
	"testing"

	library "github.com/distribution/reference"
)

var samples = []string{
	"busybox", "busybox:latest", "library/busybox", "docker.io/busybox", "index.docker.io/library/busybox:1", "user/image",
	"a/b/c",
	"localhost/x", "localhost:5000/x/y:tag", "127.0.0.1:5000/x", "[::1]:5000/x", "[fe80::1]/x", "[zz]/x", "UPPER",
	"Foo/bar", "foo/Bar", "x:UPPER",
	"", ":", "@", "/", "x/", "/x", "x//y", "x:", "x:tag:tag", "x@sha256:short", "a_b.c/d", "a..b/c", "x..y", "x__y",
	"x___y", "x--y", "-x", "x-", "x_", "x.",
	"x@sha256:" + strings.Repeat("a", 64), "x:t@sha256:" + strings.Repeat("0", 64), "x@sha512:" + strings.Repeat("a", 128),
	"x@md5:" + strings.Repeat("a", 32), "x@sha256:" + strings.Repeat("A", 64), "x@sha256:" + strings.Repeat("a", 63),
	"x@a+b.c:" + strings.Repeat("a", 40),
	"x@a+:" + strings.Repeat("a", 40), "x@1a:" + strings.Repeat("a", 40), strings.Repeat("a", 64), strings.Repeat("a", 63),
	strings.Repeat("a/", 200) + "b",
	strings.Repeat("a", 240), "x:" + strings.Repeat("t", 128), "x:" + strings.Repeat("t", 129), "host.com:80/x",
	"host.com:/x", "host.com:8a/x", "ho_st.com:80/x",
	"x:.tag", "x:-tag", "x:_tag", "x y", "x\ny", "é/x", "docker.io/library/a/b", "docker.io/library", "library/a:b@",
	"x@@", "http://x", "X.Y/z", "0_0A/0",
}

// TestAsLibrary holds every sample against the library that defines the grammar.
func TestAsLibrary(t *testing.T) {
	for _, s := range samples {
		compare(t, s)
	}
}

func FuzzAsLibrary(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { compare(t, s) })
}

func compare(t *testing.T, s string) {
	t.Helper()
	want, wantErr := library.ParseNormalizedNamed(s)
	got, err := Parse(s)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %v, the library: %v", s, err, wantErr)
	}
	if err != nil {
		if err.Error() != wantErr.Error() {
			t.Errorf("%q: %v, the library: %v", s, err, wantErr)
		}
		return
	}
	for what, pair := range map[string][2]string{
		"string":   {got.String(), want.String()},
		"name":     {got.Name(), want.Name()},
		"familiar": {got.Familiar(), library.FamiliarString(want)},
		"short":    {got.FamiliarName(), library.FamiliarName(want)},
		"domain":   {got.Domain, library.Domain(want)},
		"path":     {got.Path, library.Path(want)},
		"latest":   {got.OrLatest().String(), library.TagNameOnly(want).String()},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%q: %s is %q, the library's %q", s, what, pair[0], pair[1])
		}
	}
}

func TestParseAny(t *testing.T) {
	id := strings.Repeat("a", 64)
	for _, s := range []string{id, "sha256:" + id} {
		if _, got, err := ParseAny(s); err != nil || got.String() != "sha256:"+id {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	if n, got, err := ParseAny("busybox"); err != nil || got != "" || n.Name() != "docker.io/library/busybox" {
		t.Errorf("busybox: %v %s, %v", n, got, err)
	}
}

func TestMatch(t *testing.T) {
	n, err := Parse("busybox:1.36")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]bool{"busybox": true, "busy*": true, "busybox:1*": true, "busybox:2*": false,
		"*/*":                       false,
		"docker.io/library/busybox": true, "docker.io/library/busybox:1.36": true, "docker.io/*/*": true,
		"docker.io/library/busybox:2": false, "library/busybox": false} {
		if got, err := n.Match(pattern); err != nil || got != want {
			t.Errorf("%s: %v, %v", pattern, got, err)
		}
	}
}
