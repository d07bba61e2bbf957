package change

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"box/engine/refuse"
)

// splitWords splits at spaces outside quotes. It keeps quotes and backslashes.
func splitWords(s string) ([]string, error) {
	var words []string
	begin, quote := -1, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		blank := c == ' ' || c == '\t'
		switch {
		case quote == 0 && blank:
			if begin >= 0 {
				words, begin = append(words, s[begin:i]), -1
			}
			continue
		case begin < 0:
			begin = i
		}
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	if quote != 0 {
		return nil, refuse.Invalid("unexpected end of statement while looking for matching %s-quote",
			map[byte]string{'"': "double", '\'': "single"}[quote])
	}
	if begin >= 0 {
		words = append(words, s[begin:])
	}
	return words, nil
}

// pairs parses name=value..., or the old form with one name and value.
func (s *state) pairs(instruction, rest string) ([][2]string, error) {
	words, err := splitWords(rest)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, refuse.Invalid("%s requires at least one argument", instruction)
	}
	if !strings.Contains(words[0], "=") {
		name, value := cutWord(rest)
		if value == "" {
			return nil, refuse.Invalid("%s must have two arguments", instruction)
		}
		words = []string{name + "=" + value}
	}
	var pairs [][2]string
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, refuse.Invalid("Syntax error - can't find = in %q. Must be of the form: name=value", w)
		}
		if name, err = s.expand(name); err != nil {
			return nil, err
		}
		if name == "" {
			return nil, refuse.Invalid("%s names can not be blank", instruction)
		}
		if value, err = s.expand(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]string{name, value})
	}
	return pairs, nil
}

// expandWords splits and expands; the value of a variable is split, too.
func (s *state) expandWords(rest string) ([]string, error) {
	words, err := splitWords(rest)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, w := range words {
		v, err := s.expand(w)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(w, `"'\`) {
			out = append(out, v)
		} else {
			out = append(out, strings.Fields(v)...)
		}
	}
	return out, nil
}

// expand removes quotes and backslashes and expands variables as the shell does.
func (s *state) expand(word string) (string, error) {
	x := expander{in: word, get: s.variable}
	out, err := x.until("")
	if err != nil {
		return "", refuse.Invalid("failed to process %q: %v", word, err)
	}
	return out, nil
}

func (s *state) variable(name string) (string, bool) {
	for i := len(s.config.Env) - 1; i >= 0; i-- {
		if have, value, _ := strings.Cut(s.config.Env[i], "="); have == name {
			return value, true
		}
	}
	return "", false
}

// isSignal tells whether v is a number or name of a signal.
func isSignal(v string) bool {
	if n, err := strconv.Atoi(v); err == nil {
		return n > 0 && n <= 64
	}
	name := strings.TrimPrefix(strings.ToUpper(v), "SIG")
	return unix.SignalNum("SIG"+name) != 0 || strings.HasPrefix(name, "RTMIN") || strings.HasPrefix(name, "RTMAX")
}
