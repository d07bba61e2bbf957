package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/inroot/inroottest"
)

func rootAt(t testing.TB, dir string) *Root {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRoot(fd)
	t.Cleanup(func() { r.Close() })
	return r
}

func packed(t testing.TB, dir, as string) []byte {
	t.Helper()
	var b bytes.Buffer
	p := NewPacker(&b, PackOptions{})
	if err := errors.Join(p.Add(t.Context(), rootAt(t, dir).fd, as), p.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestRoundTrip: what is packed and extracted is as it was, to the nanosecond and the hole.
func TestRoundTrip(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("owners and devices need root")
	}
	from, to := t.TempDir(), t.TempDir()
	at := func(p string) string { return filepath.Join(from, p) }
	long := strings.Repeat("n", 200)
	must(t,
		os.MkdirAll(at("d/"+long), 0o755),
		os.WriteFile(at("d/"+long+"/deep"), []byte("deep"), 0o640),
		os.WriteFile(at("su"), []byte("s"), 0o600), os.Chown(at("su"), 3_000_000, 1001),
		os.Chmod(at("su"), os.ModeSetuid|0o755),
		unix.Setxattr(at("su"), "user.a", []byte("v\x00w"), 0),
		unix.Setxattr(at("su"), "security.capability",
			[]byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0),
		os.Link(at("su"), at("d/hard")), os.Symlink("/else/where", at("link")), os.Lchown(at("link"), 7, 8),
		unix.Mkfifo(at("pipe"), 0o622), unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		os.WriteFile(at("empty"), nil, 0o444), os.WriteFile(at(".wh.not-a-mark"), []byte("x"), 0o644),
		os.Mkdir(at("sticky"), 0o755), os.Chmod(at("sticky"), os.ModeSticky|0o777),
		os.Chtimes(at("su"), time.Time{}, time.Unix(1_500_000_000, 123456789)),
		os.Chtimes(at("d"), time.Time{}, time.Unix(-5, 7)),
	)
	sparse, err := os.Create(at("sparse"))
	must(t, err)
	_, err1 := sparse.WriteAt([]byte("begin"), 0)
	_, err2 := sparse.WriteAt([]byte("middle"), 5<<20)
	must(t, err1, err2, sparse.Truncate(64<<20), sparse.Close())

	must(t, Extract(t.Context(), rootAt(t, to), "/", bytes.NewReader(packed(t, from, ".")), ExtractOptions{}))
	changes, err := Compare(t.Context(), from, to, nil)
	if err != nil || len(changes) > 0 {
		t.Errorf("differences %v %v", changes, err)
	}
	var a, b unix.Stat_t
	must(t, unix.Lstat(at("sparse"), &a), unix.Lstat(filepath.Join(to, "sparse"), &b))
	if b.Blocks*512 > 1<<20 || b.Size != a.Size {
		t.Errorf("sparse file of %d bytes takes %d", b.Size, b.Blocks*512)
	}
	want, _ := os.ReadFile(at("sparse"))
	if got, _ := os.ReadFile(filepath.Join(to, "sparse")); !bytes.Equal(got, want) {
		t.Error("sparse file reads otherwise")
	}
	must(t, unix.Lstat(filepath.Join(to, "su"), &b))
	if b.Nlink != 2 || b.Mtim.Nsec != 123456789 || b.Mode != unix.S_IFREG|0o4755 {
		t.Errorf("%+v", b)
	}
	must(t, unix.Lstat(filepath.Join(to, "d"), &b))
	if b.Mtim.Sec != -5 || b.Mtim.Nsec != 7 {
		t.Errorf("time of a folder: %+v", b.Mtim)
	}
	var v [16]byte
	if n, err := unix.Getxattr(filepath.Join(to, "su"), "user.a", v[:]); err != nil || string(v[:n]) != "v\x00w" {
		t.Error(n, err)
	}
}

func tarball(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		body := strings.Repeat("x", int(h.Size))
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, body)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// TestExtractStaysInside: names and links of an archive, and links that are there already, lead nowhere but into the
// root.
func TestExtractStaysInside(t *testing.T) { inroottest.Kernels(t, testExtractStaysInside) }

func testExtractStaysInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the root of these links is the host's")
	}
	outside := t.TempDir()
	must(t, os.WriteFile(outside+"/victim", []byte("safe"), 0o600))
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 3, Mode: 0o777}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, row := range map[string]struct {
		headers []tar.Header
		ok      bool
	}{
		"above":          {[]tar.Header{file("../victim")}, false},
		"absolute":       {[]tar.Header{file(outside + "/victim")}, true},
		"through a link": {[]tar.Header{link("l", outside), file("l/victim")}, true},
		"up by links":    {[]tar.Header{link("l", "../../../../../../.."), file("l" + outside + "/victim")}, true},
		"over a link":    {[]tar.Header{link("l", outside+"/victim"), file("l")}, true},
		"hard link":      {[]tar.Header{{Typeflag: tar.TypeLink, Name: "h", Linkname: outside + "/victim"}}, false},
		"hard link up":   {[]tar.Header{{Typeflag: tar.TypeLink, Name: "h", Linkname: "../victim"}}, false},
		"folder on link": {[]tar.Header{link("l", outside), {Typeflag: tar.TypeDir, Name: "l", Mode: 0o700},
			file("l/victim")}, true},
		"there already": {[]tar.Header{file("planted/victim")}, true},
	} {
		dir := t.TempDir()
		must(t, os.Mkdir(dir+"/at", 0o755), os.Symlink(outside, dir+"/at/planted"))
		err := Extract(t.Context(), rootAt(t, dir), "at", bytes.NewReader(tarball(t, row.headers...)), ExtractOptions{})
		if (err == nil) != row.ok || err != nil && !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", name, err)
		}
		var st unix.Stat_t
		must(t, unix.Lstat(outside+"/victim", &st))
		if got, _ := os.ReadFile(outside + "/victim"); string(got) != "safe" || st.Mode&0o7777 != 0o600 || st.Nlink != 1 {
			t.Fatalf("%s: the file outside is %q, mode %o, %d links", name, got, st.Mode, st.Nlink)
		}
		if found, _ := os.ReadDir(outside); len(found) != 1 {
			t.Fatalf("%s: %v outside", name, found)
		}
	}
}

func TestExtractKinds(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/folder/x", 0o755), os.WriteFile(dir+"/file", nil, 0o600))
	uid, gid := os.Geteuid(), os.Getegid()
	onFolder := tarball(t, tar.Header{Typeflag: tar.TypeReg, Name: "folder", Uid: uid, Gid: gid, Mode: 0o600})
	onFile := tarball(t, tar.Header{Typeflag: tar.TypeDir, Name: "file", Uid: uid, Gid: gid, Mode: 0o700})
	r := rootAt(t, dir)
	for _, raw := range [][]byte{onFolder, onFile} {
		err := Extract(t.Context(), r, "", bytes.NewReader(raw), ExtractOptions{KeepKinds: true})
		if err == nil || !strings.HasPrefix(err.Error(), "cannot overwrite ") {
			t.Error(err)
		}
	}
	for _, raw := range [][]byte{onFolder, onFile} {
		must(t, Extract(t.Context(), r, "", bytes.NewReader(raw), ExtractOptions{}))
	}
	if st, err := os.Stat(dir + "/folder"); err != nil || st.IsDir() {
		t.Error("folder is still one", err)
	}
}

// TestSwappedLinks: a program flips a name between a folder and a link out of the root while tars go in and out.
func TestSwappedLinks(t *testing.T) { inroottest.Kernels(t, testSwappedLinks) }

func testSwappedLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the root of these links is the host's")
	}
	dir, outside := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(dir+"/real", 0o755), os.WriteFile(dir+"/real/f", []byte("inside"), 0o644),
		os.WriteFile(outside+"/f", []byte("SECRET"), 0o600))
	var stop atomic.Bool
	var flips sync.WaitGroup
	defer func() { stop.Store(true); flips.Wait() }()
	flips.Go(func() {
		for n := 0; !stop.Load(); n++ {
			tmp := fmt.Sprintf("%s/tmp%d", dir, n%2)
			_ = os.Symlink(outside, tmp)
			_ = os.Rename(tmp, dir+"/name")
			_ = os.Remove(dir + "/name")
			_ = os.Mkdir(dir+"/name", 0o755)
			_ = os.Rename(dir+"/real/f", dir+"/name/f")
			_ = os.Rename(dir+"/name/f", dir+"/real/f")
			_ = os.RemoveAll(dir + "/name")
		}
	})
	in := tarball(t, tar.Header{Typeflag: tar.TypeDir, Name: "name/sub", Mode: 0o700},
		tar.Header{Typeflag: tar.TypeReg, Name: "name/sub/g", Size: 9},
		tar.Header{Typeflag: tar.TypeReg, Name: "name/f", Size: 9, Mode: 0o777},
		tar.Header{Typeflag: tar.TypeFifo, Name: "name/p", Mode: 0o777})
	r := rootAt(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for range 2000 {
		if ctx.Err() != nil {
			break
		}
		_ = Extract(t.Context(), r, "/", bytes.NewReader(in), ExtractOptions{}) // it may fail: what it meets changes
		var b bytes.Buffer
		p := NewPacker(&b, PackOptions{})
		if fd, err := r.Open("/name", unix.O_PATH); err == nil {
			_ = p.Add(t.Context(), fd, "name")
			unix.Close(fd)
		}
		_ = p.Add(t.Context(), r.fd, ".")
		if bytes.Contains(b.Bytes(), []byte("SECRET")) {
			t.Fatal("a file outside was read")
		}
	}
	var st unix.Stat_t
	must(t, unix.Lstat(outside+"/f", &st))
	found, _ := os.ReadDir(outside)
	if got, _ := os.ReadFile(outside + "/f"); string(got) != "SECRET" || st.Mode&0o7777 != 0o600 || len(found) != 1 {
		t.Fatalf("outside was written: %q, mode %o, %v", got, st.Mode, found)
	}
}

func TestRootFollow(t *testing.T) { inroottest.Kernels(t, testRootFollow) }

func testRootFollow(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a/b", 0o755), os.Symlink("/a", dir+"/abs"), os.Symlink("../../../a/b", dir+"/a/up"),
		os.Symlink("loop", dir+"/loop"), os.Symlink("/no/where", dir+"/dangling"))
	r := rootAt(t, dir)
	for p, want := range map[string]string{
		"/": "/", "/abs": "/a", "/abs/b/": "/a/b", "/a/up": "/a/b", "/dangling": "/no/where", "/none/../a": "/a",
		"/../abs/../x": "/x", "a//b/.": "/a/b",
	} {
		if got, err := r.Follow(p); err != nil || got != want {
			t.Errorf("%s leads to %s %v, want %s", p, got, err, want)
		}
	}
	if _, err := r.Follow("/loop"); !errors.Is(err, unix.ELOOP) {
		t.Error(err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(tarball(f, tar.Header{Typeflag: tar.TypeReg, Name: "a/b", Size: 3},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "../.."},
		tar.Header{Typeflag: tar.TypeReg, Name: "l/x", Size: 3},
		tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: "a/b"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		above := t.TempDir()
		must(t, os.Mkdir(above+"/root", 0o755))
		_ = Extract(t.Context(), rootAt(t, above+"/root"), "/", bytes.NewReader(raw),
			ExtractOptions{Owner: &Owner{UID: os.Geteuid(), GID: os.Getegid()}})
		if found, _ := os.ReadDir(above); len(found) != 1 {
			t.Fatalf("%v beside the root", found)
		}
	})
}
