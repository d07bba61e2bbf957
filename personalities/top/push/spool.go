package push

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// spool keeps what could not be sent in files of a folder, the oldest first. It takes at most a bound: the oldest go
// then. A file appears whole or not at all.
type spool struct {
	dir   string
	bound int64
}

type piece struct {
	number int
	size   int64
}

// pieces lists the files. What is left of a write that was cut off is removed.
func (s *spool) pieces() ([]piece, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []piece
	for _, e := range entries {
		n, bad := strconv.Atoi(strings.TrimSuffix(e.Name(), ".lines"))
		info, gone := e.Info()
		switch {
		case strings.HasSuffix(e.Name(), ".new"):
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		case bad == nil && gone == nil && strings.HasSuffix(e.Name(), ".lines"):
			list = append(list, piece{n, info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b piece) int { return cmp.Compare(a.number, b.number) })
	return list, err
}

func (s *spool) path(number int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%09d.lines", number))
}

// add keeps lines. lost is how many bytes went to make room.
func (s *spool) add(lines []byte) (lost int64, err error) {
	list, err := s.pieces()
	if err != nil {
		return 0, err
	}
	next := 1
	total := int64(len(lines))
	for _, p := range list {
		total += p.size
		next = p.number + 1
	}
	for _, p := range list {
		if total <= s.bound {
			break
		}
		if err := os.Remove(s.path(p.number)); err != nil {
			return lost, err
		}
		total -= p.size
		lost += p.size
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return lost, err
	}
	beside := s.path(next) + ".new"
	if err := os.WriteFile(beside, lines, 0o600); err != nil {
		_ = os.Remove(beside)
		return lost, err
	}
	return lost, os.Rename(beside, s.path(next))
}

// oldest returns the oldest file, nil if there is none.
func (s *spool) oldest() (lines []byte, done func() error, err error) {
	list, err := s.pieces()
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	path := s.path(list[0].number)
	if list[0].size > s.bound {
		return nil, nil, fmt.Errorf("%s is larger than all may be: remove it", path)
	}
	lines, err = os.ReadFile(path)
	return lines, func() error { return os.Remove(path) }, err
}
