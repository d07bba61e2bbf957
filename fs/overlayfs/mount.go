package overlayfs

import (
	"os"
	"strings"

	"box/fs/mount"
)

// Stack is what a mount shows as one: folders, relative to the root of a driver, the top one first.
type Stack struct {
	Lowers []string
	Upper  string // takes what is written; "" for a mount that is only read, which needs two lowers
	Work   string // overlayfs's own, beside Upper
}

// Mount returns the mount of a stack below root at target. Paths are absolute, as people expect in /proc/mounts, unless
// they would not fit the page or contain characters that overlayfs interprets.
func (h Host) Mount(root string, s Stack, target string) mount.Mount {
	m := mount.Mount{Type: "overlay", Source: "overlay", Target: target, Options: h.optionsOf(s, root+"/")}
	if strings.ContainsAny(root, `,:\`) || len(strings.Join(m.Options, ",")) >= os.Getpagesize() {
		m.Dir, m.Options = root, h.optionsOf(s, "")
	}
	return m
}

func (h Host) optionsOf(s Stack, prefix string) []string {
	o := []string{"lowerdir=" + prefix + strings.Join(s.Lowers, ":"+prefix)}
	if s.Upper == "" {
		return append(o, "ro")
	}
	return append(append(o, "upperdir="+prefix+s.Upper, "workdir="+prefix+s.Work), h.Options...)
}
