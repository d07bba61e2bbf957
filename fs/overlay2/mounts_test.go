package overlay2

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"box/fs"
	"box/fs/layers"
	"box/fs/overlayfs"
)

// TestMountOptions: what overlayfs is told: layers from the top down, by absolute paths where those fit a page and have
// no character in them that it takes for its own.
func TestMountOptions(t *testing.T) {
	below := func(n int) (list []layers.Row) {
		for i := range n {
			list = append(list, layers.Row{Link: fmt.Sprintf("LINK%022d", i)})
		}
		return list
	}
	row := layers.Row{Info: fs.Info{ID: strings.Repeat("1", 64), State: fs.Active}, Link: "OWN"}
	view := row
	view.State = fs.View
	for what, c := range map[string]struct {
		root   string
		row    layers.Row
		below  int
		host   []string
		begins string // of lowerdir
		ends   string
		from   string // folder that the paths are relative to
	}{
		"a container": {"/data/overlay2", row, 2, nil,
			"lowerdir=/data/overlay2/l/LINK" + strings.Repeat("0", 22) + ":/data/overlay2/l/LINK",
			"workdir=/data/overlay2/" + row.ID + "/work", ""},
		"with what the host wants": {"/data/overlay2", row, 1, []string{"index=off", "userxattr"},
			"lowerdir=/data/overlay2/l/", ",index=off,userxattr", ""},
		"a view": {"/data/overlay2", view, 1, []string{"index=off"},
			"lowerdir=/data/overlay2/l/OWN:/data/overlay2/l/LINK", ",ro", ""},
		"a comma":     {"/da,ta", row, 1, nil, "lowerdir=l/LINK", ",workdir=" + row.ID + "/work", "/da,ta"},
		"a colon":     {"/da:ta", row, 1, nil, "lowerdir=l/LINK", ",workdir=" + row.ID + "/work", "/da:ta"},
		"a backslash": {`/da\ta`, row, 1, nil, "lowerdir=l/LINK", ",workdir=" + row.ID + "/work", `/da\ta`},
		"the most": {"/data/overlay2", row, maxLowers, nil, "lowerdir=l/LINK", ",workdir=" + row.ID + "/work",
			"/data/overlay2"},
		"a long way": {"/" + strings.Repeat("d", 3000), row, 2, nil, "lowerdir=l/LINK",
			",workdir=" + row.ID + "/work", "/" + strings.Repeat("d", 3000)},
	} {
		d := &Driver{root: c.root, host: overlayfs.Host{Options: c.host}}
		m := d.overlay(c.row, below(c.below), c.root+"/x/merged")
		joined := strings.Join(m.Options, ",")
		if !strings.HasPrefix(joined, c.begins) || !strings.HasSuffix(joined, c.ends) || m.Dir != c.from ||
			m.Target != c.root+"/x/merged" || m.Type != "overlay" {
			t.Errorf("%s: %+v", what, m)
		}
		if len(joined) >= os.Getpagesize() {
			t.Errorf("%s: %d bytes do not fit a page", what, len(joined))
		}
		if n := strings.Count(strings.SplitN(joined, ",", 2)[0], "LINK"); n != c.below {
			t.Errorf("%s: %d layers below, want %d", what, n, c.below)
		}
		if c.row.State == fs.View && strings.Contains(joined, "upperdir") {
			t.Errorf("%s can be written to: %s", what, joined)
		}
	}
}
