package dockerd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
)

// defaultConfig is the file that is read when no other is named, if it is there.
const defaultConfig = "/etc/docker/daemon.json"

// Limits of a configuration file.
const (
	maxConfig = 1 << 20 // bytes
	maxDepth  = 16      // objects in one another
)

// readConfig gives the content of a file of at most maxConfig bytes, without a byte order mark.
func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxConfig {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxConfig)
	}
	return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), nil
}

// pair is one key of an object and its value: nil, bool, json.Number, string, []any or []pair.
type pair struct {
	key   string
	value any
}

// parseConfig reads an object in the order in which it is written, and refuses a key that is given twice: which of the two is meant
// is not for a program to guess. Nothing at all is an empty object.
func parseConfig(raw []byte) ([]pair, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := parseValue(d, maxDepth)
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the end of the object")
	}
	list, ok := v.([]pair)
	if !ok {
		return nil, fmt.Errorf("json: cannot unmarshal %s into Go value of type map[string]interface {}", jsonName(v))
	}
	return list, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == 0 {
		return nil, errors.New("too many objects in one another")
	}
	if open == '[' {
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	object := []pair{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, errors.New("a key of an object is no string")
		}
		if slices.ContainsFunc(object, func(p pair) bool { return p.key == key }) {
			return nil, fmt.Errorf("the following directive is specified more than once in the configuration file: %s", key)
		}
		v, err := parseValue(d, depth-1)
		if err != nil {
			return nil, err
		}
		object = append(object, pair{key, v})
	}
	_, err = d.Token()
	return object, err
}

// jsonName is what encoding/json calls the sort of a value.
func jsonName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case []pair:
		return "object"
	}
	return "null"
}

// printed is a value as Docker's messages have it.
func printed(v any) string {
	switch v := v.(type) {
	case []any:
		var list []string
		for _, e := range v {
			list = append(list, printed(e))
		}
		return "[" + strings.Join(list, " ") + "]"
	case []pair:
		var list []string
		for _, p := range v {
			list = append(list, p.key+":"+printed(p.value))
		}
		sort.Strings(list)
		return "map[" + strings.Join(list, " ") + "]"
	}
	return fmt.Sprint(v)
}
