package table

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// parts maps each pointer, map and slice in a value to the JSON from which it was decoded.
type parts map[part]json.RawMessage

type part struct {
	at     uintptr
	length int
	of     reflect.Type
}

// partOf identifies a pointer, map or slice. Empty ones may share an address, so they are not identified.
func partOf(v reflect.Value) (p part, ok bool) {
	switch v.Kind() {
	case reflect.Pointer:
		return part{v.Pointer(), 1, v.Type()}, !v.IsNil()
	case reflect.Map, reflect.Slice:
		return part{v.Pointer(), v.Len(), v.Type()}, v.Len() > 0
	}
	return p, false
}

// add records v, which was decoded from raw, and all that it contains.
func (p parts) add(v reflect.Value, raw json.RawMessage) {
	if id, ok := partOf(v); ok {
		p[id] = raw
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p.add(v.Elem(), raw)
		}
	case reflect.Struct:
		p.addFields(v, raw)
	case reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) == nil {
			for i := v.MapRange(); i.Next(); {
				p.add(i.Value(), members[fmt.Sprint(i.Key())])
			}
		}
	case reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) == nil {
			for i := range min(v.Len(), len(elements)) {
				p.add(v.Index(i), elements[i])
			}
		}
	}
}

func (p parts) addFields(v reflect.Value, raw json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if f.Anonymous {
			p.add(v.Field(i), raw)
		} else if member, ok := members[name]; ok && f.IsExported() {
			p.add(v.Field(i), member)
		}
	}
}
