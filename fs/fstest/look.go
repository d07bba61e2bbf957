package fstest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// look describes every entry below a folder by its path. Times are those of files, in seconds, as layers have them.
func (b *bench) look(root string) map[string]string {
	b.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err == nil && name != "." {
			all[name], err = describe(p)
		}
		return err
	})
	b.must(err)
	return all
}

func describe(p string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return "", err
	}
	s := fmt.Sprintf("%o %d:%d", st.Mode, st.Uid, st.Gid)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		to, err := os.Readlink(p)
		return s + " -> " + to, err
	case unix.S_IFCHR, unix.S_IFBLK:
		s += fmt.Sprintf(" device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	case unix.S_IFREG:
		sum, err := contentSum(p)
		if err != nil {
			return "", err
		}
		s += fmt.Sprintf(" %d bytes %s at %d", st.Size, sum, st.Mtim.Sec)
	}
	attributes, err := attributesOf(p)
	return s + attributes, err
}

func contentSum(p string) (string, error) {
	f, err := os.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// attributesOf lists the attributes that a layer keeps.
func attributesOf(p string) (string, error) {
	list := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, list)
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	names := strings.FieldsFunc(string(list[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	out := ""
	for _, name := range names {
		if !strings.HasPrefix(name, "user.") && name != "security.capability" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(p, name, value)
		if err != nil {
			return "", err
		}
		out += fmt.Sprintf(" %s=%q", name, value[:n])
	}
	return out, nil
}

// alike compares what two folders hold.
func (b *bench) alike(what string, want, have map[string]string) {
	b.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] != want[name] {
			b.Errorf("%s: %q is %q, want %q", what, name, have[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			b.Errorf("%s: %q is there: %s", what, name, have[name])
		}
	}
}
