package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Message is one line of a progress stream: pull, push, load, import, build. Error ends the stream; the
// status of the reply stays 200, because it was sent long before.
type Message struct {
	Stream   string          `json:"stream,omitempty"`
	Status   string          `json:"status,omitempty"`
	Progress string          `json:"progress,omitempty"` // text bar, for clients older than progressDetail
	Detail   *Progress       `json:"progressDetail,omitempty"`
	ID       string          `json:"id,omitempty"`
	ErrorOf  *ErrorDetail    `json:"errorDetail,omitempty"`
	Error    string          `json:"error,omitempty"`
	Aux      json.RawMessage `json:"aux,omitempty"`
}

// Progress counts towards Total, in bytes unless Units says otherwise. Total 0 means it is not known.
type Progress struct {
	Current    int64  `json:"current,omitempty"`
	Total      int64  `json:"total,omitempty"`
	Start      int64  `json:"start,omitempty"` // Unix seconds
	HideCounts bool   `json:"hidecounts,omitempty"`
	Units      string `json:"units,omitempty"`
}

// ErrorDetail is the error that ended a stream.
type ErrorDetail struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// maxLine is the longest line a JSONReader takes: a build's aux blocks are the largest.
const maxLine = 16 << 20

// JSONWriter sends one object a line, ended by CR LF, each flushed at once. It may be used by several
// goroutines.
type JSONWriter struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

// NewJSONWriter writes to w and flushes it after each object when it is an http.ResponseWriter.
func NewJSONWriter(w io.Writer) *JSONWriter {
	j := &JSONWriter{w: w, flush: func() error { return nil }}
	if rw, ok := w.(http.ResponseWriter); ok {
		j.flush = http.NewResponseController(rw).Flush
	}
	return j
}

// Write sends v as one line.
func (j *JSONWriter) Write(v any) error {
	line, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a line of the stream: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.w.Write(append(line, '\r', '\n')); err != nil {
		return err
	}
	return j.flush()
}

// Fail sends the line that tells a client that the work ended in err.
func (j *JSONWriter) Fail(err error) error {
	return j.Write(Message{Error: err.Error(), ErrorOf: &ErrorDetail{Message: err.Error()}})
}

// JSONReader reads a stream of JSON objects, each within a limit of size.
type JSONReader struct {
	limit *io.LimitedReader
	dec   *json.Decoder
}

// NewJSONReader reads objects from r.
func NewJSONReader(r io.Reader) *JSONReader {
	limit := &io.LimitedReader{R: r, N: maxLine}
	return &JSONReader{limit: limit, dec: json.NewDecoder(limit)}
}

// Read decodes the next object into v. It returns io.EOF at the end of the stream.
func (j *JSONReader) Read(v any) error {
	err := j.dec.Decode(v)
	if j.limit.N <= 0 {
		return fmt.Errorf("a line of the stream is over %d bytes", maxLine)
	}
	j.limit.N = maxLine
	if errors.Is(err, io.EOF) || err == nil {
		return err
	}
	return fmt.Errorf("read a line of the stream: %w", err)
}
