package aufs

import (
	"os"
	"path/filepath"
	"strings"

	"box/fs"
	"box/fs/layers"
	"box/fs/mount"
)

// mounts returns the calls that mount a chain of layers, the top one first: the mount itself with as many branches as
// fit the page of its options, and for more of them remounts that append them.
func (d *Driver) mounts(chain []layers.Row) []mount.Mount {
	base := mount.Mount{Type: Name, Source: "none", Target: d.mnt(chain[0])}
	prefix := d.root + "/"
	if strings.ContainsAny(d.root, ",:=") { // which aufs takes for its own
		base.Dir, prefix = d.root, ""
	}
	var branches []string
	for i, row := range chain {
		right := "=ro+wh"
		if i == 0 && row.State != fs.View {
			right = "=rw"
		}
		branches = append(branches, prefix+filepath.Join("diff", row.ID)+right)
	}
	first := base
	options := d.options(chain[0].State)
	room := os.Getpagesize() - len("br:,"+strings.Join(options, ",")) - 1 // a zero byte at the end
	n := fitting(branches, len(":"), room)
	first.Options = append([]string{"br:" + strings.Join(branches[:n], ":")}, options...)
	all := []mount.Mount{first}
	for branches = branches[n:]; len(branches) > 0; branches = branches[n:] {
		next := base
		next.Options = []string{"remount"}
		if chain[0].State == fs.View {
			next.Options = append(next.Options, "ro")
		}
		n = fitting(branches, len(",append:"), os.Getpagesize()-1)
		for _, b := range branches[:n] {
			next.Options = append(next.Options, "append:"+b)
		}
		all = append(all, next)
	}
	return all
}

// options returns those beside the branches. The table of inodes is of no use after an unmount, so no disk has it.
func (d *Driver) options(state fs.State) []string {
	o := []string{"dio"}
	if d.host.xino {
		o = append(o, "xino="+shm+"/aufs.xino")
	}
	if d.host.dirperm {
		o = append(o, "dirperm1")
	}
	if state == fs.View {
		o = append(o, "ro")
	}
	return o
}

// fitting returns how many of the first texts fit so many bytes, one at least, each with more beside it.
func fitting(texts []string, beside, room int) int {
	for n, text := range texts {
		if room -= len(text) + beside; room < 0 {
			return max(n, 1)
		}
	}
	return len(texts)
}
