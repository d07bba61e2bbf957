package wire

import (
	"bytes"
	"encoding/json"
	"io"
)

// NewEncoder returns an encoder that, as Docker's, does not escape <, > and &.
func NewEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// Marshal is json.Marshal with NewEncoder.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := NewEncoder(&b).Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
