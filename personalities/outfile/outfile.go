// Package outfile writes files to paths that a user names. After a crash, a file has its old or its new content. Links
// are followed. Devices, pipes, sockets and folders are never replaced.
package outfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrSpecial is wrapped by errors about a path that is not that of a regular file.
var ErrSpecial = errors.New("not a regular file")

// Replaceable refuses a path that must not be replaced by a rename. Links may be replaced.
func Replaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular() || info.Mode()&fs.ModeSymlink != 0:
		return nil
	}
	return special(path, kind(info.Mode()))
}

func special(path, what string) error {
	return fmt.Errorf("%s: there is %s: %w", path, what, ErrSpecial)
}

// maxLinks is how many links are followed, as in the kernel (path_resolution(7)).
const maxLinks = 40

// Replace writes content to path and syncs it. It refuses a path of anything but a regular file.
func Replace(path string, content []byte, mode fs.FileMode) error {
	target, err := Regular(path)
	if err != nil {
		return err
	}
	return replace(target, bytes.NewReader(content), mode)
}

// Stream writes r to path. Pipes and character devices are written to; other special files and folders are refused. If
// r fails, no file appears.
func Stream(path string, r io.Reader, mode fs.FileMode) error {
	target, err := Regular(path)
	if errors.Is(err, ErrSpecial) && writable(path) {
		return into(path, r)
	}
	if err != nil {
		return err
	}
	return replace(target, r, mode)
}

// Regular follows links, and returns the path of the regular file or the new file that path stands for.
func Regular(path string) (string, error) {
	for range maxLinks {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil
		case err != nil:
			return "", err
		case info.Mode().IsRegular():
			return path, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return "", special(path, kind(info.Mode()))
		case descriptor(path):
			return "", special(path, "an open file of a process")
		}
		next, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(next) {
			// Links in the folder are resolved first, since "../x" is relative to their targets.
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			next = filepath.Join(dir, next)
		}
		path = next
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// descriptor tells whether path is a link in /proc, which leads to an open file whatever its text says.
func descriptor(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(filepath.Dir(path), &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// writable tells whether a stream can be written to path: a pipe, a terminal, /dev/null or an open file.
func writable(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	mode := info.Mode()
	return mode.IsRegular() || mode&fs.ModeNamedPipe != 0 || mode&fs.ModeCharDevice != 0
}

func into(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// replace writes and syncs a temporary file and renames it to path.
func replace(path string, r io.Reader, mode fs.FileMode) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := Create(dir)
	if err != nil {
		return err
	}
	defer f.Discard()
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Chmod(mode), f.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Commit(filepath.Base(path)); err != nil {
		return err
	}
	return dir.Sync()
}

// kind describes the type of a file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeCharDevice != 0:
		return "a character device"
	case mode&fs.ModeDevice != 0:
		return "a block device"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a special file"
}
