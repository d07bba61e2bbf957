package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// verbs are all that a disk does, each in a folder of its own with a file "old", a folder "full" with a file in it, and
// a link "link" to the file.
var verbs = map[string]func(d *Disk, dir string) error{
	"create": func(d *Disk, dir string) error {
		f, err := d.Create(dir+"/new", os.O_EXCL, 0o640)
		return errors.Join(err, f.Close())
	},
	"temp": func(d *Disk, dir string) error {
		f, err := d.CreateTemp(dir, "t*")
		return errors.Join(err, f.Close())
	},
	"write": func(d *Disk, dir string) error {
		f, err := os.OpenFile(dir+"/old", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = d.Writer(f).Write([]byte("NEW"))
		return err
	},
	"write at": func(d *Disk, dir string) error {
		f, err := os.OpenFile(dir+"/old", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = d.WriteAt(f, []byte("LD"), 1)
		return err
	},
	"write file": func(d *Disk, dir string) error { return d.WriteFile(dir+"/old", []byte("new"), 0o600) },
	"replace":    func(d *Disk, dir string) error { return d.Replace(dir+"/old", []byte("new"), 0o600) },
	"rename":     func(d *Disk, dir string) error { return d.Rename(dir+"/old", dir+"/new") },
	"remove":     func(d *Disk, dir string) error { return d.Remove(dir + "/old") },
	"remove all": func(d *Disk, dir string) error { return d.RemoveAll(dir + "/full") },
	"mkdir":      func(d *Disk, dir string) error { return d.Mkdir(dir+"/new", 0o750) },
	"mkdir all":  func(d *Disk, dir string) error { return d.MkdirAll(dir+"/a/b/c", 0o750) },
	"symlink":    func(d *Disk, dir string) error { return d.Symlink("old", dir+"/new") },
	"link":       func(d *Disk, dir string) error { return d.Link(dir+"/old", dir+"/new") },
	"sync":       func(d *Disk, dir string) error { return d.SyncFolder(dir) },
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/old", []byte("old"), 0o600), os.MkdirAll(dir+"/full/deep", 0o700),
		os.WriteFile(dir+"/full/deep/f", nil, 0o600),
		os.Symlink(dir+"/old", dir+"/full/link"))
	return dir
}

// shape is what is in a folder, with modes and contents; names that are made up are not told apart.
func shape(t *testing.T, dir string) string {
	t.Helper()
	var words []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		word := strings.TrimPrefix(p, dir) + " " + info.Mode().String()
		if strings.HasPrefix(d.Name(), "t") {
			word = "temp " + info.Mode().String()
		}
		if d.Type() == 0 {
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			word += " " + string(raw)
		}
		words = append(words, word)
		return nil
	}))
	slices.Sort(words)
	return strings.Join(words, "\n")
}

// TestSameBetween: with somebody between, each verb does what the kernel alone does.
func TestSameBetween(t *testing.T) {
	for name, verb := range verbs {
		plain, watched := folder(t), folder(t)
		ops := 0
		d := &Disk{Around: func(_ *Op, do func() error) error { ops++; return do() }}
		must(t, verb(nil, plain))
		must(t, verb(d, watched))
		if a, b := shape(t, plain), shape(t, watched); a != b {
			t.Errorf("%s makes\n%s\nand with somebody between\n%s", name, a, b)
		}
		if ops == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}

// TestFails: each operation of a verb that fails is an error with the reason and a path, and leaves no file half made
// under a name that others read.
func TestFails(t *testing.T) {
	for name, verb := range verbs {
		for at := 0; ; at++ {
			dir, ops := folder(t), 0
			d := &Disk{Around: func(_ *Op, do func() error) error {
				if ops++; ops-1 == at {
					return unix.EIO
				}
				return do()
			}}
			err := verb(d, dir)
			if ops <= at {
				must(t, err)
				break
			}
			var path *fs.PathError
			if !errors.Is(err, unix.EIO) || !errors.As(err, &path) || !strings.HasPrefix(path.Path, dir) {
				t.Errorf("%s, operation %d: %v", name, at, err)
			}
			after := shape(t, dir)
			switch name {
			case "replace":
				if !strings.Contains(after, "/old -rw------- old") || strings.Contains(after, ".new") {
					t.Errorf("%s, operation %d leaves\n%s", name, at, after)
				}
			case "temp", "create", "rename", "symlink", "link", "mkdir", "remove":
				if after != shape(t, folder(t)) {
					t.Errorf("%s, operation %d leaves\n%s", name, at, after)
				}
			}
		}
	}
}

// TestErrors: what the kernel refuses is the same error with somebody between: callers ask what it is.
func TestErrors(t *testing.T) {
	between := &Disk{Around: func(_ *Op, do func() error) error { return do() }}
	for name, row := range map[string]struct {
		do   func(d *Disk, dir string) error
		want error // nil for none
	}{
		"create of what is there": {func(d *Disk, dir string) error {
			_,
				err := d.Create(dir+"/old", os.O_EXCL, 0o600)
			return err
		}, os.ErrExist},
		"mkdir of what is there": {func(d *Disk, dir string) error { return d.Mkdir(dir+"/full", 0o700) }, os.ErrExist},
		"mkdir below a file": {func(d *Disk, dir string) error { return d.MkdirAll(dir+"/old/x", 0o700) },
			unix.ENOTDIR},
		"mkdir all of what is":    {func(d *Disk, dir string) error { return d.MkdirAll(dir+"/full/deep", 0o700) }, nil},
		"remove of nothing":       {func(d *Disk, dir string) error { return d.Remove(dir + "/none") }, os.ErrNotExist},
		"remove of a full folder": {func(d *Disk, dir string) error { return d.Remove(dir + "/full") }, unix.ENOTEMPTY},
		"remove all of nothing":   {func(d *Disk, dir string) error { return d.RemoveAll(dir + "/none") }, nil},
		"remove all of a link":    {func(d *Disk, dir string) error { return d.RemoveAll(dir + "/full/link") }, nil},
		"rename of nothing": {func(d *Disk, dir string) error { return d.Rename(dir+"/none", dir+"/x") },
			os.ErrNotExist},
		"rename on a full folder": {func(d *Disk, dir string) error { return d.Rename(dir+"/full/deep", dir+"/full") },
			os.ErrExist},
		"link on what is there": {func(d *Disk, dir string) error { return d.Link(dir+"/old", dir+"/full/link") },
			os.ErrExist},
		"symlink on what is there": {func(d *Disk, dir string) error { return d.Symlink("x", dir+"/old") }, os.ErrExist},
		"sync of nothing":          {func(d *Disk, dir string) error { return d.SyncFolder(dir + "/none") }, os.ErrNotExist},
		"write into a folder": {func(d *Disk, dir string) error { return d.WriteFile(dir+"/full", nil, 0o600) },
			unix.EISDIR},
		"replace of a folder": {func(d *Disk, dir string) error { return d.Replace(dir+"/full", nil, 0o600) },
			os.ErrExist},
	} {
		for _, d := range []*Disk{nil, between} {
			dir := folder(t)
			err := row.do(d, dir)
			if row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("%s, somebody between %v: %v", name, d != nil, err)
			}
			if raw, err := os.ReadFile(dir + "/old"); name == "remove all of a link" && (err != nil || string(raw) != "old") {
				t.Errorf("where the link led there is %q, %v", raw, err)
			}
		}
	}
}

// TestShortWrite: of a write that is cut, only the beginning is on the disk, and what was left is told.
func TestShortWrite(t *testing.T) {
	dir := folder(t)
	d := &Disk{Around: func(op *Op, do func() error) error {
		if op.Kind == Write {
			op.Data = op.Data[:len(op.Data)/2]
			return errors.Join(do(), unix.ENOSPC)
		}
		return do()
	}}
	f, err := os.OpenFile(dir+"/old", os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	n, err := d.Writer(f).Write([]byte("12345678"))
	must(t, f.Close())
	if raw, _ := os.ReadFile(dir + "/old"); n != 4 || !errors.Is(err, unix.ENOSPC) || !bytes.Equal(raw, []byte("1234")) {
		t.Errorf("%d bytes, %v, %q", n, err, raw)
	}
	if err := d.Replace(dir+"/old", []byte("abcdefgh"), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
	if raw, _ := os.ReadFile(dir + "/old"); string(raw) != "1234" {
		t.Errorf("a file that could not be replaced is %q", raw)
	}
	a, errA := os.Open(dir + "/old")
	b, errB := os.Create(dir + "/clone")
	must(t, errA, errB)
	defer a.Close()
	defer b.Close()
	if err := d.Clone(b, a); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("content is shared behind who stands between: %v", err)
	}
}
