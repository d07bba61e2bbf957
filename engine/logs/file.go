package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"box/engine/logs/driver"
)

// records pools the buffers in which records wait for the end of a batch. A log holds one only during a batch.
var records = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxBatch is the number of bytes at which a batch is written early.
const maxBatch = 64 << 10

// file is a log on the disk: the newest lines at path, older ones in path.1, path.2 and so on, or path.1.gz. A batch
// of records is one write(2), so a crash truncates at most the last record.
type file struct {
	path   string
	format format
	encode func(b []byte, l *driver.Line) []byte
	limit  int64   // bytes after which the next record starts a new file; 0: never
	keep   int     // number of files, including the newest
	packer *Packer // compresses rotated files, nil for none

	f    *os.File
	size int64
	buf  *[]byte // records not yet written, nil for none
}

// open opens path for appending, creating it with mode 0640 if needed. It removes a record truncated by a crash.
func (l *file) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	if l.size, err = l.format.whole(f); err == nil {
		err = f.Truncate(l.size)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("log %s: %w", l.path, err), f.Close())
	}
	l.f = f
	if l.packer != nil {
		l.packer.add(l.path, l.format) // files that an earlier keeper did not compress
	}
	return nil
}

func (l *file) Log(_ context.Context, line *driver.Line) error {
	var err error
	if l.buf == nil {
		l.buf = records.Get().(*[]byte)
	}
	if l.limit > 0 && l.size+int64(len(*l.buf)) >= l.limit {
		if err = l.write(); l.size >= l.limit {
			err = errors.Join(err, l.rotate())
		}
	}
	*l.buf = l.encode(*l.buf, line)
	if len(*l.buf) >= maxBatch {
		err = errors.Join(err, l.write())
	}
	return err
}

func (l *file) Flush() error {
	if l.buf == nil {
		return nil
	}
	err := l.write()
	if cap(*l.buf) <= 2*maxBatch {
		records.Put(l.buf)
	}
	l.buf = nil
	return err
}

// write writes the content of buf. If it does not fit on the disk, none of it stays.
func (l *file) write() error {
	if len(*l.buf) == 0 {
		return nil
	}
	n, err := l.f.Write(*l.buf)
	*l.buf = (*l.buf)[:0]
	if err != nil && n > 0 {
		st, statErr := l.f.Stat()
		if statErr == nil {
			statErr = l.f.Truncate(st.Size() - int64(n))
		}
		err = errors.Join(err, statErr)
		n = 0
	}
	l.size += int64(n)
	return err
}

func (l *file) Close() error { return l.f.Close() }

// inode identifies a file among those that exist at the same time.
func inode(f *os.File) (uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return inodeOf(st), nil
}

func inodeOf(st os.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }
