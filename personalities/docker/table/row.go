package table

import (
	"encoding/json"
	"io"
	"reflect"
	"text/template"

	"box/templates"
)

// Object is a row in JSON.
type Object map[string]any

// MarshalJSON sorts the keys and, as Docker does, escapes <, > and & wherever the row is printed.
func (o Object) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]any(o)) }

// ObjectOf collects the results of all methods of a row that take no arguments. A row that differs between JSON and
// table has a method ForJSON, which switches between the two.
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

// Objects returns ObjectOf for each row.
func Objects[R any](rows []R) []Object {
	all := make([]Object, len(rows))
	for i, r := range rows {
		all[i] = ObjectOf(r)
	}
	return all
}

// parse parses a template over rows.
func parse[R any](source string) (*template.Template, error) {
	return templates.ParseWith("", source, template.FuncMap{"json": func(v any) (string, error) {
		if _, is := v.(R); is {
			v = ObjectOf(v)
		}
		return templates.JSON(v)
	}})
}

// Try runs a format over one row to find out which methods it calls.
func Try[R any](format string, row R) (parseErr, executeErr error) {
	t, err := parse[R](format)
	if err != nil {
		return err, nil
	}
	return nil, t.Execute(io.Discard, row)
}
