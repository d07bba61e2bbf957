package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"box/fs/disk"
)

// A record is its length 4, its sum 4, and the data. The sum is of the sum before it too, so that what is left of an
// old journal behind the end is no record of this one.
const (
	recordHead = 8
	maxRecord  = 64 << 20
)

// journal is the file that begins with the directory.
type journal struct {
	disk *disk.Disk
	path string
	file *os.File
	size int64
	sum  uint32
}

// record appends a record to a buffer.
func record(to []byte, before uint32, data []byte) (out []byte, sum uint32) {
	sum = crc32.Update(before, castagnoli, data)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(data)))
	to = binary.LittleEndian.AppendUint32(to, sum)
	return append(to, data...), sum
}

// append writes a record, and waits for the disk. After an error the record is not there.
func (j *journal) append(data []byte) error {
	raw, sum := record(nil, j.sum, data)
	_, err := j.disk.WriteAt(j.file, raw, j.size)
	if err == nil {
		err = j.disk.Sync(j.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write history: %w", err), j.disk.Truncate(int(j.file.Fd()), j.size))
	}
	j.size, j.sum = j.size+int64(len(raw)), sum
	return nil
}

// replace puts a new journal, which has a directory only, in the place of the old one. After an error the old one is
// there, unless it may be the new one; what is next must be a replace again.
func (j *journal) replace(directory []byte) (may bool, err error) {
	raw, sum := record(nil, 0, directory)
	beside := j.path + ".new"
	f, err := j.disk.Create(beside, os.O_TRUNC, 0o600)
	if err != nil {
		return false, fmt.Errorf("write history: %w", err)
	}
	_, err = j.disk.WriteAt(f, raw, 0)
	if err == nil {
		err = j.disk.Sync(f)
	}
	if err == nil {
		err = j.disk.Rename(beside, j.path)
	}
	if may = err == nil; may {
		err = j.disk.SyncFolder(filepath.Dir(j.path))
	}
	if err != nil {
		return may, errors.Join(fmt.Errorf("write history: %w", err), f.Close())
	}
	j.close()
	j.file, j.size, j.sum = f, int64(len(raw)), sum
	return true, nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
	}
}

// openJournal reads the records of a journal. What is behind the last good one is cut off. The error is
// errdefs.ErrNotFound without a file, and errdefs.ErrDataLoss if its directory cannot be read.
func openJournal(path string, d *disk.Disk) (j *journal, records [][]byte, err error) {
	j = &journal{disk: d, path: path}
	raw, err := readWhole(path)
	if err != nil {
		return j, nil, err
	}
	for rest := raw; ; {
		data, sum, ok := cut(rest, j.sum)
		if !ok {
			break
		}
		records, j.sum = append(records, data), sum
		j.size += recordHead + int64(len(data))
		rest = raw[j.size:]
	}
	if len(records) == 0 {
		return &journal{disk: d, path: path}, nil, fmt.Errorf("%s has no directory: %w", path, errdefs.ErrDataLoss)
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return j, nil, err
	}
	if j.size < int64(len(raw)) {
		err = d.Truncate(int(j.file.Fd()), j.size)
	}
	return j, records, err
}

func readWhole(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("history %s: %w", path, errdefs.ErrNotFound)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > 2*maxRecord:
		return nil, fmt.Errorf("%s is no journal: %w", path, errdefs.ErrDataLoss)
	}
	return os.ReadFile(path)
}

// cut takes the first record.
func cut(raw []byte, before uint32) (data []byte, sum uint32, ok bool) {
	if len(raw) < recordHead {
		return nil, 0, false
	}
	n := binary.LittleEndian.Uint32(raw)
	sum = binary.LittleEndian.Uint32(raw[4:])
	if n == 0 || n > maxRecord || int(n) > len(raw)-recordHead {
		return nil, 0, false
	}
	data = raw[recordHead : recordHead+n]
	return data, sum, crc32.Update(before, castagnoli, data) == sum
}
