package run

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Variables returns the variables from files and from --env, in this order. A name without a value gets the value of
// the client's own variable, if that is set.
func Variables(s *session.Session, files, words []string) ([]string, error) {
	out, err := pairFiles(s, files, "environment variable", s.Env.Getenv)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		name, _, given := strings.Cut(w, "=")
		if !given {
			if value, ok := lookup(s, name); ok {
				w = name + "=" + value
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// lookup distinguishes an empty variable from one that is not set, as far as Env allows.
func lookup(s *session.Session, name string) (string, bool) {
	if value := s.Env.Getenv(name); value != "" {
		return value, true
	}
	return os.LookupEnv(name)
}

// labelsOf returns the labels from files and flags.
func labelsOf(s *session.Session, files, words []string) (map[string]string, error) {
	lines, err := pairFiles(s, files, "label", nil)
	if err != nil {
		return nil, err
	}
	return values.Pairs(append(lines, words...)), nil
}

// pairFiles reads NAME=VALUE lines; # starts a comment. A name without a value gets its value from own and is dropped
// if that is empty; if own is nil, the name is kept.
func pairFiles(s *session.Session, files []string, what string, own func(string) string) ([]string, error) {
	var out []string
	for _, name := range files {
		lines, err := readPairs(s.Path(name), own)
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				return nil, fmt.Errorf("open %s: %w", name, path.Err)
			}
			return nil, fmt.Errorf("read %s file %s: %w", what, name, err)
		}
		out = append(out, lines...)
	}
	return out, nil
}

func readPairs(path string, own func(string) string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		if !utf8.ValidString(line) {
			return nil, fmt.Errorf("line %d: invalid utf8 bytes", n)
		}
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, given := strings.Cut(line, "=")
		switch {
		case key == "":
			return nil, fmt.Errorf("no variable name on line '%s'", line)
		case strings.ContainsAny(key, " \t"):
			return nil, fmt.Errorf("variable '%s' contains whitespaces", key)
		case given || own == nil:
			out = append(out, line)
		case own(key) != "":
			out = append(out, key+"="+own(key))
		}
	}
	return out, lines.Err()
}
