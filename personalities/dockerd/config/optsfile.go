package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// readOptions reads the arguments in DOCKER_OPTS from a file of shell variables such as /etc/default/docker or
// /etc/sysconfig/docker. It is no error if the file does not exist. Nothing is executed; what only a shell could expand
// is refused.
func readOptions(path string) ([]string, error) {
	raw, err := readConfig(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--opts-file: %w", err)
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, fmt.Errorf("--opts-file %s: it contains a zero byte", path)
	}
	words, err := DockerOpts(string(raw))
	if err != nil {
		return nil, fmt.Errorf("--opts-file %s: %w", path, err)
	}
	return words, nil
}

// DockerOpts finds the last assignment of DOCKER_OPTS, or of OPTIONS as in Red Hat's file, and splits the value as a
// shell does with an unquoted variable.
func DockerOpts(text string) (words []string, err error) {
	found := map[string]string{}
	for line := 1; text != ""; {
		stripped := strings.TrimLeft(text, " \t")
		name, rest, ok := assignment(stripped)
		if !ok {
			_, text, _ = strings.Cut(text, "\n")
			line++
			continue
		}
		if strings.HasPrefix(rest, "+") {
			return nil, fmt.Errorf("line %d: %s+= needs a shell, which is not used here", line, name)
		}
		value, after, err := shellWord(rest[1:])
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", line, name, err)
		}
		after = strings.TrimLeft(after, " \t\r")
		if after != "" && after[0] != '\n' && after[0] != '#' && after[0] != ';' {
			return nil, fmt.Errorf("line %d: %s: unexpected text after the value: quote a value with spaces", line, name)
		}
		found[name] = value
		line += strings.Count(text[:len(text)-len(after)], "\n")
		if _, after, ok = strings.Cut(after, "\n"); ok {
			line++
		}
		text = after
	}
	value, ok := found["DOCKER_OPTS"]
	if !ok {
		value = found["OPTIONS"]
	}
	for {
		value = strings.TrimLeft(value, " \t\r\n")
		if value == "" {
			return words, nil
		}
		word, rest, err := shellWord(value)
		if err != nil {
			return nil, err
		}
		words, value = append(words, word), rest
	}
}

// assignment recognises NAME= and NAME+= of the two variables, optionally after export; rest starts after the name.
func assignment(line string) (name, rest string, ok bool) {
	line = strings.TrimLeft(strings.TrimPrefix(line, "export "), " \t")
	for _, name := range []string{"DOCKER_OPTS", "OPTIONS"} {
		if rest, ok := strings.CutPrefix(line, name); ok && (strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "+=")) {
			return name, rest, true
		}
	}
	return "", "", false
}

// shellWord parses one word with a shell's quoting (POSIX, 2.2). It refuses anything that a shell would expand.
func shellWord(text string) (word, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == '\'' && c != '\'':
			b.WriteByte(c)
		case c == '\\':
			if i++; i == len(text) {
				return "", "", errors.New("it ends with a backslash")
			}
			switch next := text[i]; {
			case next == '\n': // the line goes on
			case quote == '"' && !strings.ContainsRune("$`\"\\", rune(next)):
				b.WriteString(text[i-1 : i+1])
			default:
				b.WriteByte(next)
			}
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '$' || c == '`':
			return "", "", fmt.Errorf("%q needs a shell, which is not used here: write the value itself", c)
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			return b.String(), text[i:], nil
		case quote == 0 && strings.IndexByte("|&;<>()", c) >= 0:
			return "", "", fmt.Errorf("%q needs a shell, which is not used here: quote it", c)
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("the quote %q is not closed", quote)
	}
	return b.String(), "", nil
}
