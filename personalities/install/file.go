package install

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"box/personalities/outfile"
)

// beside is the prefix of temporary files. The next run overwrites one that was left over.
const beside = ".box-install."

// copyFile copies a file to a temporary name, syncs it and renames it to target, which may be running.
func copyFile(source, target string) error {
	if err := outfile.Replaceable(target); err != nil {
		return err
	}
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	fresh := besideOf(target)
	out, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(fresh, target)
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	return syncFolder(target)
}

// keep gives the file at path a second name, so that path always exists. It replaces a file of that name.
func keep(path, as string) error {
	if err := errors.Join(outfile.Replaceable(path), outfile.Replaceable(as)); err != nil {
		return err
	}
	fresh := besideOf(as)
	err := os.Link(path, fresh)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.EMLINK) { // a file system without hard links
		return copyFile(path, as)
	}
	if err == nil {
		err = os.Rename(fresh, as)
	}
	os.Remove(fresh) // rename of two names of one file does nothing and leaves both
	if err != nil {
		return err
	}
	return syncFolder(as)
}

// makeLink replaces a file or link by a symbolic link.
func makeLink(to, path string) error {
	if err := outfile.Replaceable(path); err != nil {
		return err
	}
	fresh := besideOf(path)
	if err := os.Symlink(to, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		os.Remove(fresh)
		return err
	}
	return syncFolder(path)
}

// removeLink removes or restores a link. It removes the folder too, if that is a systemd .wants folder and empty.
func removeLink(path string) error {
	if err := restore(path); err != nil {
		return err
	}
	if dir := filepath.Dir(path); filepath.Ext(dir) == ".wants" {
		_ = os.Remove(dir) // others have links there
	}
	return nil
}

// writeFile writes text to a temporary name, syncs it and renames it to target.
func writeFile(target, text string, mode os.FileMode) error {
	if err := outfile.Replaceable(target); err != nil {
		return err
	}
	fresh := besideOf(target)
	out, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = out.WriteString(text)
	err = errors.Join(err, out.Chmod(mode), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(fresh, target)
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	return syncFolder(target)
}

// writeLike replaces the content of a file and keeps its mode.
func writeLike(target, text string) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	return outfile.Replace(target, []byte(text), info.Mode().Perm())
}

// restore removes a file, or restores the one that keep kept.
func restore(path string) error {
	if _, err := os.Lstat(path + kept); err == nil {
		if err := os.Rename(path+kept, path); err != nil {
			return err
		}
	} else if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(path)
}

// exchange swaps two files atomically (renameat2, Linux 3.15). On older kernels both names are the first file for a
// moment.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		third := besideOf(b)
		if err = os.Link(a, third); err == nil {
			err = os.Rename(b, a)
		}
		if err == nil {
			err = os.Rename(third, b)
		}
	}
	if err != nil {
		return err
	}
	return syncFolder(a)
}

// besideOf returns a temporary name in the same folder, and removes what an earlier run may have left there.
func besideOf(path string) string {
	fresh := filepath.Join(filepath.Dir(path), beside+filepath.Base(path))
	os.Remove(fresh)
	return fresh
}

func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// sameContent tells whether b exists and has the content of a.
func sameContent(a, b string) (bool, error) {
	if !isFile(b) {
		if info, err := os.Lstat(b); err == nil {
			return false, fmt.Errorf("%s exists and is not a regular file but %s", b, info.Mode().Type())
		}
		return false, nil
	}
	fa, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		nA, errA := io.ReadFull(fa, bufA)
		nB, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:nA], bufB[:nB]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			endA := errors.Is(errA, io.EOF) || errors.Is(errA, io.ErrUnexpectedEOF)
			endB := errors.Is(errB, io.EOF) || errors.Is(errB, io.ErrUnexpectedEOF)
			if !endA || !endB {
				return false, errors.Join(errA, errB)
			}
			return true, nil
		}
	}
}
