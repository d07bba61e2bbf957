package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"text/template"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/templates"
)

// Found is an object to print.
type Found struct {
	Raw    json.RawMessage
	Shape  reflect.Type // type for templates; fields that it lacks are looked up in Raw
	Strict bool         // report template errors of Shape instead of Raw
	Typed  any          // a pointer to use instead of Shape and Raw
}

// Objects prints all objects that search finds, as one JSON list or by a template, and then the errors.
func Objects(s *session.Session, names []string, format string, search func(string) (Found, error)) error {
	t, err := parse(format)
	if err != nil {
		return &cmd.Exit{Code: 64, Err: fmt.Errorf("template parsing error: %w", err)}
	}
	var out bytes.Buffer
	var list []json.RawMessage
	var failures []error
	for _, name := range names {
		f, err := search(name)
		if err == nil && t != nil {
			err = f.write(&out, t)
		} else if err == nil {
			list = append(list, f.Raw)
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	if t == nil {
		err = writeList(&out, list, format == "json")
	} else if out.Len() == 0 {
		out.WriteByte('\n')
	}
	if _, writeErr := out.WriteTo(s.Out); err == nil {
		err = writeErr
	}
	if err != nil {
		return err
	}
	for _, f := range failures {
		s.Complain(f)
	}
	return s.Partial(len(failures) > 0)
}

// parse parses a format. It returns nil if the whole JSON is to be printed.
func parse(format string) (*template.Template, error) {
	if format == "" || format == "json" {
		return nil, nil
	}
	return templates.Parse("", format)
}

// write appends the line of an object; it appends nothing if there is an error.
func (f Found) write(out *bytes.Buffer, t *template.Template) error {
	v := table.Value{Typed: f.Typed}
	if f.Typed == nil {
		typed := reflect.New(shapeOf(f.Shape)).Interface()
		if err := json.Unmarshal(f.Raw, typed); err != nil {
			typed = &struct{}{} // an answer of another kind than this client knows; its JSON remains
		}
		v = table.Value{Typed: typed, Raw: f.Raw}
	}
	text, typedErr, err := v.Text(t)
	if f.Strict {
		err = typedErr
	}
	if err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	out.Write(text)
	return out.WriteByte('\n')
}

// writeList writes the JSON of all objects as it was received, compact or indented.
func writeList(out *bytes.Buffer, objects []json.RawMessage, compact bool) error {
	list := append([]byte{'['}, bytes.Join(asBytes(objects), []byte{','})...)
	list = append(list, ']')
	if compact {
		return errors.Join(json.Compact(out, list), out.WriteByte('\n'))
	}
	return errors.Join(json.Indent(out, list, "", "    "), out.WriteByte('\n'))
}

func asBytes(objects []json.RawMessage) [][]byte {
	all := make([][]byte, len(objects))
	for i, o := range objects {
		all[i] = o
	}
	return all
}
