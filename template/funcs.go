package template

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// function is one that templates may call, with its number of arguments; most < 0: any number.
type function struct {
	least, most int
	call        func(args []any) (any, error)
}

// functions is the table: Docker's own, then Go's. and, or are not values: see (*state).function.
func functions() map[string]function {
	return map[string]function{
		"json":     {1, 1, func(a []any) (any, error) { return compact(a[0]), nil }},
		"split":    {2, 2, func(a []any) (any, error) { return anys(strings.Split(text(a[0]), text(a[1]))), nil }},
		"join":     {2, 2, join},
		"title":    {1, 1, title},
		"lower":    {1, 1, func(a []any) (any, error) { return strings.ToLower(text(a[0])), nil }},
		"upper":    {1, 1, func(a []any) (any, error) { return strings.ToUpper(text(a[0])), nil }},
		"pad":      {3, 3, pad},
		"truncate": {2, 2, truncate},
		"println":  {0, -1, func(a []any) (any, error) { return spaced(a) + "\n", nil }},
		"print":    {0, -1, func(a []any) (any, error) { return fmt.Sprint(printable(a)...), nil }},
		"printf":   {1, -1, func(a []any) (any, error) { return fmt.Sprintf(text(a[0]), printable(a[1:])...), nil }},
		"len":      {1, 1, length},
		"index":    {1, -1, index},
		"slice":    {1, 4, slice},
		"not":      {1, 1, func(a []any) (any, error) { return !truth(a[0]), nil }},
		"urlquery": {0, -1, func(a []any) (any, error) { return url.QueryEscape(spaced(a)), nil }},
		"eq":       {2, -1, equalAny},
		"ne":       {2, 2, func(a []any) (any, error) { return !equal(a[0], a[1]), nil }},
		"lt":       {2, 2, func(a []any) (any, error) { c, err := compare(a); return c < 0, err }},
		"le":       {2, 2, func(a []any) (any, error) { c, err := compare(a); return c <= 0, err }},
		"gt":       {2, 2, func(a []any) (any, error) { c, err := compare(a); return c > 0, err }},
		"ge":       {2, 2, func(a []any) (any, error) { c, err := compare(a); return c >= 0, err }},
	}
}

// known is the names that the parser lets pass.
func known() map[string]any {
	names := map[string]any{"and": true, "or": true}
	for name := range functions() {
		names[name] = true
	}
	return names
}

func apply(name string, args []any) (any, error) {
	f := functions()[name]
	if len(args) < f.least || (f.most >= 0 && len(args) > f.most) {
		return nil, fmt.Errorf("wrong number of args: want %d got %d", f.least, len(args))
	}
	return f.call(args)
}

// printable gives fmt the values it knows how to print under %d and %s.
func printable(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a
		n, isNumber := number(a)
		switch {
		case isNumber && n == float64(int64(n)):
			out[i] = int64(n)
		case isNumber:
			out[i] = n
		default:
			if _, ok := a.(bool); !ok {
				out[i] = text(a)
			}
		}
	}
	return out
}

func spaced(args []any) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = text(a)
	}
	return strings.Join(parts, " ")
}

func anys(parts []string) []any {
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

func join(a []any) (any, error) {
	list, ok := a[0].([]any)
	if !ok && a[0] != nil {
		return nil, fmt.Errorf("%s is not a list", text(a[0]))
	}
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = text(list[i])
	}
	return strings.Join(parts, text(a[1])), nil
}

// title raises the first letter of every word.
func title(a []any) (any, error) {
	start := true
	return strings.Map(func(r rune) rune {
		if start {
			r = []rune(strings.ToUpper(string(r)))[0]
		}
		start = r == ' ' || r == '\t' || r == '\n'
		return r
	}, text(a[0])), nil
}

// pad puts spaces before and after a text that is not empty.
func pad(a []any) (any, error) {
	before, ok1 := number(a[1])
	after, ok2 := number(a[2])
	if !ok1 || !ok2 || before < 0 || after < 0 || before+after > 1<<16 {
		return nil, errors.New("pad wants a text and two small numbers")
	}
	s := text(a[0])
	if s == "" {
		return s, nil
	}
	return strings.Repeat(" ", int(before)) + s + strings.Repeat(" ", int(after)), nil
}

// truncate keeps the first runes of a text.
func truncate(a []any) (any, error) {
	n, ok := number(a[1])
	if !ok || n < 0 {
		return nil, errors.New("truncate wants a text and a length")
	}
	s := text(a[0])
	if utf8.RuneCountInString(s) > int(n) {
		return string([]rune(s)[:int(n)]), nil
	}
	return s, nil
}

func length(a []any) (any, error) {
	switch v := a[0].(type) {
	case string:
		return len(v), nil
	case []any:
		return len(v), nil
	case *Object:
		return len(v.Keys), nil
	case nil:
		return 0, nil
	}
	return nil, fmt.Errorf("len of %s", text(a[0]))
}

// index follows keys and positions: index .Ports "80/tcp" 0.
func index(a []any) (any, error) {
	v := a[0]
	for _, key := range a[1:] {
		switch c := v.(type) {
		case *Object:
			found, ok := c.Values[text(key)]
			if v = found; !ok && c.Map {
				v = c.Empty
			}
		case []any:
			n, ok := number(key)
			if !ok {
				return nil, fmt.Errorf("cannot index a list with %s", text(key))
			}
			if n < 0 || int(n) >= len(c) {
				return nil, fmt.Errorf("index out of range: %d", int(n))
			}
			v = c[int(n)]
		case string:
			n, ok := number(key)
			if !ok || n < 0 || int(n) >= len(c) {
				return nil, fmt.Errorf("index out of range: %s", text(key))
			}
			v = int(c[int(n)])
		case nil:
			return nil, errors.New("index of untyped nil")
		default:
			return nil, fmt.Errorf("can't index %s", text(v))
		}
	}
	return v, nil
}

func slice(a []any) (any, error) {
	bounds := make([]int, 0, 2)
	for _, b := range a[1:] {
		n, ok := number(b)
		if !ok {
			return nil, fmt.Errorf("cannot slice with %s", text(b))
		}
		bounds = append(bounds, int(n))
	}
	size, err := length(a[:1])
	if err != nil {
		return nil, err
	}
	from, to := 0, size.(int)
	if len(bounds) > 0 {
		from = bounds[0]
	}
	if len(bounds) > 1 {
		to = bounds[1]
	}
	if from < 0 || from > to || to > size.(int) {
		return nil, fmt.Errorf("slice out of range: %d:%d of %d", from, to, size)
	}
	switch v := a[0].(type) {
	case string:
		return v[from:to], nil
	case []any:
		return v[from:to], nil
	}
	return nil, fmt.Errorf("can't slice %s", text(a[0]))
}

func equalAny(a []any) (any, error) {
	for _, b := range a[1:] {
		if equal(a[0], b) {
			return true, nil
		}
	}
	return false, nil
}

func equal(a, b any) bool {
	m, ok1 := number(a)
	n, ok2 := number(b)
	if ok1 && ok2 {
		return m == n
	}
	if ok1 != ok2 {
		return false
	}
	return text(a) == text(b)
}

func compare(a []any) (int, error) {
	m, ok1 := number(a[0])
	n, ok2 := number(a[1])
	if ok1 != ok2 {
		return 0, errors.New("incompatible types for comparison")
	}
	if !ok1 {
		return strings.Compare(text(a[0]), text(a[1])), nil
	}
	switch {
	case m < n:
		return -1, nil
	case m > n:
		return 1, nil
	}
	return 0, nil
}
