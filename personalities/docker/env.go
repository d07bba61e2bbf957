package docker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// variables is the environment that the flags describe: files first, then --env. A name without a value
// passes the client's own on, where it has one.
func (s *session) variables(files, words []string) ([]string, error) {
	out, err := s.pairFiles(files, "environment variable", s.env.Getenv)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		name, _, given := strings.Cut(w, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid environment variable: %s", w)
		}
		if !given {
			if value, ok := s.lookup(name); ok {
				w = name + "=" + value
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// lookup tells an empty variable from one that is not set, as far as the command's Env can.
func (s *session) lookup(name string) (string, bool) {
	if value := s.env.Getenv(name); value != "" {
		return value, true
	}
	return os.LookupEnv(name)
}

// labelsOf is the labels that the flags describe.
func (s *session) labelsOf(files, words []string) (map[string]string, error) {
	lines, err := s.pairFiles(files, "label", nil)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		if strings.HasPrefix(w, "=") || w == "" {
			return nil, fmt.Errorf("invalid label '%s': empty name", w)
		}
	}
	return pairs(append(lines, words...)), nil
}

// pairFiles reads NAME=VALUE lines; # starts a comment line. A bare name takes its value from own (nil: it is
// kept bare; no value: it is dropped).
func (s *session) pairFiles(files []string, what string, own func(string) string) ([]string, error) {
	var out []string
	for _, name := range files {
		lines, err := readPairs(s.path(name), own)
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
