package logs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"box/engine/logs/driver"
)

// Records of Docker's driver local: a length of four bytes, big-endian, a protocol buffers message, and the length
// again. The fields of the message are
//
//	1 string source, 2 int64 time_nano, 3 bytes line, 4 bool partial,
//	5 message partial_log_metadata { 1 bool last, 2 string id, 3 int32 ordinal }
const (
	frameEnds = 8 // the two lengths

	varintField = 0 // wire types of protocol buffers
	fixed64     = 1
	bytesField  = 2
	fixed32     = 5
)

// openLocal opens a log of the driver local, or with a prefix of its options the cache of another driver.
func openLocal(path string, options map[string]string, prefix string, p *Packer) (*file, error) {
	r, err := localRotation(options, prefix)
	if err != nil {
		return nil, err
	}
	l := &file{path: path, format: format{local: true}, encode: appendLocal, limit: r.size, keep: r.files}
	if r.compress {
		l.packer = p
	}
	return l, l.open()
}

func appendLocal(b []byte, l *driver.Line) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendBytes(b, 1, []byte(l.Stream.String()))
	b = appendVarint(b, 2, uint64(l.Time.UnixNano()))
	if len(l.Text) > 0 {
		b = appendBytes(b, 3, l.Text)
	}
	if l.Part > 0 {
		b = appendVarint(b, 4, 1)
		var part []byte
		if l.Last {
			part = appendVarint(part, 1, 1)
		}
		part = appendBytes(part, 2, []byte(l.ID))
		b = appendBytes(b, 5, appendVarint(part, 3, uint64(l.Part)))
	}
	size := uint32(len(b) - start - 4)
	binary.BigEndian.PutUint32(b[start:], size)
	return binary.BigEndian.AppendUint32(b, size)
}

func appendVarint(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(append(b, byte(field<<3|varintField)), v)
}

func appendBytes(b []byte, field int, v []byte) []byte {
	b = binary.AppendUvarint(append(b, byte(field<<3|bytesField)), uint64(len(v)))
	return append(b, v...)
}

func splitLocal(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > maxRecord {
		return 0, errDamaged
	}
	whole := int(n) + frameEnds
	if len(b) < whole {
		return 0, nil
	}
	if binary.BigEndian.Uint32(b[whole-4:]) != n {
		return 0, errDamaged
	}
	return whole, nil
}

func parseLocal(record []byte, e *Entry) error {
	var l driver.Line
	if err := parseLine(record, &l); err != nil {
		return err
	}
	*e = Entry{Stream: l.Stream, Time: l.Time, Text: l.Text}
	if !l.Open() {
		e.Text = append(e.Text, '\n') // overwrites a part of the record that was read already
	}
	return nil
}

// parseLine decodes a record that splitLocal found. The text is a slice of the record.
func parseLine(record []byte, l *driver.Line) error {
	*l = driver.Line{Stream: driver.Stdout}
	return fields(record[4:len(record)-4], func(field int, number uint64, data []byte) error {
		switch field {
		case 1:
			if string(data) == "stderr" {
				l.Stream = driver.Stderr
			}
		case 2:
			l.Time = time.Unix(0, int64(number)).UTC()
		case 3:
			l.Text = data
		case 4:
			l.Part = max(l.Part, int(min(number, 1)))
		case 5:
			return fields(data, func(field int, number uint64, data []byte) error {
				partField(l, field, number, data)
				return nil
			})
		}
		return nil
	})
}

// partField decodes a field of partial_log_metadata.
func partField(l *driver.Line, field int, number uint64, data []byte) {
	switch field {
	case 1:
		l.Last = number != 0
	case 2:
		l.ID = string(data)
	case 3:
		l.Part = max(1, int(int32(number)))
	}
}

// fields calls fn for each field of a message, with the value of a varint or the bytes of a bytes field.
func fields(b []byte, fn func(field int, number uint64, data []byte) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return errDamaged
		}
		b = b[n:]
		var number uint64
		var data []byte
		size := 0
		switch key & 7 {
		case varintField:
			number, size = binary.Uvarint(b)
			if size <= 0 {
				return errDamaged
			}
		case fixed64:
			size = 8
		case fixed32:
			size = 4
		case bytesField:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return errDamaged
			}
			size = n + int(length)
			data = b[n:size]
		default:
			return errDamaged
		}
		if size > len(b) {
			return errDamaged
		}
		if err := fn(int(key>>3), number, data); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// tailLocal follows the lengths backwards. If the last record is still being written, it starts at the last whole one.
func tailLocal(r io.ReaderAt, size int64, n int) (start int64, found int, err error) {
	at := size
	for found < n && at > 0 {
		before, ok, err := recordBefore(r, at)
		if err != nil {
			return 0, 0, err
		}
		if !ok && at == size {
			if at, err = wholeLocal(r, size); err != nil {
				return 0, 0, err
			}
			size = -1 // only try once
			continue
		}
		if !ok {
			break // damaged: records before this cannot be counted
		}
		at = before
		found++
	}
	return at, found, nil
}

// recordBefore finds where the record that ends at an offset begins.
func recordBefore(r io.ReaderAt, end int64) (start int64, ok bool, err error) {
	var b [4]byte
	if end < frameEnds {
		return 0, false, nil
	}
	if _, err := r.ReadAt(b[:], end-4); err != nil {
		return 0, false, err
	}
	n := binary.BigEndian.Uint32(b[:])
	start = end - frameEnds - int64(n)
	if n == 0 || n > maxRecord || start < 0 {
		return 0, false, nil
	}
	if _, err := r.ReadAt(b[:], start); err != nil {
		return 0, false, err
	}
	return start, binary.BigEndian.Uint32(b[:]) == n, nil
}

// wholeLocal returns where the last whole record ends, scanning from the beginning if the file does not end in one.
func wholeLocal(r io.ReaderAt, size int64) (int64, error) {
	if _, ok, err := recordBefore(r, size); ok || err != nil {
		return size, err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)
	for at := int64(0); ; {
		head, err := in.Peek(4)
		if err != nil {
			return at, ignoreEOF(err)
		}
		n := binary.BigEndian.Uint32(head)
		if n == 0 || n > maxRecord {
			return at, nil
		}
		if _, err := in.Discard(4 + int(n)); err != nil {
			return at, ignoreEOF(err)
		}
		end, err := in.Peek(4)
		if err != nil || binary.BigEndian.Uint32(end) != n {
			return at, ignoreEOF(err)
		}
		at += int64(n) + frameEnds
		_, _ = in.Discard(4) // cannot fail: they were peeked
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
