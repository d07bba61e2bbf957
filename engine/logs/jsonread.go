package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"box/engine/logs/driver"
)

func splitJSON(b []byte) (int, error) {
	if n := bytes.IndexByte(b, '\n') + 1; n > 0 {
		return n, nil
	}
	if len(b) >= maxRecord {
		return len(b), errDamaged
	}
	return 0, nil
}

// jsonRecord is a record for encoding/json.
type jsonRecord struct {
	Log    string            `json:"log"`
	Stream string            `json:"stream"`
	Attrs  map[string]string `json:"attrs"`
	Time   time.Time         `json:"time"`
}

// parseJSON decodes a record: by glance in the form that Docker and box write, else as any JSON.
func parseJSON(raw []byte, e *Entry, details bool) error {
	if glance(raw, e, details) {
		return nil
	}
	var r jsonRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	*e = Entry{Stream: driver.Stdout, Time: r.Time, Text: []byte(r.Log), Attrs: r.Attrs}
	if r.Stream == "stderr" {
		e.Stream = driver.Stderr
	}
	return nil
}

// glance decodes a record with its keys in the usual order. It unescapes the text in place, but only once nothing can
// fail any more.
func glance(raw []byte, e *Entry, details bool) bool {
	const clock = `,"time":"`
	text, ok := bytes.CutPrefix(raw, []byte(`{"log":"`))
	if !ok {
		return false
	}
	end := closing(text)
	at := bytes.LastIndex(text, []byte(clock))
	if end < 0 || at < end {
		return false
	}
	stamp, ok := bytes.CutSuffix(text[at+len(clock):], []byte("\"}\n"))
	if !ok {
		return false
	}
	stream, attrs := driver.Stdout, text[end+1:at]
	if attrs, ok = bytes.CutPrefix(attrs, []byte(`,"stream":"std`)); !ok || len(attrs) < 4 || attrs[3] != '"' {
		return false
	}
	switch string(attrs[:3]) {
	case "out":
	case "err":
		stream = driver.Stderr
	default:
		return false
	}
	var labels map[string]string
	if attrs = attrs[4:]; len(attrs) > 0 {
		if attrs, ok = bytes.CutPrefix(attrs, []byte(`,"attrs":`)); !ok || details && json.Unmarshal(attrs, &labels) != nil {
			return false
		}
	}
	if e.Time.UnmarshalText(stamp) != nil {
		return false
	}
	e.Stream, e.Text, e.Attrs = stream, unescape(text[:end]), labels
	return true
}

// unescape decodes, in place, the escapes of a string that closing has accepted.
func unescape(b []byte) []byte {
	from := bytes.IndexByte(b, '\\')
	if from < 0 {
		return b
	}
	w := from
	for r := from; r < len(b); r++ {
		c := b[r]
		if c != '\\' {
			b[w] = c
			w++
			continue
		}
		r++
		switch b[r] {
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			c = unhex(b[r+3])<<4 | unhex(b[r+4])
			r += 4
		default:
			c = b[r]
		}
		b[w] = c
		w++
	}
	return b[:w]
}

// closing returns the index of the quote that ends a string, or -1 if there is none or unescape cannot decode the
// string.
func closing(b []byte) int {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return -1
	}
	next := bytes.IndexByte(b[:i], '\\')
	if next < 0 {
		return i
	}
	for i = next; i < len(b); i++ {
		switch {
		case b[i] == '"':
			return i
		case b[i] != '\\':
			continue
		case i+1 < len(b) && bytes.IndexByte([]byte(`nrt"\`), b[i+1]) >= 0:
			i++
		case i+6 <= len(b) && string(b[i+1:i+4]) == "u00" && unhex(b[i+4]) < 8 && unhex(b[i+5]) < 16:
			i += 5
		default:
			return -1
		}
	}
	return -1
}

// unhex returns the value of a hexadecimal digit in lower case, 255 for other bytes.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// tailJSON searches backwards for newlines, each of which ends a record.
func tailJSON(r io.ReaderAt, size int64, n int) (start int64, found int, err error) {
	const block = 32 << 10
	buf := make([]byte, min(block, size))
	last := int64(-1) // start of the record after the newline found last
	for end := size; end > 0; {
		from := max(end-block, 0)
		p := buf[:end-from]
		if _, err := r.ReadAt(p, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		for i := bytes.LastIndexByte(p, '\n'); i >= 0; i = bytes.LastIndexByte(p[:i], '\n') {
			if last >= 0 {
				found++
			}
			last = from + int64(i) + 1
			if found == n {
				return last, n, nil
			}
		}
		end = from
	}
	if last < 0 {
		return size, 0, nil
	}
	return 0, found + 1, nil
}

// wholeJSON finds the end of the last complete line, since a crash may leave part of a line or, on some file systems,
// zeros.
func wholeJSON(r *os.File, size int64) (int64, error) {
	const end = "}\n"
	for n := min(size, 4<<10); ; n = min(size, maxRecord) { // the first size is nearly always enough
		b := make([]byte, n)
		if _, err := r.ReadAt(b, size-n); err != nil {
			return 0, err
		}
		if b[n-1] == '\n' {
			return size, nil
		}
		if i := bytes.LastIndex(b, []byte(end)); i >= 0 {
			return size - n + int64(i+len(end)), nil
		}
		if n == size {
			return 0, nil
		}
		if n == maxRecord { // not written by us, so we do not truncate it
			_, err := r.Write([]byte{'\n'})
			return size + 1, err
		}
	}
}
