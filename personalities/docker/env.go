package docker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
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
		if !given {
			if value, ok := s.lookup(name); ok {
				w = name + "=" + value
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// checkVariable accepts NAME and NAME=VALUE.
func checkVariable(text string) error {
	if name, _, _ := strings.Cut(text, "="); name == "" {
		return fmt.Errorf("invalid environment variable: %s", text)
	}
	return nil
}

// checkLabel accepts KEY and KEY=VALUE.
func checkLabel(text string) error {
	if key, _, _ := strings.Cut(text, "="); key == "" {
		return fmt.Errorf("invalid label '%s': empty name", text)
	}
	return nil
}

// checkSysctl accepts parameters that belong to a container's namespaces.
func checkSysctl(text string) error {
	key, _, ok := strings.Cut(text, "=")
	named := slices.Contains([]string{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced"}, key)
	if ok && (named || strings.HasPrefix(key, "net.") || strings.HasPrefix(key, "fs.mqueue.")) {
		return nil
	}
	return fmt.Errorf("sysctl '%s' is not allowed", text)
}

// checkDeviceRule accepts TYPE MAJOR:MINOR MODE, with * for any number.
func checkDeviceRule(text string) error {
	var fields = strings.Fields(text)
	if len(fields) == 3 && strings.Contains("acb", fields[0]) && len(fields[0]) == 1 && isDeviceMode(fields[2]) {
		major, minor, ok := strings.Cut(fields[1], ":")
		if ok && (major == "*" || isDigits(major)) && (minor == "*" || isDigits(minor)) {
			return nil
		}
	}
	return fmt.Errorf("invalid device cgroup format '%s'", text)
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
