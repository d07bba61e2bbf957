package templates

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// Texts is a type with the fields of t, by the same names and in the same order, in which addresses, ports and the
// like are the texts that they are in JSON: a template prints the empty text for an address that is not there, where
// Go's own type says "invalid IP", and finds a port in a map by its name. Types in instead are replaced as it says.
func Texts(t reflect.Type, instead map[reflect.Type]reflect.Type) reflect.Type {
	if other, ok := instead[t]; ok {
		return other
	}
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(Texts(t.Elem(), instead))
	case reflect.Slice:
		if isText(t) { // a hardware address
			return reflect.TypeFor[string]()
		}
		if elem := Texts(t.Elem(), instead); elem != t.Elem() {
			return reflect.SliceOf(elem)
		}
	case reflect.Map:
		key, value := t.Key(), Texts(t.Elem(), instead)
		if key.Kind() == reflect.Struct && isText(key) {
			key = reflect.TypeFor[string]()
		}
		if key == t.Key() && value == t.Elem() {
			return t
		}
		return reflect.MapOf(key, value)
	case reflect.Struct:
		return structTexts(t, instead)
	}
	return t
}

func structTexts(t reflect.Type, instead map[reflect.Type]reflect.Type) reflect.Type {
	switch {
	case isJSON(t):
		return t // it reads and writes itself, as a time does
	case isText(t):
		return reflect.TypeFor[string]()
	}
	changed, fields := false, make([]reflect.StructField, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			return t
		}
		other := Texts(f.Type, instead)
		changed = changed || other != f.Type
		f.Type = other
		fields = append(fields, f)
	}
	if !changed {
		return t
	}
	return reflect.StructOf(fields)
}

// isText tells whether JSON has a text for a type.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isJSON(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}
