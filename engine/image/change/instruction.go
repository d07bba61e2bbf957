package change

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"box/engine/refuse"
)

// listOf parses a list of strings in JSON; ok is false for what is no list.
func listOf(rest string) (list []string, ok bool, err error) {
	if !strings.HasPrefix(rest, "[") {
		return nil, false, nil
	}
	if json.Unmarshal([]byte(rest), &list) == nil {
		return list, true, nil
	}
	if json.Valid([]byte(rest)) {
		return nil, false, refuse.Invalid("when using JSON array syntax, arrays must be comprised of strings only")
	}
	return nil, false, nil
}

// commandLine parses a command: a JSON list, or a line for the image's shell.
func (s *state) commandLine(rest string) ([]string, error) {
	list, ok, err := listOf(rest)
	if ok || err != nil {
		return list, err
	}
	shell := s.config.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	if rest == "" {
		return slices.Clone(shell), nil
	}
	return append(slices.Clone(shell), rest), nil
}

func (s *state) cmd(rest string) error {
	list, err := s.commandLine(rest)
	if err != nil {
		return err
	}
	s.config.Cmd, s.cmdSet = list, true
	//lint:ignore SA1019 of images for Windows, and wrong of the new command
	s.config.ArgsEscaped = false
	return nil
}

// entrypoint also removes a CMD that was not set by these instructions, because it was meant for another program.
func (s *state) entrypoint(rest string) error {
	switch list, err := s.commandLine(rest); {
	case err != nil:
		return err
	case rest == "" || len(list) == 0:
		s.config.Entrypoint = nil
	default:
		s.config.Entrypoint = list
	}
	if !s.cmdSet {
		s.config.Cmd = nil
	}
	return nil
}

func (s *state) env(rest string) error {
	pairs, err := s.pairs("ENV", rest)
	if err != nil {
		return err
	}
	env := slices.Clone(s.config.Env)
	for _, p := range pairs {
		line := p[0] + "=" + p[1]
		at := slices.IndexFunc(env, func(have string) bool { name, _, _ := strings.Cut(have, "="); return name == p[0] })
		if at < 0 {
			env = append(env, line)
		} else {
			env[at] = line
		}
	}
	s.config.Env = env
	return nil
}

func (s *state) label(rest string) error {
	pairs, err := s.pairs("LABEL", rest)
	if err != nil {
		return err
	}
	labels := maps.Clone(s.config.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for _, p := range pairs {
		labels[p[0]] = p[1]
	}
	s.config.Labels = labels
	return nil
}

// maxPorts limits the number of ports in a range.
const maxPorts = 1 << 16

func (s *state) expose(rest string) error {
	words, err := s.expandWords(rest)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return refuse.Invalid("EXPOSE requires at least one argument")
	}
	ports := maps.Clone(s.config.ExposedPorts)
	if ports == nil {
		ports = map[string]struct{}{}
	}
	for _, w := range words {
		numbers, proto, given := strings.Cut(w, "/")
		if !given {
			proto = "tcp"
		}
		proto = strings.ToLower(proto)
		if proto != "tcp" && proto != "udp" && proto != "sctp" {
			return refuse.Invalid("invalid proto: %s", proto)
		}
		// An address and a port of the host may stand before it, as in --publish: they are no part of an image.
		numbers = numbers[strings.LastIndexByte(numbers, ':')+1:]
		from, to, isRange := strings.Cut(numbers, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 16)
		last, err2 := strconv.ParseUint(to, 10, 16)
		if err1 != nil || err2 != nil || last < first || last-first > maxPorts {
			return refuse.Invalid("invalid containerPort: %s", numbers)
		}
		for n := first; n <= last; n++ {
			ports[strconv.FormatUint(n, 10)+"/"+proto] = struct{}{}
		}
	}
	s.config.ExposedPorts = ports
	return nil
}

func (s *state) onbuild(rest string) error {
	switch first, _ := cutWord(rest); strings.ToUpper(first) {
	case "":
		return refuse.Invalid("ONBUILD requires at least one argument")
	case "ONBUILD":
		return refuse.Invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
	case "MAINTAINER", "FROM":
		return refuse.Invalid("%s isn't allowed as an ONBUILD trigger", strings.ToUpper(first))
	}
	s.config.OnBuild = append(slices.Clone(s.config.OnBuild), rest)
	return nil
}

// single expands an instruction with one argument.
func (s *state) single(name, rest string) (string, error) {
	words, err := splitWords(rest)
	if err != nil {
		return "", err
	}
	if len(words) != 1 {
		return "", refuse.Invalid("%s requires exactly one argument", name)
	}
	return s.expand(words[0])
}

func (s *state) stopSignal(rest string) error {
	v, err := s.single("STOPSIGNAL", rest)
	if err == nil && !isSignal(v) {
		err = refuse.Invalid("invalid signal: %s", v)
	}
	if err == nil {
		s.config.StopSignal = v
	}
	return err
}

func (s *state) user(rest string) error {
	v, err := s.single("USER", rest)
	if err == nil {
		s.config.User = v
	}
	return err
}

func (s *state) workdir(rest string) error {
	if rest == "" {
		return refuse.Invalid("WORKDIR requires exactly one argument")
	}
	v, err := s.expand(rest)
	if err != nil {
		return err
	}
	if v == "" {
		return refuse.Invalid("cannot normalize nothing")
	}
	if !path.IsAbs(v) {
		v = path.Join("/", s.config.WorkingDir, v)
	}
	s.config.WorkingDir = path.Clean(v)
	return nil
}

func (s *state) volume(rest string) error {
	list, ok, err := listOf(rest)
	if err == nil && !ok {
		list, err = s.expandWords(rest)
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return refuse.Invalid("VOLUME requires at least one argument")
	}
	volumes := maps.Clone(s.config.Volumes)
	if volumes == nil {
		volumes = map[string]struct{}{}
	}
	for _, v := range list {
		if v = strings.TrimSpace(v); v == "" {
			return refuse.Invalid("VOLUME specified can not be an empty string")
		}
		volumes[v] = struct{}{}
	}
	s.config.Volumes = volumes
	return nil
}

func (s *state) healthcheck(rest string) error {
	h := dockerspec.HealthcheckConfig{}
	for {
		word, after := cutWord(rest)
		flag, isFlag := strings.CutPrefix(word, "--")
		if !isFlag {
			break
		}
		name, value, _ := strings.Cut(flag, "=")
		if err := healthFlag(&h, name, value); err != nil {
			return err
		}
		rest = after
	}
	kind, command := cutWord(rest)
	switch strings.ToUpper(kind) {
	case "":
		return refuse.Invalid("HEALTHCHECK requires at least one argument")
	case "NONE":
		if command != "" {
			return refuse.Invalid("HEALTHCHECK NONE takes no arguments")
		}
		h = dockerspec.HealthcheckConfig{Test: []string{"NONE"}}
	case "CMD":
		switch list, ok, err := listOf(command); {
		case command == "":
			return refuse.Invalid("Missing command after HEALTHCHECK CMD")
		case err != nil:
			return err
		case ok:
			h.Test = append([]string{"CMD"}, list...)
		default:
			h.Test = []string{"CMD-SHELL", command}
		}
	default:
		return refuse.Invalid("Unknown type %q in HEALTHCHECK (try CMD)", strings.ToUpper(kind))
	}
	s.config.Healthcheck = &h
	return nil
}

func healthFlag(h *dockerspec.HealthcheckConfig, name, value string) error {
	if name == "retries" {
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return refuse.Invalid("--retries cannot be negative or no number (%s)", value)
		}
		h.Retries = int(n)
		return nil
	}
	at := map[string]*time.Duration{
		"interval": &h.Interval, "timeout": &h.Timeout, "start-period": &h.StartPeriod, "start-interval": &h.StartInterval,
	}[name]
	if at == nil {
		return refuse.Invalid("unknown flag: --%s", name)
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return refuse.Invalid("%v", err)
	}
	if d < 0 {
		return refuse.Invalid("Interval %q cannot be negative", name)
	}
	if d != 0 && d < time.Millisecond {
		return refuse.Invalid("Interval %q cannot be less than %s", name, time.Millisecond)
	}
	*at = d
	return nil
}
