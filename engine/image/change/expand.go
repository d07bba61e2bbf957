package change

import (
	"errors"
	"strings"
	"unicode"
)

// maxNested limits the nesting of ${...}.
const maxNested = 32

// expander expands variables in one word.
type expander struct {
	in    string
	at    int
	depth int
	get   func(name string) (string, bool)
}

// until expands until a byte of stop outside quotes, which it does not consume; "" means until the end of the word.
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

// quoted expands until the closing double quote.
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

// dollar expands what follows a dollar sign.
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

// choose implements ${NAME-WORD}, ${NAME+WORD} and ${NAME?WORD}.
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

// name parses the name of a variable, or a number or character that is special in a shell and never set here.
func (x *expander) name() string {
	begin := x.at
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	part := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	rest := x.in[begin:]
	switch {
	case rest == "":
		return ""
	case isDigit(rune(rest[0])):
		part = isDigit
	case strings.IndexByte("@*#?-$!", rest[0]) >= 0:
		x.at++
		return rest[:1]
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return !part(r) })
	if end < 0 {
		end = len(rest)
	}
	x.at += end
	return rest[:end]
}
