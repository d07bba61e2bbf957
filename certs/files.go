package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// File is a file to write. Its name may contain a folder.
type File struct {
	Name string
	Mode os.FileMode
	Data []byte
}

// Folders for files that are being written, and for complete files that only have to be moved.
const (
	making = ".certs-new"
	ready  = ".certs-ready"
)

// Write writes all files to folder, or none whatever happens. Readers that call Settle never see a mixture. Existing
// files are an error unless force is set; those of kept are overwritten in any case.
func Write(folder string, force bool, files []File, kept ...File) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	unlock, err := lock(folder)
	if err != nil {
		return err
	}
	defer unlock()
	if err := settle(folder); err != nil {
		return err
	}
	var there []string
	for i, f := range slices.Concat(files, kept) {
		path := filepath.Join(folder, f.Name)
		if err := checkWay(folder, f.Name); err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file and is left alone", path)
		}
		if err == nil && i < len(files) {
			there = append(there, path)
		}
	}
	if len(there) > 0 && !force {
		return fmt.Errorf("%s: %w: nothing was written; --force overwrites it", strings.Join(there, ", "), fs.ErrExist)
	}
	if err := stage(folder, append(slices.Clone(files), kept...)); err != nil {
		return errors.Join(err, os.RemoveAll(filepath.Join(folder, making)))
	}
	if err := os.Rename(filepath.Join(folder, making), filepath.Join(folder, ready)); err != nil {
		return err
	}
	if err := syncPath(folder); err != nil {
		return err
	}
	return settle(folder)
}

// checkWay refuses a file that could not be moved to its place. Otherwise the complete files would stay in their folder
// forever.
func checkWay(folder, name string) error {
	at, err := os.Stat(folder)
	if err != nil {
		return err
	}
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		path := filepath.Join(folder, dir)
		st, err := os.Stat(path)
		switch {
		case errors.Is(err, syscall.ENOTDIR): // told of the one above
		case errors.Is(err, fs.ErrNotExist):
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s is a link that leads nowhere and is left alone", path)
			}
		case err != nil:
			return err
		case !st.IsDir():
			return fmt.Errorf("%s is no folder and is left alone", path)
		case st.Sys().(*syscall.Stat_t).Dev != at.Sys().(*syscall.Stat_t).Dev:
			return fmt.Errorf("%s is on another file system than %s: nothing can be moved there", path, folder)
		}
	}
	return nil
}

// stage writes and syncs the files in the folder for files that are being written.
func stage(folder string, files []File) error {
	base := filepath.Join(folder, making)
	if err := os.Mkdir(base, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(base, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := writeNew(path, f); err != nil {
			return err
		}
	}
	return filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncPath(p)
	})
}

func writeNew(path string, f File) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	return errors.Join(err, out.Chmod(f.Mode), out.Sync(), out.Close())
}

// Settle completes a Write that was interrupted: complete files are moved into place, others are removed. It does
// nothing if the folder does not exist or is not writable.
func Settle(folder string) error {
	if _, err := os.Lstat(filepath.Join(folder, ready)); err != nil {
		return nil
	}
	unlock, err := lock(folder)
	if err != nil {
		return err
	}
	defer unlock()
	return settle(folder)
}

func settle(folder string) error {
	if err := os.RemoveAll(filepath.Join(folder, making)); err != nil {
		return err
	}
	base := filepath.Join(folder, ready)
	if _, err := os.Lstat(base); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == base {
			return err
		}
		name, err := filepath.Rel(base, p)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, name)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		if err := os.Rename(p, to); err != nil {
			return err
		}
		return syncPath(filepath.Dir(to))
	})
	if err != nil {
		return fmt.Errorf("put the files of %s in place: %w", base, err)
	}
	return os.RemoveAll(base)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lock prevents other writes to folder until unlock.
func lock(folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	return func() { f.Close() }, nil
}
