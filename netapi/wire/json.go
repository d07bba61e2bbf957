package wire

import (
	"bytes"
	"encoding/json"
	"io"
)

// NewEncoder writes JSON as Docker does: <, > and & stand for themselves, for no browser takes it for a page.
func NewEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// Marshal is json.Marshal as NewEncoder writes.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := NewEncoder(&b).Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
