package btrfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// volume mounts an empty btrfs.
func volume(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	return fstest.OnLoop(t, "btrfs")
}

// newRoot makes a folder on a btrfs.
func newRoot(t *testing.T, at string) string {
	t.Helper()
	dir, err := os.MkdirTemp(at, "root")
	must(t, err)
	return dir
}

// TestOnOneVolume is what needs no btrfs of its own, which takes a second to make.
func TestOnOneVolume(t *testing.T) {
	at := volume(t)
	t.Run("suite", func(t *testing.T) {
		fstest.Suite{
			Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
				return Open(t.Context(), root, db, d, nil)
			},
			Root:  func(t *testing.T) string { return filepath.Join(newRoot(t, at), Name) },
			Quota: true, Limit: 16 << 20,
		}.Run(t)
	})
	for name, test := range map[string]func(t *testing.T, at string){"nested": nestedGo, "by path": nestedByPath,
		"orphans": orphansGo, "unchanged": unchangedFolders} {
		t.Run(name, func(t *testing.T) { test(t, at) })
	}
}

func TestElsewhere(t *testing.T) {
	if On(t.TempDir()) {
		t.Skip("the temporary files are on btrfs")
	}
	err := Works(filepath.Join(t.TempDir(), "no/such/folder"))
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "is not on btrfs") ||
		!strings.Contains(err.Error(), "would bring it") {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		opt, text string
	}{
		{"btrfs.min_space=1G", ""}, {"BTRFS.MIN_SPACE=512m", ""},
		{"btrfs.min_space=much", "btrfs.min_space: \"much\" is no size"}, {"btrfs.min_space=-1", "is no size"},
		{"btrfs.size=1G", "btrfs.size is not known to btrfs"}, {"size=1G", "size is not known to btrfs"},
	} {
		err := CheckOptions([]string{row.opt})
		if (err == nil) != (row.text == "") || err != nil && !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v", row.opt, err)
		}
	}
}
