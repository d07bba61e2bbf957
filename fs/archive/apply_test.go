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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
)

// entry is one of a tar: a kind, a name, and a content or what it leads to. The mode is 0644, of folders 0755.
type entry struct {
	kind       byte
	name, text string
}

func file(name, text string) entry { return entry{tar.TypeReg, name, text} }
func folderOf(name string) entry   { return entry{tar.TypeDir, name, ""} }
func link(name, to string) entry   { return entry{tar.TypeSymlink, name, to} }
func hard(name, to string) entry   { return entry{tar.TypeLink, name, to} }

// layer is a tar of entries; edit, when not nil, changes the headers.
func layer(t testing.TB, edit func(*tar.Header), entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: e.kind, Name: e.name, Mode: 0o644, ModTime: time.Unix(1_500_000_000, 0)}
		switch e.kind {
		case tar.TypeReg:
			h.Size = int64(len(e.text))
		case tar.TypeDir:
			h.Mode = 0o755
		default:
			h.Linkname = e.text
		}
		if edit != nil {
			edit(h)
		}
		must(t, w.WriteHeader(h))
		if e.kind == tar.TypeReg {
			_, err := io.WriteString(w, e.text)
			must(t, err)
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

// holds is what is in a folder, a word an entry: the path, and a mark and the content of what is no folder.
func holds(t testing.TB, dir string) string {
	t.Helper()
	var words []string
	must(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		word := strings.TrimPrefix(p, dir+"/")
		switch d.Type() {
		case os.ModeDir:
			word += "/"
		case 0:
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			word += "=" + string(raw)
		case os.ModeSymlink:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			word += "->" + to
		default:
			word += "?" + d.Type().String()
		}
		words = append(words, word)
		return nil
	}))
	return strings.Join(words, " ")
}

// open counts the descriptors of this process.
func open(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

// TestApplyMakes: what each kind of entry makes, on nothing and on what is there, and what counts as its size.
func TestApplyMakes(t *testing.T) {
	below := []entry{folderOf("d"), file("d/f", "old"), link("l", "d"), file("x", "old"), link("up", "../../.."),
		link("abs", "/d")}
	for what, row := range map[string]struct {
		entries []entry
		want    string
		size    int64
	}{
		"a file": {[]entry{file("f", "new")}, "abs->/d d/ d/f=old f=new l->d up->../../.. x=old", 3},
		"folders on the way": {[]entry{file("a/b/c", "")}, "a/ a/b/ a/b/c= abs->/d d/ d/f=old l->d up->../../.. x=old",
			0},
		"an odd name": {[]entry{file("//./a//b/../c", "1")}, "a/ a/c=1 abs->/d d/ d/f=old l->d up->../../.. x=old",
			1},
		"a link": {[]entry{link("n", "to/nowhere")},
			"abs->/d d/ d/f=old l->d n->to/nowhere up->../../.. x=old", 10},
		"a file on a file":     {[]entry{file("x", "new")}, "abs->/d d/ d/f=old l->d up->../../.. x=new", 3},
		"a file on a link":     {[]entry{file("l", "new")}, "abs->/d d/ d/f=old l=new up->../../.. x=old", 3},
		"a file on a folder":   {[]entry{file("d", "new")}, "abs->/d d=new l->d up->../../.. x=old", 3},
		"a folder on a folder": {[]entry{folderOf("d")}, "abs->/d d/ d/f=old l->d up->../../.. x=old", 0},
		"a folder on a file": {[]entry{folderOf("x"), file("x/y", "")}, "abs->/d d/ d/f=old l->d up->../../.. x/ x/y=",
			0},
		"a folder on a link":    {[]entry{folderOf("l")}, "abs->/d d/ d/f=old l/ up->../../.. x=old", 0},
		"a link on a folder":    {[]entry{link("d", "x")}, "abs->/d d->x l->d up->../../.. x=old", 1},
		"through a link":        {[]entry{file("l/g", "new")}, "abs->/d d/ d/f=old d/g=new l->d up->../../.. x=old", 3},
		"through an absolute":   {[]entry{file("abs/g", "new")}, "abs->/d d/ d/f=old d/g=new l->d up->../../.. x=old", 3},
		"through a link up":     {[]entry{file("up/d/g", "new")}, "abs->/d d/ d/f=old d/g=new l->d up->../../.. x=old", 3},
		"a hard link":           {[]entry{hard("h", "d/f")}, "abs->/d d/ d/f=old h=old l->d up->../../.. x=old", 0},
		"a hard link on a file": {[]entry{hard("x", "/d/f")}, "abs->/d d/ d/f=old l->d up->../../.. x=old", 0},
		"a hard link by a link": {[]entry{hard("h", "l/f")}, "abs->/d d/ d/f=old h=old l->d up->../../.. x=old", 0},
		"a hard link to a link": {[]entry{hard("h", "l")}, "abs->/d d/ d/f=old h->d l->d up->../../.. x=old", 0},
		"a pipe": {[]entry{{tar.TypeFifo, "p", ""}},
			"abs->/d d/ d/f=old l->d p?p--------- up->../../.. x=old", 0},
		"the root": {[]entry{folderOf("./"), file("f", "")}, "abs->/d d/ d/f=old f= l->d up->../../.. x=old",
			0},
		"a file of before": {[]entry{{'7', "f", ""}}, "abs->/d d/ d/f=old f= l->d up->../../.. x=old", 0},
		"what was just replaced": {[]entry{link("a", "d"), folderOf("a"), file("a/f", "new")},
			"a/ a/f=new abs->/d d/ d/f=old l->d up->../../.. x=old", 4},
		// Deletions of a layer hide what is below it and not what it brings, in either order.
		"a whiteout":       {[]entry{file(".wh.x", "")}, "abs->/d d/ d/f=old l->d up->../../..", 0},
		"of a folder":      {[]entry{file(".wh.d", "")}, "abs->/d l->d up->../../.. x=old", 0},
		"of a link":        {[]entry{file(".wh.l", "")}, "abs->/d d/ d/f=old up->../../.. x=old", 0},
		"by a link":        {[]entry{file("l/.wh.f", "")}, "abs->/d d/ l->d up->../../.. x=old", 0},
		"of nothing there": {[]entry{file("d/.wh.none", "")}, "abs->/d d/ d/f=old l->d up->../../.. x=old", 0},
		"before a file": {[]entry{file(".wh.x", ""), file("x", "new")}, "abs->/d d/ d/f=old l->d up->../../.. x=new",
			3},
		"after a file": {[]entry{file("d/g", "new"), file(".wh.d", "")}, "abs->/d d/ d/g=new l->d up->../../.. x=old",
			3},
		"an opaque folder": {[]entry{file("d/.wh..wh..opq", ""), file("d/g", "new")},
			"abs->/d d/ d/g=new l->d up->../../.. x=old", 3},
		"opaque after a file": {[]entry{file("d/g", "new"), file("d/.wh..wh..opq", "")},
			"abs->/d d/ d/g=new l->d up->../../.. x=old", 3},
		"an opaque root": {[]entry{file(".wh..wh..opq", ""), file("g", "new")}, "g=new", 3},
		"what aufs kept": {[]entry{folderOf(".wh..wh.plnk"), file(".wh..wh.aufs", "")},
			"abs->/d d/ d/f=old l->d up->../../.. x=old", 0},
	} {
		dir := t.TempDir()
		if _, err := Apply(t.Context(), dir, bytes.NewReader(layer(t, nil, below...)), Options{}); err != nil {
			t.Fatal(err)
		}
		before := open(t)
		size, err := Apply(t.Context(), dir, bytes.NewReader(layer(t, nil, row.entries...)), Options{})
		if got := holds(t, dir); err != nil || got != row.want || size != row.size {
			t.Errorf("%s: %d bytes, %v\n%s\n%s", what, size, err, got, row.want)
		}
		if now := open(t); now != before {
			t.Errorf("%s: %d descriptors are left", what, now-before)
		}
	}
}

// TestApplyRefuses: what leads out of the layer, is of no kind, or cannot be, ends it with an error of the sender's
// that names the entry; nothing beside the folder is touched.
func TestApplyRefuses(t *testing.T) {
	long := strings.Repeat(strings.Repeat("n", 250)+"/", 17)
	wide := func(h *tar.Header) { h.Devmajor = 1 << 12 }
	for what, row := range map[string]struct {
		entries []entry
		edit    func(*tar.Header)
		says    string
	}{
		"above":                    {[]entry{file("../f", "")}, nil, "leads out of the layer"},
		"above in between":         {[]entry{file("a/../../f", "")}, nil, "leads out of the layer"},
		"the folder above":         {[]entry{folderOf("..")}, nil, "leads out of the layer"},
		"a whiteout above":         {[]entry{file("../.wh.f", "")}, nil, "leads out of the layer"},
		"a whiteout of nothing":    {[]entry{file(".wh.", "")}, nil, "whiteout of nothing"},
		"a whiteout of itself":     {[]entry{file("a/.wh..", "")}, nil, "whiteout of nothing"},
		"a whiteout of above":      {[]entry{file("a/.wh...", "")}, nil, "whiteout of nothing"},
		"a hard link above":        {[]entry{hard("h", "../f")}, nil, "is not in the layer"},
		"a hard link to the root":  {[]entry{hard("h", "/")}, nil, "is not in the layer"},
		"a hard link to nothing":   {[]entry{hard("h", "none")}, nil, `link target "none"`},
		"a hard link to itself":    {[]entry{file("h", ""), hard("h", "./h")}, nil, "link to itself"},
		"a hard link to a folder":  {[]entry{folderOf("d"), hard("h", "d")}, nil, `link target "d"`},
		"a hard link by a way out": {[]entry{link("l", "/etc"), hard("h", "l/passwd")}, nil, `link target "l/passwd"`},
		"a device of no kind":      {[]entry{{tar.TypeChar, "c", ""}}, wide, "device 4096:0"},
		"a kind that is none":      {[]entry{{'Z', "z", ""}}, nil, "type 'Z' of entry is not known"},
		"a path that is too long":  {[]entry{file(long+"f", "")}, nil, "path of 4268 bytes"},
		"a link that is too long":  {[]entry{link("l", strings.Repeat("x", 4096))}, nil, "link target of 4096 bytes"},
		"an owner of nowhere": {[]entry{file("f", "")}, func(h *tar.Header) { h.Uid = 70000 },
			"owner 70000:0 has no place in the user namespace"},
		"a group of nowhere": {[]entry{file("f", "")}, func(h *tar.Header) { h.Gid = 70000 },
			"owner 0:70000 has no place in the user namespace"},
	} {
		above := t.TempDir()
		dir := above + "/root"
		must(t, os.Mkdir(dir, 0o755), os.WriteFile(above+"/f", []byte("safe"), 0o600))
		opened := open(t)
		o := Options{}
		if row.edit != nil {
			o.UIDs, o.GIDs = []fs.IDMap{{Container: 0, Host: os.Getuid(), Size: 65536}},
				[]fs.IDMap{{Container: 0, Host: os.Getgid(), Size: 65536}}
		}
		_, err := Apply(t.Context(), dir, bytes.NewReader(layer(t, row.edit, row.entries...)), o)
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), row.says) ||
			!strings.Contains(err.Error(), "layer entry ") {
			t.Errorf("%s: %v", what, err)
		}
		if raw, _ := os.ReadFile(above + "/f"); string(raw) != "safe" {
			t.Errorf("%s: the file beside is %q", what, raw)
		}
		if n := open(t) - opened; n != 0 {
			t.Errorf("%s: %d descriptors are left", what, n)
		}
	}
}

// TestApplyLinksRound: links that lead round, and chains of them that are too long, end; forty are followed.
func TestApplyLinksRound(t *testing.T) {
	chain := func(n int) (list []entry) {
		list = append(list, folderOf("0"))
		for i := range n {
			list = append(list, link(fmt.Sprint(i+1), fmt.Sprint(i)))
		}
		return append(list, file(fmt.Sprint(n, "/f"), "x"))
	}
	for what, row := range map[string]struct {
		entries []entry
		err     error
	}{
		"round":             {[]entry{link("a", "b"), link("b", "a"), file("a/f", "")}, unix.ELOOP},
		"to itself":         {[]entry{link("a", "a"), file("a/f", "")}, unix.ELOOP},
		"through itself":    {[]entry{link("a", "a/b"), file("a/f", "")}, unix.ELOOP},
		"forty":             {chain(40), nil},
		"forty-one":         {chain(41), unix.ELOOP},
		"a file on the way": {[]entry{file("a", ""), file("a/f", "")}, unix.ENOTDIR},
	} {
		dir := t.TempDir()
		_, err := Apply(t.Context(), dir, bytes.NewReader(layer(t, nil, row.entries...)), Options{})
		if !errors.Is(err, row.err) || row.err == nil && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestApplyMetadata: modes, times to the nanosecond, of folders too though they were filled later, and attributes;
// those by which overlayfs keeps its books are left out.
func TestApplyMetadata(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "archive")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	when := time.Unix(1_400_000_000, 123_456_789)
	raw := layer(t, func(h *tar.Header) {
		h.Format, h.ModTime = tar.FormatPAX, when
		switch h.Name {
		case "d/":
			h.Mode, h.ModTime = 0o1777, time.Unix(-7, 5)
		case "d/f":
			h.Mode = 0o6755
			h.PAXRecords = map[string]string{xattrPrefix + "user.a": "v\x00w", xattrPrefix + "trusted.overlay.opaque": "y",
				xattrPrefix + "user.overlay.opaque": "y",
				xattrPrefix + "security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}
		case "late":
			h.ModTime, h.AccessTime = time.Unix(5, 0), when
		}
	}, folderOf("d/"), file("d/f", "x"), file("d/g", "y"), file("late", ""), link("l", "d"))
	_, err = Apply(t.Context(), dir, bytes.NewReader(raw), Options{})
	must(t, err)
	for name, want := range map[string]struct {
		mode      uint32
		sec, nsec int64
		access    int64
	}{
		"d": {unix.S_IFDIR | 0o1777, -7, 5, -7}, "d/f": {unix.S_IFREG | 0o6755, when.Unix(), 123_456_789, when.Unix()},
		"late": {unix.S_IFREG | 0o644, 5, 0, when.Unix()}, "l": {unix.S_IFLNK | 0o777, when.Unix(), 123_456_789, when.Unix()},
	} {
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(dir, name), &st))
		if st.Mode != want.mode || st.Mtim.Sec != want.sec || st.Mtim.Nsec != want.nsec || st.Atim.Sec != want.access {
			t.Errorf("%s: mode %o, changed %d.%09d, read %d", name, st.Mode, st.Mtim.Sec, st.Mtim.Nsec, st.Atim.Sec)
		}
	}
	var list [4096]byte
	n, err := unix.Listxattr(dir+"/d/f", list[:])
	must(t, err)
	names := strings.Split(strings.TrimRight(string(list[:n]), "\x00"), "\x00")
	names = slices.DeleteFunc(names,
		func(s string) bool { return !strings.HasPrefix(s, "user.") && !strings.HasPrefix(s, "trusted.") })
	if !slices.Equal(names, []string{"user.a"}) {
		t.Errorf("attributes %q", names)
	}
}

// TestApplyNames: names as people and programs make them come through: long ones, spaces, other alphabets, bytes that
// are of none.
func TestApplyNames(t *testing.T) {
	for _, format := range []tar.Format{tar.FormatGNU, tar.FormatPAX} {
		for _, name := range []string{
			strings.Repeat("n", 255), strings.Repeat("folder/", 30) + "file", "with space", "tab\there", "new\nline", "한글",
			"caf\xe9", "\xff\xfe", "-rf", "*", "a:b", "..f", "f..", "...",
			strings.Repeat(strings.Repeat("d", 200)+"/", 19) + "f",
		} {
			dir := t.TempDir()
			raw := layer(t, func(h *tar.Header) { h.Format = format }, file(name, "x"), hard("hard", name), link("soft", name))
			var record, again bytes.Buffer
			_, err := Apply(t.Context(), dir, bytes.NewReader(raw), Options{Record: &record})
			if err != nil {
				t.Errorf("%v, %.40q: %v", format, name, err)
				continue
			}
			// Not by the path: it is longer than one call takes.
			fd, err := rootAt(t, dir).Open(name, unix.O_RDONLY)
			if err != nil {
				t.Errorf("%v, %.40q is not there: %v", format, name, err)
				continue
			}
			var st unix.Stat_t
			must(t, unix.Fstat(fd, &st), unix.Close(fd))
			to, err := os.Readlink(dir + "/soft")
			if err != nil || to != name || st.Nlink != 2 || st.Size != 1 {
				t.Errorf("%v, %.40q: %d links, %d bytes, the link leads to %.40q", format, name, st.Nlink, st.Size, to)
			}
			must(t, Rebuild(&again, dir, &record))
			if !bytes.Equal(again.Bytes(), raw) {
				t.Errorf("%v, %.40q: the tar comes back otherwise", format, name)
			}
		}
	}
}

// TestApplyHostileNumbers: what headers claim is not believed: sizes that are not there, sparse files without end.
func TestApplyHostileNumbers(t *testing.T) {
	header := func(size string, kind byte, more func([]byte)) []byte {
		h := make([]byte, 512)
		copy(h, "f")
		copy(h[100:], "0000644\x00")
		copy(h[108:], "0000000\x000000000\x00")
		copy(h[124:], size)
		copy(h[136:], "00000000000\x00")
		h[156] = kind
		copy(h[257:], "ustar  \x00")
		if more != nil {
			more(h)
		}
		copy(h[148:], "        ")
		sum := 0
		for _, b := range h {
			sum += int(b)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		return h
	}
	pad := make([]byte, 1024)
	for what, row := range map[string]struct {
		raw  []byte
		says string
	}{
		"a terabyte": {append(header("\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00", '0', nil), pad...),
			"unexpected EOF"},
		"less than nothing": {append(header("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", '0', nil), pad...),
			"invalid tar header"},
		"no number": {append(header("zzzzzzzzzzz\x00", '0', nil), pad...), "invalid tar header"},
		"a sparse terabyte": {append(header("00000000000\x00", 'S',
			func(h []byte) { copy(h[483:], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00") }), pad...),
			"sparse file of 1099511627776 bytes"},
		"a wrong sum": {append(bytes.Replace(header("00000000000\x00", '0', nil), []byte("f"), []byte("g"), 1),
			pad...), "invalid tar header"},
		"half a header":         {header("00000000000\x00", '0', nil)[:300], "unexpected EOF"},
		"a cut content":         {append(header("00000001000\x00", '0', nil), pad[:100]...), "unexpected EOF"},
		"text":                  {bytes.Repeat([]byte("no tar "), 200), "invalid tar header"},
		"a long name of nobody": {append(header("00000000777\x00", 'L', nil), pad[:100]...), "unexpected EOF"},
	} {
		dir := t.TempDir()
		opened := open(t)
		_, err := Apply(t.Context(), dir, bytes.NewReader(row.raw), Options{Record: io.Discard})
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", what, err)
		}
		if n := open(t) - opened; n != 0 {
			t.Errorf("%s: %d descriptors are left", what, n)
		}
	}
}

// TestApplyOnce: with a record, a file whose content would be lost is refused, wherever the second is; what holds no
// content may come again.
func TestApplyOnce(t *testing.T) {
	for what, row := range map[string]struct {
		entries []entry
		ok      bool
	}{
		"twice":                      {[]entry{file("f", "1"), file("f", "2")}, false},
		"twice by another name":      {[]entry{file("f", "1"), file("./x/../f", "2")}, false},
		"under a folder":             {[]entry{file("d/f", "1"), link("d", "e")}, false},
		"under a link":               {[]entry{file("f", "1"), link("f", "e")}, false},
		"under a pipe":               {[]entry{file("f", "1"), {tar.TypeFifo, "f", ""}}, false},
		"an empty file":              {[]entry{file("f", ""), file("f", "2")}, true},
		"a link":                     {[]entry{link("f", "a"), file("f", "2")}, true},
		"a file that has more names": {[]entry{file("f", "1"), hard("g", "f"), file("f", "2")}, false},
		"another name of a file":     {[]entry{file("f", "1"), hard("g", "f"), file("g", "2")}, true},
		"a hard link twice":          {[]entry{file("f", "1"), hard("g", "f"), hard("g", "f")}, true},
		"a folder":                   {[]entry{folderOf("d"), file("d/f", "1"), folderOf("d")}, true},
		"what is below":              {[]entry{file("below", "2")}, true},
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(dir+"/below", []byte("1"), 0o600))
		raw := layer(t, nil, row.entries...)
		var record, again bytes.Buffer
		_, err := Apply(t.Context(), dir, bytes.NewReader(raw), Options{Record: &record})
		if row.ok != (err == nil) || err != nil &&
			(!errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "comes more than once")) {
			t.Errorf("%s: %v", what, err)
		}
		if !row.ok {
			continue
		}
		if err := Rebuild(&again, dir, &record); err != nil || !bytes.Equal(again.Bytes(), raw) {
			t.Errorf("%s: the tar comes back otherwise: %v", what, err)
		}
	}
}

// TestApplyDiskFails: every operation of the disk that fails ends it with that error; nothing is left open.
func TestApplyDiskFails(t *testing.T) {
	raw := layer(t, nil, folderOf("d"), file("d/f", strings.Repeat("x", 100_000)), link("l", "d"), hard("h", "d/f"),
		entry{tar.TypeFifo, "p", ""}, file("d", "2"), file("way/f", ""),
		file(".wh.below", ""))
	count, at := 0, -1
	d := &disk.Disk{Around: func(_ *disk.Op, do func() error) error {
		if count++; count-1 == at {
			return unix.ENOSPC
		}
		return do()
	}}
	try := func() error {
		dir := t.TempDir()
		must(t, os.MkdirAll(dir+"/below/f", 0o700))
		count = 0
		_, err := Apply(t.Context(), dir, bytes.NewReader(raw), Options{Disk: d})
		return err
	}
	must(t, try())
	all := count
	for at = range all {
		opened := open(t)
		if err := try(); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("operation %d of %d: %v", at, all, err)
		}
		if n := open(t) - opened; n != 0 {
			t.Errorf("operation %d: %d descriptors are left", at, n)
		}
	}
	if all < 12 {
		t.Errorf("%d operations", all)
	}
}

// TestApplyEnds: a caller that has no more time, and a stream that fails, end it with their own errors.
func TestApplyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	raw := layer(t, nil, file("f", "x"))
	if _, err := Apply(ctx, t.TempDir(), bytes.NewReader(raw), Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	errWire := errors.New("the wire is cut")
	for _, n := range []int{0, 100, 512, 513, 1024, 1500} {
		_, err := Apply(t.Context(), t.TempDir(), io.MultiReader(bytes.NewReader(raw[:n]), failing{errWire}), Options{})
		if !errors.Is(err, errWire) || errdefs.IsInvalidArgument(err) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	if _, err := Apply(t.Context(), t.TempDir()+"/none", bytes.NewReader(raw), Options{}); !errors.Is(err,
		os.ErrNotExist) {
		t.Error(err)
	}
	for at := range 3 {
		w := &failingWriter{after: at * 30}
		if _, err := Apply(t.Context(), t.TempDir(), bytes.NewReader(raw), Options{Record: w}); err == nil {
			t.Errorf("a record that fails after %d bytes is no error", w.after)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// failingWriter takes some bytes.
type failingWriter struct{ after int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, unix.ENOSPC
	}
	return len(p), nil
}
