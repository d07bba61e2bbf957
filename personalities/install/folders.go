package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"box/personalities/outfile"
)

// folderList is the name of the file with the folders that install made, one on each line, for --uninstall.
const folderList = "box.folders"

// makeFolder makes a folder and its missing parents, and remembers which it made.
func (o *options) makeFolder(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			return err
		}
		missing = append(missing, d)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	slices.Reverse(missing)
	o.made = append(o.made, missing...)
	return nil
}

func (o *options) folderList() string { return filepath.Join(o.in(o.dir), folderList) }

// noteFolders adds the folders that were made to the list. Paths in it are relative to --root.
func (o *options) noteFolders() error {
	if len(o.made) == 0 {
		return nil
	}
	if _, err := os.Stat(o.in(o.dir)); o.Uninstall && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var text strings.Builder
	for _, dir := range append(o.listed(), o.made...) {
		rest, err := filepath.Rel(o.Root, dir)
		if err != nil {
			return err
		}
		text.WriteString("/" + rest + "\n")
	}
	return outfile.Replace(o.folderList(), []byte(text.String()), 0o644)
}

// listed returns the folders in the list.
func (o *options) listed() (dirs []string) {
	raw, err := os.ReadFile(o.folderList())
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(raw)) {
		dirs = append(dirs, o.in(strings.TrimSuffix(line, "\n")))
	}
	return dirs
}

// planTidy removes the folders that install made, unless they contain something.
func (o *options) planTidy() []step {
	dirs := o.listed()
	if len(dirs) == 0 {
		return nil
	}
	return []step{{"remove the folders that were made", func() error {
		if err := os.Remove(o.folderList()); err != nil {
			return err
		}
		for _, dir := range slices.Backward(dirs) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // something is in it
				o.made = append([]string{dir}, o.made...)
			}
		}
		return nil // what stays is noted again
	}}}
}
