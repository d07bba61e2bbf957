package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a configuration file.
const (
	maxConfig = 1 << 20 // bytes
	maxDepth  = 16      // nesting of objects and lists
)

// readConfig reads a file of at most maxConfig bytes, and removes a byte order mark.
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

// pair is a key of an object and its value: nil, bool, json.Number, string, []any or []pair.
type pair struct {
	key   string
	value any
	at    position // of the key
}

// position is a place in a file, counted from 1.
type position struct{ line, column int }

func (p position) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

// positionOf returns the position of the first token at or after an offset.
func positionOf(raw []byte, offset int64) position {
	at := min(int(offset), len(raw))
	for at < len(raw) && bytes.IndexByte([]byte(" \t\r\n,:"), raw[at]) >= 0 {
		at++
	}
	line := bytes.Count(raw[:at], []byte("\n")) + 1
	return position{line, utf8.RuneCount(raw[bytes.LastIndexByte(raw[:at], '\n')+1:at]) + 1}
}

// parser parses one file.
type parser struct {
	*json.Decoder
	raw []byte
}

// here returns the position of the next token.
func (p *parser) here() position { return positionOf(p.raw, p.InputOffset()) }

// token returns the next token, or an error with its position.
func (p *parser) token() (json.Token, error) {
	t, err := p.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%s: %w", positionOf(p.raw, syntax.Offset-1), err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%s: %w", positionOf(p.raw, int64(len(p.raw))), io.ErrUnexpectedEOF)
	}
	return t, err
}

// parseConfig parses an object and keeps the order of its keys. It refuses duplicate keys, since it cannot know which
// one is meant. An empty file is an empty object.
func parseConfig(raw []byte) ([]pair, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	p := &parser{json.NewDecoder(bytes.NewReader(raw)), raw}
	p.UseNumber()
	begin := p.here()
	v, err := p.value(maxDepth)
	if err != nil {
		return nil, err
	}
	rest := p.here()
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: unexpected content after the object", rest)
	}
	list, ok := v.([]pair)
	if !ok {
		return nil, fmt.Errorf("%s: json: cannot unmarshal %s into Go value of type map[string]interface {}", begin,
			jsonName(v))
	}
	return list, nil
}

// value parses a value that is nested at most depth levels deep.
func (p *parser) value(depth int) (any, error) {
	at := p.here()
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("%s: objects are nested too deeply", at)
	}
	if open == '[' {
		list := []any{}
		for p.More() {
			v, err := p.value(depth - 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := p.token()
		return list, err
	}
	object := []pair{}
	for p.More() {
		at := p.here()
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("%s: a key is not a string", at)
		}
		if slices.ContainsFunc(object, func(p pair) bool { return p.key == key }) {
			return nil, fmt.Errorf("%s: the following directive is specified more than once in the configuration file: %s", at,
				key)
		}
		v, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		object = append(object, pair{key, v, at})
	}
	_, err = p.token()
	return object, err
}

// jsonName returns the name that encoding/json has for the type of a value.
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

// printed formats a value as Docker's messages do.
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
		slices.Sort(list)
		return "map[" + strings.Join(list, " ") + "]"
	}
	return fmt.Sprint(v)
}
