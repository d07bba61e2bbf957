package client

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// marshal is JSON without HTML escapes: a command with && reads as such in a daemon's log.
//
// It gives what encoding/json gives. That makes an encoder for every type which v could hold, most of which a request leaves empty, and a
// client asks once: it was a tenth of the time of a `docker run`. Here only values are looked at; what is not plain is left to the
// library.
func marshal(v any) ([]byte, error) {
	out, err := appendValue(nil, reflect.ValueOf(v))
	return append(out, '\n'), err
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// ownWay tells whether a type says itself how it is written.
func ownWay(t reflect.Type) bool {
	return t.NumMethod() > 0 && (t.Implements(marshaler) || t.Implements(textMarshaler))
}

func appendValue(out []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() {
		return append(out, "null"...), nil
	}
	t := v.Type()
	if t.Kind() != reflect.Interface && ownWay(t) || v.CanAddr() && ownWay(reflect.PointerTo(t)) {
		return appendByLibrary(out, v)
	}
	switch t.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(out, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(out, v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(out, v.Uint(), 10), nil
	case reflect.String:
		return appendString(out, v.String())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(out, "null"...), nil
		}
		return appendValue(out, v.Elem())
	case reflect.Struct:
		return appendStruct(out, v)
	case reflect.Map:
		return appendMap(out, v)
	case reflect.Slice:
		if v.IsNil() || t.Elem().Kind() == reflect.Uint8 {
			return appendByLibrary(out, v)
		}
		return appendList(out, v)
	case reflect.Array:
		return appendList(out, v)
	}
	return appendByLibrary(out, v)
}

// appendByLibrary has encoding/json write v, in the place where it is if it has one: pointers may have methods.
func appendByLibrary(out []byte, v reflect.Value) ([]byte, error) {
	if v.CanAddr() {
		v = v.Addr()
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v.Interface())
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), err
}

// appendString writes what needs no escape itself.
func appendString(out []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendByLibrary(out, reflect.ValueOf(s))
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"'), nil
}

func appendList(out []byte, v reflect.Value) (_ []byte, err error) {
	out = append(out, '[')
	for i := range v.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendValue(out, v.Index(i)); err != nil {
			return out, err
		}
	}
	return append(out, ']'), nil
}

func appendMap(out []byte, v reflect.Value) (_ []byte, err error) {
	key := v.Type().Key()
	if v.IsNil() || key.Kind() != reflect.String || ownWay(key) || ownWay(reflect.PointerTo(key)) {
		return appendByLibrary(out, v)
	}
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	out = append(out, '{')
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendString(out, k.String()); err != nil {
			return out, err
		}
		if out, err = appendValue(append(out, ':'), v.MapIndex(k)); err != nil {
			return out, err
		}
	}
	return append(out, '}'), nil
}

// member is one field; one that is left out still has its name.
type member struct {
	name  string
	value reflect.Value
	out   bool
}

func appendStruct(out []byte, v reflect.Value) (_ []byte, err error) {
	members, plain := membersOf(nil, v)
	if !plain {
		return appendByLibrary(out, v)
	}
	out = append(out, '{')
	first := true
	for _, m := range members {
		if m.out {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		if out, err = appendString(out, m.name); err != nil {
			return out, err
		}
		if out, err = appendValue(append(out, ':'), m.value); err != nil {
			return out, err
		}
	}
	return append(out, '}'), nil
}

// membersOf adds the fields of v, those of embedded structs in their place. plain is false for what needs the rules of
// encoding/json about options and about fields of one name.
func membersOf(list []member, v reflect.Value) (_ []member, plain bool) {
	t := v.Type()
	embeds := false
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && options == "" || !f.IsExported() && !f.Anonymous {
			continue
		}
		value := v.Field(i)
		if f.Anonymous && name == "" {
			if value.Kind() == reflect.Pointer && value.IsNil() {
				continue
			}
			if value.Kind() == reflect.Pointer {
				value = value.Elem()
			}
			if value.Kind() != reflect.Struct || !f.IsExported() || ownWay(reflect.PointerTo(value.Type())) {
				return list, false
			}
			embeds = true
			if list, plain = membersOf(list, value); !plain {
				return list, false
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		if options != "" && options != "omitempty" {
			return list, false
		}
		list = append(list, member{name, value, options != "" && empty(value)})
	}
	return list, !embeds || distinct(list)
}

func distinct(list []member) bool {
	for i := range list {
		for j := range i {
			if list[i].name == list[j].name {
				return false
			}
		}
	}
	return true
}

// empty is what omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
