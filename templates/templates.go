// Package templates is text/template with the functions of Docker's templates, for --format and the tags of logs.
package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// Parse parses a template. Errors contain its name.
func Parse(name, text string) (*template.Template, error) {
	return ParseWith(name, text, nil)
}

// ParseWith is Parse with more functions, which replace those of the same name.
func ParseWith(name, text string, more template.FuncMap) (*template.Template, error) {
	return template.New(name).Funcs(functions()).Funcs(more).Parse(text)
}

// functions returns Docker's functions.
func functions() template.FuncMap {
	return template.FuncMap{
		"json":     JSON,
		"split":    strings.Split,
		"join":     strings.Join,
		"title":    title,
		"lower":    strings.ToLower,
		"upper":    strings.ToUpper,
		"pad":      pad,
		"truncate": truncate,
	}
}

// JSON is the template function json: compact, without escapes of <, > and &.
func JSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// title capitalizes words. In ASCII, everything but letters, digits and underscores separates words; beyond it only
// spaces do.
func title(s string) string {
	parts := true
	return strings.Map(func(r rune) rune {
		begins := parts
		word := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'
		parts = !word && (r < utf8.RuneSelf || unicode.IsSpace(r))
		if begins {
			return unicode.ToTitle(r)
		}
		return r
	}, s)
}

// maxPad is the maximum number of spaces that pad adds.
const maxPad = 1 << 16

// pad adds spaces before and after a text unless it is empty.
func pad(s string, before, after int) (string, error) {
	switch {
	case s == "":
		return "", nil
	case before < 0 || after < 0 || before > maxPad || after > maxPad:
		return "", fmt.Errorf("pad by %d and %d: 0 to %d are possible", before, after, maxPad)
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after), nil
}

// truncate returns the first n characters of s.
func truncate(s string, n int) (string, error) {
	if n < 0 {
		return "", fmt.Errorf("truncate to %d characters", n)
	}
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	return string([]rune(s)[:n]), nil
}
