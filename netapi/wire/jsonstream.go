package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Message is a line of the progress stream of pull, push, load, import and build. Error ends the stream; the status of
// the reply is 200 nevertheless, because it was sent at the beginning.
type Message struct {
	Stream   string          `json:"stream,omitempty"`
	Status   string          `json:"status,omitempty"`
	Progress string          `json:"progress,omitempty"` // a bar as text, for clients that do not know progressDetail
	Detail   *Progress       `json:"progressDetail,omitempty"`
	ID       string          `json:"id,omitempty"`
	ErrorOf  *ErrorDetail    `json:"errorDetail,omitempty"`
	Error    string          `json:"error,omitempty"`
	Aux      json.RawMessage `json:"aux,omitempty"`
}

// Progress is progress towards Total, in bytes or in Units. Total is 0 if it is not known.
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

// maxLine is the maximum length of a line in bytes; those of builds with aux are the longest.
const maxLine = 16 << 20

// JSONWriter writes objects, each ended by CR LF and flushed. It may be used by several goroutines.
type JSONWriter struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

// NewJSONWriter writes to w, and flushes it if it is an http.ResponseWriter.
func NewJSONWriter(w io.Writer) *JSONWriter {
	j := &JSONWriter{w: w, flush: func() error { return nil }}
	if rw, ok := w.(http.ResponseWriter); ok {
		j.flush = http.NewResponseController(rw).Flush
	}
	return j
}

// Write writes v as one line.
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

// Fail writes the line with which a stream ends because of err.
func (j *JSONWriter) Fail(err error) error {
	return j.Write(Message{Error: err.Error(), ErrorOf: &ErrorDetail{Message: err.Error()}})
}

// JSONReader reads a stream of JSON objects of limited size.
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
