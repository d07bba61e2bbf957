package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"box/fs"
)

// pack is the tar of a folder's content, with options.
func pack(t testing.TB, dir string, o PackOptions) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	p := NewPacker(&b, o)
	err := p.Content(t.Context(), rootAt(t, dir).fd)
	if err == nil {
		err = p.Close()
	}
	return b.Bytes(), err
}

// headers are those of a tar, which has to be whole.
func headers(t testing.TB, raw []byte) (list []*tar.Header) {
	t.Helper()
	r := tar.NewReader(Whole(bytes.NewReader(raw)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		if n, err := io.Copy(io.Discard, r); err != nil || n != h.Size {
			t.Errorf("%s has %d bytes of %d, %v", h.Name, n, h.Size, err)
		}
		list = append(list, h)
	}
}

// TestPackKinds: what of each kind of entry is in the tar: one content for all names of a file, no sockets, and names
// as they are.
func TestPackKinds(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/d/deep", 0o751), os.WriteFile(dir+"/d/f", []byte("x"), 0o640),
		os.Link(dir+"/d/f", dir+"/e-hard"), os.Symlink("/out/of\xff", dir+"/l"),
		os.Link(dir+"/l", dir+"/m"), unix.Mkfifo(dir+"/p", 0o622), os.WriteFile(dir+"/caf\xe9", nil, 0o600),
		os.WriteFile(dir+"/.wh.x", []byte("mine"), 0o600),
		os.Chmod(dir+"/d", 0o751), os.Chmod(dir+"/p", 0o622))
	s, err := net.Listen("unix", dir+"/s")
	must(t, err)
	defer s.Close()
	raw, err := pack(t, dir, PackOptions{})
	must(t, err)
	var lines []string
	for _, h := range headers(t, raw) {
		lines = append(lines, fmt.Sprintf("%c %s %o %d %s", h.Typeflag, h.Name, h.Mode, h.Size, h.Linkname))
	}
	want := []string{"0 .wh.x 600 4 ", "0 caf\xe9 600 0 ", "5 d/ 751 0 ", "5 d/deep/ 751 0 ", "0 d/f 640 1 ",
		"1 e-hard 640 0 d/f", "2 l 777 0 /out/of\xff", "1 m 777 0 l", "6 p 622 0 "}
	if !slices.Equal(lines, want) {
		t.Errorf("%q\nwant\n%q", lines, want)
	}
	to := t.TempDir()
	if err := Extract(t.Context(), rootAt(t, to), "", bytes.NewReader(raw),
		ExtractOptions{Owner: &Owner{os.Getuid(), os.Getgid()}}); err != nil {
		t.Fatal(err)
	}
	if a, b := strings.ReplaceAll(holds(t, dir), " s?S---------", ""), holds(t, to); a != b {
		t.Errorf("it becomes\n%s of\n%s", b, a)
	}
}

// TestPackOwners: who an owner is in a user namespace, and who is of none.
func TestPackOwners(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/f", nil, 0o600))
	uid, gid := os.Getuid(), os.Getgid()
	for what, row := range map[string]struct {
		o        PackOptions
		uid, gid int // -1 for an error
	}{
		"as they are": {PackOptions{}, uid, gid},
		"mapped": {PackOptions{UIDs: []fs.IDMap{{Container: 5, Host: uid, Size: 1}},
			GIDs: []fs.IDMap{{Container: 7, Host: gid, Size: 10}}}, 5, 7},
		"of no namespace": {PackOptions{UIDs: []fs.IDMap{{Container: 0, Host: uid + 1, Size: 9}}}, -1, -1},
		"nobody":          {PackOptions{UIDs: []fs.IDMap{{Container: 0, Host: uid + 1, Size: 9}}, Nobody: true}, 65534, gid},
		"nobody's group":  {PackOptions{GIDs: []fs.IDMap{{Container: 0, Host: gid + 1, Size: 9}}, Nobody: true}, uid, 65534},
		"in the second": {PackOptions{UIDs: []fs.IDMap{{Container: 0, Host: uid + 1, Size: 1},
			{Container: 100, Host: uid, Size: 1}}}, 100, gid},
		"just outside one": {PackOptions{UIDs: []fs.IDMap{{Container: 0, Host: uid - 3, Size: 3}}}, -1, -1},
	} {
		raw, err := pack(t, dir, row.o)
		if row.uid < 0 {
			if err == nil || !strings.Contains(err.Error(), "is not of the user namespace") ||
				!strings.Contains(err.Error(), "pack f") {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		must(t, err)
		if h := headers(t, raw)[0]; h.Uid != row.uid || h.Gid != row.gid {
			t.Errorf("%s: %d:%d", what, h.Uid, h.Gid)
		}
	}
}

// TestPackTimes: times to the nanosecond, or whole seconds, before 1970 and long after.
func TestPackTimes(t *testing.T) {
	dir := t.TempDir()
	for i, when := range []time.Time{time.Unix(1, 999_999_999), time.Unix(-2, 5), time.Unix(1<<33, 7)} {
		path := fmt.Sprint(dir, "/", i)
		must(t, os.WriteFile(path, nil, 0o600), os.Chtimes(path, when, when))
		for _, seconds := range []bool{false, true} {
			raw, err := pack(t, dir, PackOptions{Seconds: seconds})
			must(t, err)
			want := when
			if seconds {
				want = time.Unix(when.Unix(), 0)
			}
			if got := headers(t, raw)[i].ModTime; !got.Equal(want) {
				t.Errorf("%s is packed as %s, want %s", when, got, want)
			}
		}
	}
}

// TestPackAttributes: what programs may have set on a file of theirs never keeps it from being packed: names that no
// header can say, many names, and more than a header may hold.
func TestPackAttributes(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "archive")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	set := func(name, value string) error { return unix.Setxattr(dir+"/f", name, []byte(value), 0) }
	must(t, os.WriteFile(dir+"/f", []byte("x"), 0o600))
	if err := set("user.plain", "v\x00=\n"); err != nil {
		t.Skip("no attributes of users here:", err)
	}
	must(t, set("user.a=b", "x"), set("user.overlay.opaque", "y"), set("user.%3D", "p"), set("user.caf\xe9", "é"))
	raw, err := pack(t, dir, PackOptions{})
	must(t, err)
	h := headers(t, raw)[0]
	want := map[string]string{"user.plain": "v\x00=\n", "user.%3D": "p", "user.caf\xe9": "é"}
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, xattrPrefix); ok && want[name] != value {
			t.Errorf("%q is %q", name, value)
		} else if ok {
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not packed: %q", want)
	}
	for i := range 200 { // the list is longer than a page
		if err := set(fmt.Sprintf("user.%s%d", strings.Repeat("n", 40), i), "v"); err != nil {
			t.Skip("no attributes of users here, or not so many:", err)
		}
	}
	raw, err = pack(t, dir, PackOptions{})
	must(t, err)
	if n := len(headers(t, raw)[0].PAXRecords); n < 203 {
		t.Errorf("%d attributes of 203 are packed", n)
	}
	for i := range 24 {
		if err := set(fmt.Sprint("user.large", i), strings.Repeat("x", 60<<10)); err != nil {
			t.Skip("no attributes of users here, or not so large:", err)
		}
	}
	raw, err = pack(t, dir, PackOptions{})
	must(t, err)
	if list := headers(t, raw); len(list) != 1 || list[0].Size != 1 {
		t.Errorf("%d entries", len(list))
	}
}

// TestPackWhileItChanges: what goes, shrinks or grows while it is packed leaves a tar that is whole.
func TestPackWhileItChanges(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		must(t, os.WriteFile(fmt.Sprint(dir, "/f", i), make([]byte, 300<<10), 0o600))
	}
	changes := 0
	w := writerFunc(func(p []byte) (int, error) {
		i := 39 - changes
		if changes++; i >= 0 {
			path := fmt.Sprint(dir, "/f", i)
			switch i % 4 {
			case 0:
				must(t, os.Remove(path))
			case 1:
				must(t, os.Truncate(path, 100))
			case 2:
				must(t, os.Truncate(path, 900<<10))
			case 3:
				must(t, os.Remove(path), os.Symlink("/etc/passwd", path))
			}
		}
		return len(p), nil
	})
	var b bytes.Buffer
	p := NewPacker(io.MultiWriter(&b, w), PackOptions{})
	must(t, p.Content(t.Context(), rootAt(t, dir).fd), p.Close())
	if n := len(headers(t, b.Bytes())); n < 20 || n > 40 {
		t.Errorf("%d entries", n)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestPackEnds: a caller without time, a writer that fails, a folder that may not be read, a path without end.
func TestPackEnds(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/d", 0o755), os.WriteFile(dir+"/d/f", make([]byte, 1<<20), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := rootAt(t, dir)
	opened := open(t)
	if err := NewPacker(io.Discard, PackOptions{}).Content(ctx, root.fd); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, after := range []int{0, 300 << 10, 1 << 20} {
		p := NewPacker(&failingWriter{after: after}, PackOptions{})
		if err := errors.Join(p.Content(t.Context(), root.fd), p.Close()); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
	if err := NewPacker(io.Discard, PackOptions{}).Add(t.Context(), root.fd, strings.Repeat("n", maxPath)); !errors.Is(err,
		unix.ENAMETOOLONG) {
		t.Errorf("a path without end: %v", err)
	}
	if os.Getuid() != 0 {
		must(t, os.Chmod(dir+"/d", 0))
		err := NewPacker(io.Discard, PackOptions{}).Content(t.Context(), root.fd)
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "pack d") {
			t.Errorf("a folder that may not be read: %v", err)
		}
		must(t, os.Chmod(dir+"/d", 0o755))
	}
	if n := open(t) - opened; n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

// TestEnter: a folder on another file system is packed empty when it is not to be entered.
func TestEnter(t *testing.T) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	var asked []string
	var b bytes.Buffer
	p := NewPacker(&b, PackOptions{Enter: func(path string) bool { asked = append(asked, path); return false }})
	var own unix.Stat_t
	must(t, unix.Fstat(fd, &own))
	proc, err := unix.Openat(fd, "proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(proc)
	must(t, p.Add(t.Context(), proc, "proc"), p.Close())
	if list := headers(t, b.Bytes()); len(list) != 1 || list[0].Name != "proc/" || !slices.Equal(asked, []string{""}) {
		t.Errorf("%d entries, asked of %q", len(list), asked)
	}
}

// TestCompare: what counts as a change and what does not, as Docker's diff has it.
func TestCompare(t *testing.T) {
	when := time.Unix(1_500_000_000, 123_000_000)
	build := func(dir string) {
		must(t, os.MkdirAll(dir+"/d/e", 0o755), os.WriteFile(dir+"/d/f", []byte("same"), 0o644),
			os.WriteFile(dir+"/g", []byte("same"), 0o644), os.Symlink("f", dir+"/d/l"),
			os.Chtimes(dir+"/d/f", when, when), os.Chtimes(dir+"/g", when, when),
			unix.Lutimes(dir+"/d/l", []unix.Timeval{unix.NsecToTimeval(when.UnixNano()), unix.NsecToTimeval(when.UnixNano())}))
	}
	for what, row := range map[string]struct {
		change func(dir string) error
		want   string
	}{
		"nothing": {func(string) error { return nil }, ""},
		"a file": {func(d string) error { return os.WriteFile(d+"/d/f", []byte("other"), 0o644) },
			"C/d C/d/f"},
		"its time": {func(d string) error { return os.Chtimes(d+"/g", when, when.Add(time.Second)) },
			"C/g"},
		"less than what a tar keeps": {func(d string) error { return os.Chtimes(d+"/g", when, time.Unix(when.Unix(), 0)) },
			""},
		"its mode":        {func(d string) error { return os.Chmod(d+"/g", 0o600) }, "C/g"},
		"a folder's time": {func(d string) error { return os.Chtimes(d+"/d", when, when) }, ""},
		"a folder's mode": {func(d string) error { return os.Chmod(d+"/d", 0o700) }, "C/d"},
		"where a link leads": {func(d string) error {
			return errors.Join(os.Remove(d+"/d/l"),
				os.Symlink("elsewhere", d+"/d/l"))
		}, "C/d C/d/l"},
		"a file gone":   {func(d string) error { return os.Remove(d + "/d/f") }, "C/d D/d/f"},
		"a folder gone": {func(d string) error { return os.RemoveAll(d + "/d") }, "D/d"},
		"a folder new": {func(d string) error {
			return errors.Join(os.MkdirAll(d+"/n/m", 0o755), os.WriteFile(d+"/n/f", nil, 0o600))
		}, "A/n A/n/f A/n/m"},
		"a file in place of a folder": {func(d string) error {
			return errors.Join(os.RemoveAll(d+"/d"),
				os.WriteFile(d+"/d", nil, 0o755))
		}, "C/d"},
		"a folder in place of a file": {func(d string) error {
			return errors.Join(os.Remove(d+"/g"), os.Mkdir(d+"/g", 0o755), os.WriteFile(d+"/g/h", nil, 0o600))
		}, "C/g A/g/h"},
		"deep down": {func(d string) error { return os.WriteFile(d+"/d/e/new", nil, 0o600) }, "C/d C/d/e A/d/e/new"},
	} {
		before, now := t.TempDir(), t.TempDir()
		build(before)
		build(now)
		must(t, row.change(now))
		changes, err := Compare(t.Context(), before, now, nil)
		var words []string
		for _, c := range changes {
			words = append(words, string("CAD"[c.Kind])+c.Path)
		}
		if got := strings.Join(words, " "); err != nil || got != row.want {
			t.Errorf("%s: %q, %v, want %q", what, got, err, row.want)
		}
		// As a layer, the changes make of the one what the other is.
		var b bytes.Buffer
		p := NewPacker(&b, PackOptions{})
		must(t, p.PackChanges(t.Context(), now, changes), p.Close())
		_, err = Apply(t.Context(), before, &b, Options{})
		if after := holds(t, before); err != nil || after != holds(t, now) {
			t.Errorf("%s: the layer makes\n%s of it, %v, want\n%s", what, after, err, holds(t, now))
		}
	}
	if _, err := Compare(t.Context(), t.TempDir()+"/none", t.TempDir(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestMkdirAll: folders are made in the root, wherever links lead, and what is in the way stays.
func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	out := t.TempDir()
	must(t, os.WriteFile(dir+"/file", nil, 0o600), os.Symlink(out, dir+"/out"), os.Symlink("/a", dir+"/in"),
		os.Mkdir(dir+"/a", 0o755), os.Symlink("loop", dir+"/loop"))
	r := rootAt(t, dir)
	for p, want := range map[string]error{"x/y/z": nil, "in/b": nil, "../../up": nil, "/": nil, "": nil,
		"file/x": unix.ENOTDIR, "loop/x": unix.ELOOP} {
		fd, err := r.MkdirAll(p)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%q: %v", p, err)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
	_, _ = r.MkdirAll("out/new") // which may fail: where it leads is not in the root
	if list, _ := os.ReadDir(out); len(list) > 0 {
		t.Errorf("outside there is %v", list)
	}
	for _, p := range []string{"x/y/z", "a/b", "up"} {
		if st, err := os.Stat(filepath.Join(dir, p)); err != nil || !st.IsDir() {
			t.Errorf("%s: %v", p, err)
		}
	}
}
