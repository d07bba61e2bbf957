package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/refuse"
)

// deviceRules returns what the devices cgroup allows.
func deviceRules(in *Input) []specs.LinuxDeviceCgroup {
	if in.Host.Privileged {
		return []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	}
	rules := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	for _, d := range []struct{ major, minor int64 }{{1, 5}, {1, 3}, {1, 9}, {1, 8}, {5, 0}, {5, 1}} {
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &d.major, Minor: &d.minor,
			Access: "rwm"})
	}
	// What every container has of runc, by Docker too: device nodes of any number can be made, and full, terminals
	// and tun be used.
	for _, d := range []struct {
		kind, access string
		major, minor int64
	}{{"c", "m", -1, -1}, {"b", "m", -1, -1}, {"c", "rwm", 1, 7}, {"c", "rwm", 136, -1}, {"c", "rwm", 5, 2},
		{"c", "rwm", 10, 200}} {
		rule := specs.LinuxDeviceCgroup{Allow: true, Type: d.kind, Access: d.access}
		if d.major >= 0 {
			rule.Major = &d.major
		}
		if d.minor >= 0 {
			rule.Minor = &d.minor
		}
		rules = append(rules, rule)
	}
	return append(rules, in.Rules...)
}

// errNoDevice is Docker's error, which becomes a server error.
var errNoDevice = errors.New("not a device node")

// Devices returns the devices of the host that --device gives to a container, and the cgroup rules for them. A folder
// stands for all devices below it. Privileged containers get all of /dev.
func Devices(h *container.HostConfig) ([]specs.LinuxDevice, []specs.LinuxDeviceCgroup, error) {
	var devices []specs.LinuxDevice
	var rules []specs.LinuxDeviceCgroup
	if h.Privileged {
		d, err := devicesBelow("/dev", "/dev")
		return d, nil, err
	}
	for _, m := range h.Devices {
		inside := m.PathInContainer
		if inside == "" {
			inside = m.PathOnHost
		}
		found, err := devicesBelow(m.PathOnHost, inside)
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err // the path is in the text already
		}
		if err == nil && len(found) == 0 {
			err = errNoDevice
		}
		if err != nil {
			return nil, nil, fmt.Errorf("error gathering device information while adding custom device %q: %v", m.PathOnHost,
				err)
		}
		access := accessOf(m.CgroupPermissions)
		for _, d := range found {
			if access == "" { // it is there and may not be used
				break
			}
			rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor,
				Access: access})
		}
		devices = append(devices, found...)
	}
	for _, r := range h.DeviceCgroupRules {
		rule, err := parseDeviceRule(r)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, rule)
	}
	return devices, rules, nil
}

// accessOf returns the valid part of a device's permissions, as runc takes them. None means all.
func accessOf(permissions string) string {
	if permissions == "" {
		return "rwm"
	}
	access := ""
	for _, p := range "rwm" {
		if strings.ContainsRune(permissions, p) {
			access += string(p)
		}
	}
	return access
}

// devicesBelow returns the device at path, or the devices below it.
func devicesBelow(path, inside string) ([]specs.LinuxDevice, error) {
	if path == "" {
		return nil, unix.ENOENT
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if d, ok := device(real, inside); ok {
		return []specs.LinuxDevice{d}, nil
	}
	if st, err := os.Stat(real); err != nil || !st.IsDir() {
		return nil, errNoDevice
	}
	var list []specs.LinuxDevice
	err = filepath.WalkDir(real, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // gone while we looked
		case e.IsDir() && p != real && skipDevFolder(e.Name()):
			return filepath.SkipDir
		case e.Type()&fs.ModeDevice == 0 || e.Name() == "console":
			return nil
		}
		if d, ok := device(p, filepath.Join(inside, strings.TrimPrefix(p, real))); ok {
			list = append(list, d)
		}
		return nil
	})
	return list, err
}

// skipDevFolder matches folders in /dev with a file system of which the container has its own.
func skipDevFolder(name string) bool {
	switch name {
	case "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev":
		return true
	}
	return false
}

func device(path, inside string) (specs.LinuxDevice, bool) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return specs.LinuxDevice{}, false
	}
	kind := ""
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		kind = "b"
	case unix.S_IFCHR:
		kind = "c"
	default:
		return specs.LinuxDevice{}, false
	}
	mode := os.FileMode(st.Mode & 0o777)
	return specs.LinuxDevice{
		Path: inside, Type: kind, Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)),
		FileMode: &mode, UID: &st.Uid, GID: &st.Gid,
	}, true
}

// parseDeviceRule parses "c 1:3 mr" (cgroup v1 devices controller, kernel documentation); * stands for any number.
func parseDeviceRule(s string) (specs.LinuxDeviceCgroup, error) {
	var r specs.LinuxDeviceCgroup
	words := strings.Split(s, " ")
	if len(words) != 3 || len(words[0]) != 1 || !strings.Contains("abc", words[0]) || words[2] == "" ||
		len(words[2]) > 3 || strings.Trim(words[2], "rwm") != "" {
		return r, refuse.Invalid("invalid device cgroup rule format: '%s'", s)
	}
	major, minor, ok := strings.Cut(words[1], ":")
	if !ok {
		return r, refuse.Invalid("invalid device cgroup rule format: '%s'", s)
	}
	r = specs.LinuxDeviceCgroup{Allow: true, Type: words[0], Access: words[2]}
	for _, part := range []struct {
		text string
		to   **int64
	}{{major, &r.Major}, {minor, &r.Minor}} {
		n, err := number(part.text)
		if err != nil {
			return r, refuse.Invalid("invalid device cgroup rule format: '%s'", s)
		}
		*part.to = n
	}
	return r, nil
}
