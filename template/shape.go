package template

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Shape gives decoded JSON the zero values of the Go type that it was written from: fields that were left out
// because they were empty can be read, and a null list prints as an empty one. The keys and what is printed by
// {{json .}} stay those of the answer.
func Shape(v any, t reflect.Type) any {
	if n, ok := v.(json.Number); ok && t == reflect.TypeFor[time.Duration]() {
		if d, err := n.Int64(); err == nil {
			return time.Duration(d) // prints as 5s, and in JSON as a number
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v == nil {
			return nil
		}
		return Shape(v, t.Elem())
	case reflect.Struct:
		if o, ok := v.(*Object); ok {
			shapeFields(o, t)
		}
	case reflect.Map:
		if o, ok := v.(*Object); ok {
			o.Map, o.Empty = true, zero(t.Elem())
			for k := range o.Values {
				o.Values[k] = Shape(o.Values[k], t.Elem())
			}
		}
	case reflect.Slice, reflect.Array:
		if list, ok := v.([]any); ok {
			for i := range list {
				list[i] = Shape(list[i], t.Elem())
			}
		}
	}
	return v
}

// shapeFields adds to o, hidden, what the fields of t say when they are empty.
func shapeFields(o *Object, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				shapeFields(o, embedded)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			name = f.Name
		}
		v, present := o.Values[name]
		shaped := zero(f.Type)
		if present && v != nil {
			shaped = Shape(v, f.Type)
		}
		switch {
		case present && v != nil:
			o.Values[name] = shaped
		case o.Hidden == nil:
			o.Hidden = map[string]any{}
			fallthrough
		default:
			o.Hidden[name] = shaped
		}
		if f.Name != name {
			if o.Hidden == nil {
				o.Hidden = map[string]any{}
			}
			o.Hidden[f.Name] = shaped
		}
	}
}

// zero is the empty value of a type as a template prints it.
func zero(t reflect.Type) any {
	if t == reflect.TypeFor[time.Duration]() {
		return time.Duration(0)
	}
	switch t.Kind() {
	case reflect.String:
		return ""
	case reflect.Bool:
		return false
	case reflect.Slice, reflect.Array:
		return []any(nil) // prints as [], and in JSON as null
	case reflect.Map:
		return &Object{Map: true, Nil: true, Empty: zero(t.Elem())}
	case reflect.Struct:
		if t.NumField() > 0 && t.Field(0).IsExported() {
			o := &Object{}
			shapeFields(o, t)
			return o
		}
		return "" // a time, an address: their text is empty
	case reflect.Pointer, reflect.Interface:
		return nil
	}
	return 0
}
