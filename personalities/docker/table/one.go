package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sync"
	"text/template"

	"box/templates"
)

// Value is one object over which templates are run: a typed value, and the JSON from which it was decoded.
type Value struct {
	Typed any             // a pointer
	Raw   json.RawMessage // nil: there is only the typed value
}

// Text runs a template over the typed value, and over the JSON if that fails, because a daemon may send fields that the
// type lacks. If both fail, out is the output of the typed value so far.
func (v Value) Text(t *template.Template) (out []byte, typedErr, rawErr error) {
	var text bytes.Buffer
	if v.Raw != nil {
		known := sync.OnceValue(v.parts)
		t.Funcs(template.FuncMap{"json": func(of any) (string, error) { return jsonOf(of, known) }})
	}
	typedErr = t.Execute(&text, v.Typed)
	if typedErr == nil || v.Raw == nil {
		return text.Bytes(), typedErr, typedErr
	}
	var other bytes.Buffer
	if rawErr = v.overRaw(&other, t); rawErr != nil {
		return text.Bytes(), typedErr, rawErr
	}
	return other.Bytes(), nil, nil
}

func (v Value) parts() parts {
	all := parts{}
	all.add(reflect.ValueOf(v.Typed), v.Raw)
	return all
}

// jsonOf implements the template function json: what was decoded from the JSON is printed as it was received.
func jsonOf(of any, known func() parts) (string, error) {
	id, ok := partOf(reflect.ValueOf(of))
	if !ok {
		return templates.JSON(of)
	}
	raw, ok := known()[id]
	if !ok {
		return templates.JSON(of)
	}
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.String(), err
}

// overRaw runs a template over the JSON; a missing key is an error.
func (v Value) overRaw(w io.Writer, t *template.Template) error {
	dec := json.NewDecoder(bytes.NewReader(v.Raw))
	dec.UseNumber()
	var decoded any
	if err := dec.Decode(&decoded); err != nil {
		return fmt.Errorf("unable to read inspect data: %w", err)
	}
	strict, err := t.Clone()
	if err != nil {
		return err
	}
	return strict.Option("missingkey=error").Execute(w, decoded)
}

// Print writes the text and a newline. It returns the error of the typed value.
func (v Value) Print(w io.Writer, t *template.Template) error {
	out, typedErr, _ := v.Text(t)
	_, err := w.Write(append(out, '\n'))
	if typedErr != nil {
		return typedErr
	}
	return err
}
