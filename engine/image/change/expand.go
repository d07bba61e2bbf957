package change

import (
	"errors"
	"strings"
)

// maxNested is how many ${...} may be inside one another.
const maxNested = 32

// expander goes through one word.
type expander struct {
	in    string
	at    int
	depth int
	get   func(name string) (string, bool)
}

// until expands up to a byte of stop outside quotes, which it leaves; "" is the end of the word.
func (x *expander) until(stop string) (string, error) {
	var out strings.Builder
	for x.at < len(x.in) {
		c := x.in[x.at]
		if strings.IndexByte(stop, c) >= 0 {
			return out.String(), nil
		}
		x.at++
		switch c {
		case '\'':
			end := strings.IndexByte(x.in[x.at:], '\'')
			if end < 0 {
				return "", errors.New("unexpected end of statement while looking for matching single-quote")
			}
			out.WriteString(x.in[x.at : x.at+end])
			x.at += end + 1
		case '"':
			if err := x.quoted(&out); err != nil {
				return "", err
			}
		case '\\':
			if x.at < len(x.in) {
				out.WriteByte(x.in[x.at])
				x.at++
			}
		case '$':
			v, err := x.dollar()
			if err != nil {
				return "", err
			}
			out.WriteString(v)
		default:
			out.WriteByte(c)
		}
	}
	if stop != "" {
		return "", errors.New("syntax error: missing '}'")
	}
	return out.String(), nil
}

// quoted expands up to the closing double quote.
func (x *expander) quoted(out *strings.Builder) error {
	for x.at < len(x.in) {
		c := x.in[x.at]
		x.at++
		switch c {
		case '"':
			return nil
		case '\\':
			if x.at < len(x.in) && strings.IndexByte(`"$\`, x.in[x.at]) >= 0 {
				c = x.in[x.at]
				x.at++
			}
			out.WriteByte(c)
		case '$':
			v, err := x.dollar()
			if err != nil {
				return err
			}
			out.WriteString(v)
		default:
			out.WriteByte(c)
		}
	}
	return errors.New("unexpected end of statement while looking for matching double-quote")
}

// dollar reads what follows a dollar sign.
func (x *expander) dollar() (string, error) {
	if x.at >= len(x.in) || x.in[x.at] != '{' {
		name := x.name()
		if name == "" {
			return "$", nil
		}
		v, _ := x.get(name)
		return v, nil
	}
	x.at++
	if x.depth++; x.depth > maxNested {
		return "", errors.New("variables are nested too deep")
	}
	defer func() { x.depth-- }()
	name := x.name()
	if name == "" || x.at >= len(x.in) {
		return "", errors.New("bad substitution")
	}
	op := x.in[x.at]
	x.at++
	if op == '}' {
		v, _ := x.get(name)
		return v, nil
	}
	v, set := x.get(name)
	if op == ':' {
		set = v != ""
		if x.at >= len(x.in) {
			return "", errors.New("syntax error: missing '}'")
		}
		op = x.in[x.at]
		x.at++
	}
	return x.choose(name, op, v, set)
}

// choose is ${NAME-WORD}, ${NAME+WORD} and ${NAME?WORD}.
func (x *expander) choose(name string, op byte, v string, set bool) (string, error) {
	if strings.IndexByte("-+?", op) < 0 {
		return "", errors.New("unsupported modifier (" + string(rune(op)) + ") in substitution")
	}
	word, err := x.until("}")
	if err != nil {
		return "", err
	}
	x.at++ // the brace
	switch {
	case op == '-' && !set, op == '+' && set:
		return word, nil
	case op == '+':
		return "", nil
	case op == '?' && !set:
		return "", errors.New(name + ": " + word)
	}
	return v, nil
}

// name reads the name of a variable, or one digit or sign that the shell has a meaning for, which nothing here sets.
func (x *expander) name() string {
	begin := x.at
	for x.at < len(x.in) {
		c := x.in[x.at]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if digit && x.at == begin {
			x.at++
			break
		}
		if !letter && !digit {
			break
		}
		x.at++
	}
	return x.in[begin:x.at]
}
