package fstest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/fs"
)

// entries: odd entries arrive from an archive as they are in it, in the container and in a layer made of it.
func entries(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("mounts, owners and devices need root")
	}
	list := []Entry{
		{Name: "bytes\xff\xfe\x80", Body: "no UTF-8"}, {Name: "dir\xc3\x28/"}, {Name: "dir\xc3\x28/\x01", Body: "c"},
		{Name: "link\xfd", Link: "to\xfc"}, {Name: "new\nline", Body: "n"}, {Name: "back\\slash", Body: "b"},
		{Name: strings.Repeat("n", cmp.Or(b.suite.LongestName, 255)), Body: "long"},
		{Name: "holes", Body: "start" + strings.Repeat("\x00", 4<<20) + "end"},
		{Name: "setuid", Body: "u", Mode: 0o4711, UID: 12}, {Name: "setgid", Body: "g", Mode: 0o2755, GID: 13},
		{Name: "both", Body: "b", Mode: 0o6777, UID: 1 << 30, GID: 1 << 30}, {Name: "sticky/", Mode: 0o3777, GID: 9},
		{Name: "block", Type: tar.TypeBlock, Dev: [2]int64{259, 70000}, Mode: 0o660}, // more than 8 bits of a minor
		{Name: "char", Type: tar.TypeChar, Dev: [2]int64{10, 229}, Mode: 0o666},
		{Name: "fifo", Type: tar.TypeFifo, Mode: 0o622},
		{Name: "attributes", Body: "a", Attr: map[string]string{"user.a": "", "user.b": strings.Repeat("v", 900),
			"user.bytes": "\x00\xff\n"}},
		{Name: "folder/", Attr: map[string]string{"user.of.folder": "f"}},
		{Name: "before", Body: "1969", Time: time.Unix(-1_000_000, 999_999_999)},
		{Name: "after", Body: "2100", Time: time.Unix(4_102_444_800, 1)},
		{Name: "one", Body: "1"}, {Name: "two", Link: "one", Hard: true}, {Name: "folder/three", Link: "two", Hard: true},
		{Name: ".wh", Body: "no mark"}, {Name: "a.wh.b", Body: "nor this"},
	}
	raw := b.layer("odd", "", list...)
	b.container("c", "odd")
	root, undo := b.mounted("c")
	for _, e := range list {
		var st unix.Stat_t
		at := filepath.Join(root, e.Name)
		b.must(unix.Lstat(at, &st))
		h := e.header()
		if got := time.Unix(st.Mtim.Unix()); !got.Equal(h.ModTime) && !e.Hard {
			b.Errorf("%q: time %v, want %v", e.Name, got, h.ModTime)
		}
		if e.Link == "" && int64(st.Mode&0o7777) != h.Mode || !e.Hard && (int(st.Uid) != e.UID || int(st.Gid) != e.GID) {
			b.Errorf("%q: mode %o of %d:%d, want %o", e.Name, st.Mode, st.Uid, st.Gid, h.Mode)
		}
		if dev := unix.Mkdev(uint32(e.Dev[0]), uint32(e.Dev[1])); dev != 0 && st.Rdev != dev {
			b.Errorf("%q: device %x, want %x", e.Name, st.Rdev, dev)
		}
		if want := uint64(3); (e.Hard || e.Name == "one") && uint64(st.Nlink) != want {
			b.Errorf("%q: %d names, want %d", e.Name, st.Nlink, want)
		}
		if e.Name == "holes" && st.Blocks*512 > 1<<20 {
			b.Errorf("the hole of a file takes %d bytes", st.Blocks*512)
		}
		for k, v := range e.Attr {
			value := make([]byte, 1000)
			if n, err := unix.Lgetxattr(at, k, value); err != nil || string(value[:n]) != v {
				b.Errorf("%q: attribute %s is %q: %v", e.Name, k, value[:max(n, 0)], err)
			}
		}
	}
	var back bytes.Buffer
	b.must(b.Tar(b.Context(), "odd", &back))
	if !bytes.Equal(back.Bytes(), raw) {
		b.Error("the tar comes back otherwise")
	}
	want := b.look(root)
	undo()
	b.copied(list, want)
}

// copied checks that a container which makes the same entries itself gives a layer with the same.
func (b *bench) copied(list []Entry, want map[string]string) {
	d, ok := b.Driver.(fs.Differ)
	if !ok {
		return
	}
	b.container("empty", "")
	b.container("program", "empty")
	root, undo := b.mounted("program")
	for _, e := range list {
		b.must(e.make(root))
	}
	for _, e := range list { // once nothing in folders changes
		if !e.Hard {
			t, err := unix.TimeToTimespec(e.header().ModTime)
			b.must(err)
			b.must(unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(root, e.Name), []unix.Timespec{t, t},
				unix.AT_SYMLINK_NOFOLLOW))
		}
	}
	b.alike("made by a program", want, b.look(root))
	at := filepath.Join(root, "socket")
	l, err := net.Listen("unix", at)
	b.must(err)
	defer l.Close()
	changes, err := d.Changes(b.Context(), "program")
	b.must(err)
	if !slices.Contains(changes, fs.Change{Path: "/socket", Kind: fs.Added}) {
		b.Error("a socket is no change")
	}
	undo()
	b.commitDiff("program", "made", "") // without the socket, which means nothing without its program
	b.container("again", "made")
	root, undo = b.mounted("again")
	defer undo()
	b.alike("a layer of what a program made", want, b.look(root))
	for _, name := range []string{"one", "two", "folder/three"} {
		var st unix.Stat_t
		if b.must(unix.Lstat(filepath.Join(root, name), &st)); st.Nlink != 3 {
			b.Errorf("%s has %d names in the layer made", name, st.Nlink)
		}
	}
}

// make makes an entry as a program does.
func (e Entry) make(root string) error {
	at, h := filepath.Join(root, e.Name), e.header()
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		err = os.Mkdir(at, 0o700)
	case tar.TypeSymlink:
		return os.Symlink(e.Link, at)
	case tar.TypeLink:
		return os.Link(filepath.Join(root, e.Link), at)
	case tar.TypeReg:
		err = os.WriteFile(at, []byte(e.Body), 0o600)
	default:
		kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}
		err = unix.Mknod(at, kind[h.Typeflag]|0o600, int(unix.Mkdev(uint32(e.Dev[0]), uint32(e.Dev[1]))))
	}
	if err == nil {
		err = os.Lchown(at, e.UID, e.GID)
	}
	if err == nil {
		err = unix.Chmod(at, uint32(h.Mode))
	}
	for k, v := range e.Attr {
		if err == nil {
			err = unix.Setxattr(at, k, []byte(v), 0)
		}
	}
	return err
}

// replaced: an entry of one kind takes the place of one of another kind in a layer below, and in a container.
func replaced(b *bench) {
	needMounts(b)
	kinds := map[string][]Entry{
		"file":   {{Name: "x", Body: "file"}},
		"folder": {{Name: "x/"}, {Name: "x/in", Body: "in"}},
		"link":   {{Name: "x", Link: "nowhere"}},
		"pipe":   {{Name: "x", Type: tar.TypeFifo}},
		"opaque": {{Name: "x/"}, {Name: "x/.wh..wh..opq"}, {Name: "x/own", Body: "own"}},
		"gone":   {{Name: ".wh.x"}},
	}
	for below, first := range kinds {
		b.layer(below, "", first...)
		for above, then := range kinds {
			name := below + "-" + above
			b.layer(name, below, then...)
			b.layer(name+"-empty", name, Entry{Name: "other"})
			b.container("c-"+name, name+"-empty")
			root, undo := b.mounted("c-" + name)
			got := fmt.Sprint(kindOf(filepath.Join(root, "x")), namesBelow(filepath.Join(root, "x")))
			want := map[string]string{"file": "file[]", "folder": "folder[in]", "link": "link[]", "pipe": "pipe[]",
				"opaque": "folder[own]", "gone": "gone[]"}[above]
			if above == "folder" && below == "opaque" {
				want = "folder[in own]"
			}
			if got != want {
				b.Errorf("%s over %s is %s, want %s", above, below, got, want)
			}
			undo()
		}
	}
}

func kindOf(p string) string {
	st, err := os.Lstat(p)
	switch {
	case err != nil:
		return "gone"
	case st.IsDir():
		return "folder"
	case st.Mode()&os.ModeSymlink != 0:
		return "link"
	case st.Mode()&os.ModeNamedPipe != 0:
		return "pipe"
	}
	return "file"
}

func namesBelow(p string) (names []string) {
	list, _ := os.ReadDir(p)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// deep: a folder in a folder, a hundred times, in an image, in what a container adds, and taken away.
func deep(b *bench) {
	needMounts(b)
	down := strings.Repeat("deep/", 100)
	b.layer("deep", "", Entry{Name: down}, Entry{Name: down + "f", Body: "bottom"})
	b.layer("deeper", "deep", Entry{Name: down + ".wh.f"}, Entry{Name: down + "g", Body: "new"})
	b.container("c-init", "deeper")
	b.container("c", "c-init")
	root, undo := b.mounted("c")
	b.reads(root, down+"f", "")
	b.reads(root, down+"g", "new")
	d, ok := b.Driver.(fs.Differ)
	if !ok {
		return
	}
	b.must(os.MkdirAll(filepath.Join(root, down, strings.Repeat("more/", 100)), 0o755))
	b.must(os.Remove(filepath.Join(root, down, "g")))
	changes, err := d.Changes(b.Context(), "c")
	b.must(err)
	if len(changes) != 100+1+100 {
		b.Errorf("%d changes: %v", len(changes), lines(changes))
	}
	want := b.look(root)
	undo()
	b.commitDiff("c", "deepest", "deeper")
	b.container("again", "deepest")
	root, undo = b.mounted("again")
	b.alike("committed", want, b.look(root))
	b.must(os.RemoveAll(filepath.Join(root, "deep")))
	undo()
	for _, name := range []string{"again", "deepest", "c", "c-init", "deeper", "deep"} {
		b.must(b.Remove(b.Context(), name))
	}
}

// usage: a layer's own files count, each once, and not those below.
func usage(b *bench) {
	needMounts(b)
	b.layer("low", "", Entry{Name: "big", Body: strings.Repeat("b", 100_000)}, Entry{Name: "same", Body: "same"},
		Entry{Name: "d/"})
	b.layer("high", "low", Entry{Name: "d/"}, Entry{Name: "d/one", Body: strings.Repeat("1", 1000)},
		Entry{Name: "d/two", Link: "d/one", Hard: true}, Entry{Name: ".wh.same"})
	b.container("c-init", "high")
	b.container("c", "c-init")
	root, _ := b.mounted("c")
	check := func(name string, bytes, inodes int64) {
		b.Helper()
		u, err := b.Usage(b.Context(), name)
		// A mark of a deletion is a file of some drivers.
		if err != nil || u.Bytes != bytes || u.Inodes < inodes || u.Inodes > inodes+1 {
			b.Errorf("usage of %s is %+v, want %d bytes, %d inodes: %v", name, u, bytes, inodes, err)
		}
	}
	check("c-init", 0, 0)
	check("c", 0, 0)
	b.must(os.WriteFile(filepath.Join(root, "mine"), make([]byte, 5000), 0o600))
	b.must(os.Link(filepath.Join(root, "mine"), filepath.Join(root, "d/again")))
	check("c", 5000, 2) // with the folder d
	b.must(os.Remove(filepath.Join(root, "big")))
	check("c", 5000, 2)
	check("low", 100_004, 3)
	check("high", 1000, 2)
	for name, want := range map[string]int64{"low": 100_004, "high": 1000} {
		if info, err := b.Stat(b.Context(), name); err != nil || info.Size != want {
			b.Errorf("size of %s is %d, want %d: %v", name, info.Size, want, err)
		}
	}
}
