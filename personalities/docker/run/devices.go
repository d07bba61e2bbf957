package run

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/personalities/docker/values"
)

// deviceMapping parses PATH[:INSIDE[:MODE]].
func deviceMapping(spec string) (container.DeviceMapping, error) {
	parts := strings.Split(spec, ":")
	m := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	switch {
	case len(parts) > 3 || parts[0] == "":
		return m, fmt.Errorf("invalid device specification: %s", spec)
	case len(parts) == 3:
		m.PathInContainer, m.CgroupPermissions = parts[1], parts[2]
	case len(parts) == 2 && isDeviceMode(parts[1]):
		m.CgroupPermissions = parts[1]
	case len(parts) == 2:
		m.PathInContainer = parts[1]
	}
	if !isDeviceMode(m.CgroupPermissions) {
		return m, fmt.Errorf("bad mode specified: %s", m.CgroupPermissions)
	}
	if !path.IsAbs(m.PathInContainer) {
		return m, fmt.Errorf("%s is not an absolute path", m.PathInContainer)
	}
	return m, nil
}

// isDeviceMode accepts each of r, w and m at most once.
func isDeviceMode(mode string) bool {
	for i, r := range mode {
		if !strings.ContainsRune("rwm", r) || strings.ContainsRune(mode[:i], r) {
			return false
		}
	}
	return mode != ""
}

// gpuSpec is the value of --gpus: all, a number, or device=...,capabilities=...,driver=...,options=....
type gpuSpec []container.DeviceRequest

// UnmarshalText parses one request.
func (g *gpuSpec) UnmarshalText(raw []byte) error {
	spec := string(raw)
	r := container.DeviceRequest{Capabilities: [][]string{{"gpu"}}, Options: map[string]string{}}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			key, value = "count", key
		}
		if seen[key] {
			return fmt.Errorf("gpu request key '%s' can be specified only once", key)
		}
		seen[key] = true
		switch key {
		case "driver":
			r.Driver = value
		case "count":
			if r.Count, err = gpuCount(value); err != nil {
				return err
			}
		case "device":
			r.DeviceIDs = strings.Split(value, ",")
		case "capabilities":
			r.Capabilities = [][]string{append(strings.Split(value, ","), "gpu")}
		case "options":
			r.Options = values.Pairs(strings.Split(value, ","))
		default:
			return fmt.Errorf("unexpected key '%s' in '%s'", key, field)
		}
	}
	if !seen["count"] && !seen["device"] {
		r.Count = 1
	}
	*g = append(*g, r)
	return nil
}

func gpuCount(text string) (int, error) {
	if text == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("invalid count (%s): value must be either \"all\" or an integer: %w", text,
			errors.Unwrap(err))
	}
	return n, nil
}

// ulimits parses NAME=SOFT[:HARD].
func ulimits(specs []string) ([]*container.Ulimit, error) {
	out := []*container.Ulimit{}
	for _, spec := range specs {
		u, err := units.ParseUlimit(spec)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
