package netapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// maxForm is the maximum size of a body that is logged, in bytes.
const maxForm = 4096

// secrets are parts of names whose values are never logged.
var secrets = [...]string{"password", "passphrase", "secret", "token", "auth", "credential", "key", "buildargs"}

const masked = "*****"

// logRequest writes a debug message with the method, path, parameters and JSON body of a request, without secrets. The
// returned function logs the status and how long the request took.
func (s *Server) logRequest(r *http.Request) (answered func(http.ResponseWriter)) {
	if !s.log.Enabled(r.Context(), slog.LevelDebug) {
		return func(http.ResponseWriter) {}
	}
	begun := time.Now()
	line := []any{"method", r.Method, "path", r.URL.Path}
	if r.RemoteAddr != "" && r.RemoteAddr != "@" {
		line = append(line, "from", r.RemoteAddr)
	}
	if name := clientName(r); name != "" {
		line = append(line, "certificate", name)
	}
	form := map[string]any{}
	for name, values := range r.URL.Query() {
		form[name] = strings.Join(values, ",")
	}
	if len(form) > 0 {
		line = append(line, "query", shown(form))
	}
	if body := peek(r); body != nil {
		var v any
		if json.Unmarshal(body, &v) == nil {
			line = append(line, "form", shown(v))
		}
	}
	s.log.Debug("request", line...)
	return func(w http.ResponseWriter) {
		status := 0
		if p, ok := w.(*reply); ok {
			status = p.status
		}
		s.log.Debug("answered", "method", r.Method, "path", r.URL.Path, "status", status,
			"took", time.Since(begun).Round(10*time.Microsecond).String())
	}
}

// peek reads a short JSON body, and puts it back.
func peek(r *http.Request) []byte {
	if r.Body == nil || r.ContentLength < 1 || r.ContentLength > maxForm || !isJSON(r.Header.Get("Content-Type")) {
		return nil
	}
	raw, err := io.ReadAll(r.Body)
	var rest io.Reader = bytes.NewReader(raw)
	if err != nil {
		rest = io.MultiReader(rest, failing{err})
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{rest, r.Body}
	return raw
}

// failing is the end of a body that could not be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// shown formats v as JSON without secrets.
func shown(v any) string {
	raw, err := json.Marshal(mask(v, ""))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// mask replaces secrets, and the values of environment variables, which often are secrets. name is the key of v.
func mask(v any, name string) any {
	name = strings.ToLower(name)
	for _, s := range secrets {
		if strings.Contains(name, s) {
			return masked
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = mask(inner, key)
		}
	case []any:
		for i, inner := range v {
			text, ok := inner.(string)
			if variable, _, isSet := strings.Cut(text, "="); ok && isSet && name == "env" {
				v[i] = variable + "=" + masked
				continue
			}
			v[i] = mask(inner, "")
		}
	}
	return v
}
