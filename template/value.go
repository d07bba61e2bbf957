// Package template evaluates Go templates over decoded JSON: the --format of every command, and the tags of logs.
//
// The syntax is parsed by text/template/parse, so it is exactly Go's. The evaluation is written here because
// text/template finds methods by name at run time, which makes the linker keep every method of every type:
// 3.5 MB of this binary. Data here is JSON, and has no methods.
package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Object is a JSON object that remembers the order of its keys. Hidden entries can be read by a template but
// are not part of the object when it is printed. Escape writes <, > and & as \u003c and so on. Type is what errors call an object that
// stands for a struct of Go's. Map tells that it was written from a map: a key that it lacks is no error, and Empty is what index finds there.
// Nil is a map that was left out: null in JSON.
type Object struct {
	Type   string
	Map    bool
	Nil    bool
	Empty  any
	Escape bool
	Keys   []string
	Values map[string]any
	Hidden map[string]any
}

// Set adds or replaces a key.
func (o *Object) Set(key string, v any) {
	if o.Values == nil {
		o.Values = map[string]any{}
	}
	if _, ok := o.Values[key]; !ok {
		o.Keys = append(o.Keys, key)
	}
	o.Values[key] = v
}

// Get finds a key: as it is written, then hidden, then regardless of case (.ID finds "Id").
func (o *Object) Get(key string) (any, bool) {
	if v, ok := o.Values[key]; ok && v != nil {
		return v, true
	}
	if v, ok := o.Hidden[key]; ok {
		return v, true
	}
	if v, ok := o.Values[key]; ok && o.Map {
		return v, true
	}
	for _, k := range o.Keys {
		if !o.Map && strings.EqualFold(k, key) {
			return o.Values[k], true
		}
	}
	return nil, false
}

// MarshalJSON writes the object in its own order.
func (o *Object) MarshalJSON() ([]byte, error) {
	if o.Nil && len(o.Keys) == 0 {
		return []byte("null"), nil
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.Keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(compact(key))
		b.WriteByte(':')
		b.WriteString(compact(o.Values[key]))
	}
	b.WriteByte('}')
	if o.Escape {
		var escaped bytes.Buffer
		json.HTMLEscape(&escaped, b.Bytes())
		return escaped.Bytes(), nil
	}
	return b.Bytes(), nil
}

// compact is JSON on one line without HTML escapes. Values of this package always encode.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxDepth is how deep decoded JSON may nest.
const maxDepth = 200

// Decode reads one JSON value: nil, bool, string, json.Number, []any or *Object.
func Decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("decode the answer: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode the answer: more than one value")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	d, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if d == '[' {
		list := []any{}
		for dec.More() {
			v, err := decodeValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	}
	o := &Object{Values: map[string]any{}}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		o.Set(key.(string), v)
	}
	_, err = dec.Token()
	return o, err
}

// text prints a value as Go's fmt prints what it was decoded from.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case string:
		return v
	case missing:
		return "<no value>"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *Object:
		keys := slices.Sorted(slices.Values(v.Keys))
		for i, k := range keys {
			keys[i] = k + ":" + text(v.Values[k])
			if o, ok := v.Values[k].(*Object); ok && len(o.Keys) == 0 {
				keys[i] = k + ":{}" // of a set, as Docker has for exposed ports and volumes
			}
		}
		return "map[" + strings.Join(keys, " ") + "]"
	}
	return fmt.Sprint(v)
}

// missing is the value of a key that an object does not have.
type missing struct{}

// truth is what {{if}} sees.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, missing:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Object:
		return len(v.Keys) > 0
	}
	if n, ok := number(v); ok {
		return n != 0
	}
	return true
}

// number reads any numeric value. JSON's integers of up to 53 bits are exact.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case time.Duration:
		return float64(v), true
	}
	return 0, false
}
