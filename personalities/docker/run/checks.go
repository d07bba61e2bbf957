package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"box/personalities/docker/values"
)

// checkStream accepts the streams of --attach.
func checkStream(name string) error {
	if !slices.Contains([]string{"stdin", "stdout", "stderr"}, strings.ToLower(name)) {
		return errors.New("valid streams are STDIN, STDOUT and STDERR")
	}
	return nil
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

// checkSysctl accepts parameters that belong to the namespaces of a container.
func checkSysctl(text string) error {
	key, _, ok := strings.Cut(text, "=")
	named := slices.Contains([]string{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
		"kernel.shmmax",
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
		if ok && (major == "*" || values.IsDigits(major)) && (minor == "*" || values.IsDigits(minor)) {
			return nil
		}
	}
	return fmt.Errorf("invalid device cgroup format '%s'", text)
}

// Checks returns the checks of values that are parsed later, by their name in the tag `type`. They run while flags are
// parsed, so that the error names the flag.
func Checks() map[string]func(text string) error {
	return map[string]func(text string) error{
		"byte-rate": parses(byteRate), "count-rate": parses(countRate), "device": parses(deviceMapping),
		"device-rule": checkDeviceRule,
		"host":        parses(hostLine), "label": checkLabel, "mount": parses(mountSpec), "name-server": parses(nameServer),
		"stream": checkStream,
		"sysctl": checkSysctl, "ulimit": parses(units.ParseUlimit), "variable": checkVariable,
		"weight": parses(weightDevice),
	}
}

// parses turns a parser into a check.
func parses[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}
