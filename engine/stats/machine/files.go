package machine

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"box/engine/stats/sample"
)

// fileSystems returns the mounted file systems that are on a device, each once, by the shortest path it is mounted at,
// and the one with the daemon's data whatever it is on.
func (m *Machine) fileSystems() []sample.FileSystem {
	var data unix.Stat_t
	_ = unix.Stat(m.Data, &data) // without a data root none is it
	byDevice := map[string]sample.FileSystem{}
	for line := range bytes.Lines(m.read(m.Proc, "self/mountinfo")) { // proc_pid_mountinfo(5)
		before, after, _ := strings.Cut(string(line), " - ")
		w, rest := strings.Fields(before), strings.Fields(after)
		if len(w) < 5 || len(rest) < 2 {
			continue
		}
		ours := w[2] == strconv.Itoa(int(unix.Major(data.Dev)))+":"+strconv.Itoa(int(unix.Minor(data.Dev)))
		if !strings.HasPrefix(rest[1], "/dev/") && !ours {
			continue
		}
		f := sample.FileSystem{Path: unescape(w[4]), Device: unescape(rest[1]), Type: rest[0], Data: ours}
		if have, ok := byDevice[w[2]]; !ok || len(f.Path) < len(have.Path) {
			byDevice[w[2]] = f
		}
	}
	var list []sample.FileSystem
	for _, f := range byDevice {
		at := f.Path
		if f.Data {
			at = m.Data // it may be covered, or out of this process's root
		}
		if fill(&f, at) {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b sample.FileSystem) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

func fill(f *sample.FileSystem, at string) bool {
	var s unix.Statfs_t
	if unix.Statfs(at, &s) != nil || s.Blocks == 0 {
		return false
	}
	unit := uint64(s.Bsize)
	f.Total, f.Free, f.Available = s.Blocks*unit, s.Bfree*unit, s.Bavail*unit
	f.Inodes, f.FreeInodes = s.Files, s.Ffree
	return true
}

// unescape undoes the octal escapes of mountinfo: blank, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// heat reads the thermal zones (Documentation/driver-api/thermal/sysfs-api.rst), else the sensors of hwmon.
func (m *Machine) heat() (list []sample.Heat) {
	add := func(dir, value, name string) {
		raw, err := os.ReadFile(filepath.Join(dir, value))
		n, bad := strconv.Atoi(strings.TrimSpace(string(raw)))
		if err != nil || bad != nil {
			return // a sensor that is asleep has none
		}
		label, _ := os.ReadFile(filepath.Join(dir, name))
		list = append(list, sample.Heat{Name: strings.TrimSpace(string(label)), Celsius: float64(n) / 1000})
	}
	zones, _ := filepath.Glob(filepath.Join(m.Sys, "class/thermal/thermal_zone*"))
	for _, dir := range zones {
		add(dir, "temp", "type")
	}
	if len(list) > 0 {
		return list
	}
	sensors, _ := filepath.Glob(filepath.Join(m.Sys, "class/hwmon/hwmon*/temp1_input"))
	for _, file := range sensors {
		add(filepath.Dir(file), "temp1_input", "name")
	}
	return list
}
