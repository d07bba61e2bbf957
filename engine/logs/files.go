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

// Files is a log on the disk, as readers find it.
type Files struct {
	Path  string
	Local bool // in the format of the driver local, not of json-file
}

// Place returns where a container's readable log is, given the container's folder: the log file itself, or the cache
// of a driver that cannot be read. Path is "" if there is none.
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

// Size returns the bytes of all files of the log.
func (l Files) Size() (size int64) {
	if l.Path == "" {
		return 0
	}
	add := func(path string) {
		if st, err := os.Stat(path); err == nil {
			size += st.Size()
		}
	}
	add(l.Path)
	for _, n := range numbers(l.Path) {
		add(l.Path + "." + strconv.Itoa(n))
		add(l.Path + "." + strconv.Itoa(n) + packed)
	}
	return size
}

// numbers lists the numbers of a log's rotated files, the oldest (highest) first.
func numbers(path string) []int {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // names read before an error count
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

// part is an open file of a log.
type part struct {
	f      *os.File
	inode  uint64 // of a compressed file: the original's, 0 if not recorded
	last   time.Time
	packed bool
}

func (p *part) close() { p.f.Close() }

func closeAll(parts []*part) {
	for _, p := range parts {
		p.close()
	}
}

// openAll opens the files of a log, the oldest first. The newest may be missing.
func openAll(path string) ([]*part, error) {
	for try := 0; ; try++ {
		parts, err := openOnce(path)
		if err != nil {
			return nil, err
		}
		// If the newest is still the newest, no file was renumbered meanwhile.
		st, err := os.Stat(path)
		if err == nil && len(parts) > 0 && !parts[len(parts)-1].packed && parts[len(parts)-1].inode == inodeOf(st) ||
			try == openTries {
			return parts, nil
		}
		if errors.Is(err, os.ErrNotExist) && len(parts) == 0 {
			return nil, nil
		}
		closeAll(parts)
		time.Sleep(openPause) // a rotation is in progress
	}
}

// How often and how long to wait for a rotation in progress.
const (
	openTries = 50
	openPause = time.Millisecond
)

// openOnce opens files from the newest to the oldest, the direction in which rotation moves them: it may see one
// twice but misses none.
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
			p.close() // it was renamed meanwhile
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

// records reads a file from the beginning, or a plain one from an offset. Reading a truncated compressed file ends
// where it becomes unreadable.
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

// tail finds where the last n records of a file begin: at an offset or, in a compressed file, after skip records.
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
