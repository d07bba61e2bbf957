package logs

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Files is a log on the disk as readers find it.
type Files struct {
	Path  string
	Local bool // in the format of the driver local, else of json-file
}

// Place says where the log of a container is kept that can be read, given its folder: the log file itself, or the
// cache of a driver that cannot be read. The path is "" when there is none.
func Place(driver string, options map[string]string, dir, id string) Files {
	switch {
	case driver == "json-file":
		return Files{Path: filepath.Join(dir, id+"-json.log")}
	case driver == "local":
		return Files{Path: filepath.Join(dir, "local-logs", "container.log"), Local: true}
	case remotes[driver].open == nil || isTrue(options["cache-disabled"]):
		return Files{}
	}
	return Files{Path: filepath.Join(dir, "container-cached.log"), Local: true}
}

// numbers are those of the rotated files of a log, the oldest (highest) first.
func numbers(path string) []int {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what was read counts
	var list []int
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, filepath.Base(path)+".")
		n, err := strconv.Atoi(strings.TrimSuffix(rest, packed))
		if ok && err == nil && n > 0 && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// part is one file of a log, open.
type part struct {
	f      *os.File
	inode  uint64 // of a compressed file: that of what was compressed, 0 when it does not say
	last   time.Time
	packed bool
}

func (p *part) close() { p.f.Close() }

func closeAll(parts []*part) {
	for _, p := range parts {
		p.close()
	}
}

// openAll opens the files of a log, the oldest first. The newest is not among them when there is none.
func openAll(path string) ([]*part, error) {
	for try := 0; ; try++ {
		parts, err := openOnce(path)
		if err != nil {
			return nil, err
		}
		// When the newest is still the newest, no file took another number meanwhile.
		st, err := os.Stat(path)
		if err == nil && len(parts) > 0 && !parts[len(parts)-1].packed && parts[len(parts)-1].inode == inodeOf(st) ||
			try == openTries {
			return parts, nil
		}
		if errors.Is(err, os.ErrNotExist) && len(parts) == 0 {
			return nil, nil
		}
		closeAll(parts)
		time.Sleep(openPause) // the moment of a rotation
	}
}

// What a rotation in between costs a reader.
const (
	openTries = 50
	openPause = time.Millisecond
)

// openOnce goes from the newest to the oldest, the way in which files move: one may be met twice, but none is missed.
func openOnce(path string) (parts []*part, err error) {
	defer func() {
		if err != nil {
			closeAll(parts)
			parts = nil
		}
		slices.Reverse(parts)
	}()
	highest := 0
	if list := numbers(path); len(list) > 0 {
		highest = list[0]
	}
	for n := 0; n <= highest+1; n++ {
		name := path
		if n > 0 {
			name = numbered(path, n)
		}
		p, err := openPart(name, false)
		if errors.Is(err, os.ErrNotExist) && n > 0 {
			p, err = openPart(name+packed, true)
		}
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return parts, err
		}
		if !p.packed && slices.ContainsFunc(parts, func(o *part) bool { return !o.packed && o.inode == p.inode }) {
			p.close() // it moved on under our eyes
			continue
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func openPart(name string, compressed bool) (*part, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	p := &part{f: f, packed: compressed}
	if !compressed {
		if p.inode, err = inode(f); err != nil {
			f.Close()
			return nil, err
		}
		return p, nil
	}
	var h header
	if z, err := gzip.NewReader(f); err == nil && json.Unmarshal(z.Extra, &h) == nil {
		p.inode, p.last = h.Inode, h.LastTime
	}
	return p, nil
}

// records reads a file from the beginning, or from an offset of one that is not compressed. A compressed file that
// was cut ends where it cannot be read any more.
func (p *part) records(f format, from int64) (*scanner, error) {
	if _, err := p.f.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	if !p.packed {
		return &scanner{r: p.f, format: f, at: from}, nil
	}
	z, err := gzip.NewReader(p.f)
	if err != nil {
		return &scanner{broken: true}, nil
	}
	return &scanner{r: z, format: f}, nil
}

// tail finds where the last n records of a file begin: an offset, or in a compressed file how many to leave out.
func (p *part) tail(f format, n int) (from int64, skip, found int, err error) {
	if !p.packed {
		size, err := p.f.Seek(0, io.SeekEnd)
		if err != nil {
			return 0, 0, 0, err
		}
		from, found, err = f.tail(p.f, size, n)
		return from, 0, found, err
	}
	in, err := p.records(f, 0)
	if err != nil {
		return 0, 0, 0, err
	}
	var e Entry
	for in.next(&e, false) == nil {
		found++
	}
	if found > n {
		return 0, found - n, n, nil
	}
	return 0, 0, found, nil
}
