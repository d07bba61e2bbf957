// Package templates is text/template with the functions that Docker's templates have: what --format and the tags of
// logs are written in.
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

// Parse reads a template by that name, which errors have.
func Parse(name, text string) (*template.Template, error) {
	return ParseWith(name, text, nil)
}

// ParseWith is Parse with further functions, which go before those of the same name.
func ParseWith(name, text string, more template.FuncMap) (*template.Template, error) {
	return template.New(name).Funcs(functions()).Funcs(more).Parse(text)
}

// functions are Docker's own, beside those of text/template.
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

// JSON is the template function of that name: compact, and <, > and & stay as they are.
func JSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// title begins each word with a capital; in ASCII all but letters, digits and underscores part words, beyond it
// blanks alone.
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

// maxPad is how many blanks a template may ask for.
const maxPad = 1 << 16

// pad puts blanks before and after what is not empty.
func pad(s string, before, after int) (string, error) {
	switch {
	case s == "":
		return "", nil
	case before < 0 || after < 0 || before > maxPad || after > maxPad:
		return "", fmt.Errorf("pad by %d and %d: 0 to %d are possible", before, after, maxPad)
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after), nil
}

// truncate is the first n characters of s.
func truncate(s string, n int) (string, error) {
	if n < 0 {
		return "", fmt.Errorf("truncate to %d characters", n)
	}
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	return string([]rune(s)[:n]), nil
}
