package logs

import (
	"errors"
	"os"
	"strconv"
)

// rotate starts a new file. After an error the old one stays in use.
func (l *file) rotate() error {
	if l.packer != nil {
		l.packer.names.Lock()
		defer l.packer.names.Unlock()
	}
	f, err := l.begin()
	if err != nil {
		return err
	}
	err = l.f.Close()
	l.f, l.size = f, 0
	if l.packer != nil {
		l.packer.add(l.path, l.format)
	}
	return err
}

// begin renumbers the old file, or replaces it if only one is kept, and creates the new one. If several are kept,
// path is missing for a moment.
func (l *file) begin() (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_APPEND
	if l.keep < 2 {
		temporary := l.path + ".tmp"
		f, err := os.OpenFile(temporary, flags|os.O_TRUNC, 0o640)
		if err != nil {
			return nil, err
		}
		if err := os.Rename(temporary, l.path); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	}
	if err := shift(l.path, l.keep); err != nil {
		return nil, err
	}
	if err := os.Rename(l.path, numbered(l.path, 1)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(l.path, flags|os.O_EXCL, 0o640)
	if err != nil {
		return nil, errors.Join(err, os.Rename(numbered(l.path, 1), l.path))
	}
	return f, nil
}

// shift makes room for path.1: it renumbers each older file and deletes the oldest.
func shift(path string, keep int) error {
	for n := keep - 1; n >= 1; n-- {
		for _, suffix := range []string{"", packed} {
			from := numbered(path, n) + suffix
			var err error
			if n == keep-1 {
				err = os.Remove(from)
			} else {
				err = os.Rename(from, numbered(path, n+1)+suffix)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// packed is the suffix of a compressed file.
const packed = ".gz"

func numbered(path string, n int) string { return path + "." + strconv.Itoa(n) }
