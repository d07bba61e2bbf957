package table

import (
	"encoding/json"
	"io"
	"reflect"
	"text/template"

	"box/templates"
)

// Object is a row as JSON has it.
type Object map[string]any

// MarshalJSON sorts the keys, and escapes <, > and & wherever the row is printed, as Docker's does.
func (o Object) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]any(o)) }

// ObjectOf is every method without arguments of a row, by its name. A row that is not the same in JSON as in a table
// is told by its method ForJSON.
func ObjectOf(row any) Object {
	if r, differs := row.(interface{ ForJSON(on bool) }); differs {
		r.ForJSON(true)
		defer r.ForJSON(false)
	}
	v, o := reflect.ValueOf(row), Object{}
	for i := range v.NumMethod() {
		if m := v.Method(i); m.Type().NumIn() == 0 && m.Type().NumOut() == 1 {
			o[v.Type().Method(i).Name] = m.Call(nil)[0].Interface()
		}
	}
	return o
}

// Objects is ObjectOf of each row.
func Objects[R any](rows []R) []Object {
	all := make([]Object, len(rows))
	for i, r := range rows {
		all[i] = ObjectOf(r)
	}
	return all
}

// parse reads a template over rows.
func parse[R any](source string) (*template.Template, error) {
	return templates.ParseWith("", source, template.FuncMap{"json": func(v any) (string, error) {
		if _, is := v.(R); is {
			v = ObjectOf(v)
		}
		return templates.JSON(v)
	}})
}

// Try runs a format over one row for what it asks of it.
func Try[R any](format string, row R) (parseErr, executeErr error) {
	t, err := parse[R](format)
	if err != nil {
		return err, nil
	}
	return nil, t.Execute(io.Discard, row)
}
