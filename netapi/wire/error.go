package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// errorBody is the body of an error reply.
type errorBody struct {
	Message string `json:"message"`
}

// maxError is how much of an error reply is read, in bytes.
const maxError = 64 << 10

// WriteError replies with a status and {"message": text}, or with the text alone if plain is set, as API versions
// before 1.24 did.
func WriteError(w http.ResponseWriter, status int, text string, plain bool) error {
	if plain {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, err := io.WriteString(w, text+"\n")
		return err
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(errorBody{text}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// ReadError returns the text of an error reply, whether it is JSON or not.
func ReadError(res *http.Response) string {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	if err != nil && len(raw) == 0 {
		return res.Status
	}
	var body errorBody
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if json.Unmarshal(raw, &body) == nil && body.Message != "" {
			return strings.TrimSpace(body.Message)
		}
	}
	if text := strings.TrimSpace(string(raw)); text != "" {
		return text
	}
	return res.Status
}
