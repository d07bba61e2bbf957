// Package programs finds out which programs an image has, for the error about a program that it does not have.
package programs

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/inroot"
)

// Limits, because the root comes from an image and may be made to be slow.
const (
	mostFolders = 16
	mostNames   = 20_000
	mostShown   = 6
)

// Missing says what an image has instead of a program that is not in its PATH, or returns "".
func Missing(open inroot.Opener, name, searched string) string {
	if name == "" || strings.Contains(name, "/") {
		return ""
	}
	var names, folders []string
	for n, dir := range strings.Split(searched, ":") {
		if n == mostFolders || len(names) > mostNames {
			break
		}
		if found := in(open, dir); len(found) > 0 {
			names, folders = append(names, found...), append(folders, dir)
		}
	}
	if len(names) == 0 {
		if top := in(open, "/"); len(top) > 0 {
			return "the image has nothing in its PATH, and at its top /" + strings.Join(shown(top, name), ", /")
		}
		return "the image has no programs in its PATH"
	}
	return fmt.Sprintf("the image has %d programs in %s, such as %s", len(names), strings.Join(folders, ", "),
		strings.Join(shown(names, name), ", "))
}

// in returns the executable files in a folder.
func in(open inroot.Opener, dir string) (names []string) {
	if !path.IsAbs(dir) {
		return nil
	}
	fd, err := open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	entries, err := f.Readdirnames(mostNames)
	if err != nil {
		return nil
	}
	for _, name := range entries {
		var st unix.Stat_t
		// A link is taken for what it says: where it leads is the container's own matter.
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		kind := st.Mode & unix.S_IFMT
		if kind == unix.S_IFLNK && dir != "/" || kind == unix.S_IFREG && st.Mode&0o111 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// shown returns a few names, the most similar ones first and shells before others.
func shown(names []string, like string) []string {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(likeness(b, like), likeness(a, like)), cmp.Compare(a, b))
	})
	few := names[:min(len(names), mostShown)]
	for i, name := range few {
		few[i] = strings.ToValidUTF8(strings.Map(printable, name), "?")
	}
	return few
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// likeness returns how many letters two names have in common at the beginning. Shells always count.
func likeness(name, like string) int {
	n := 0
	for n < len(name) && n < len(like) && name[n] == like[n] {
		n++
	}
	if name == "sh" || name == "bash" {
		n = max(n, 2)
	}
	return n
}
