package spec

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/apparmor"
	"box/engine/refuse"
)

// Security is the parsed --security-opt.
type Security struct {
	NoNewPrivileges bool
	Seccomp         string // "" for the default profile, "unconfined", or a profile's JSON
	OwnSeccomp      bool   // it was asked for by the container, and holds for a privileged one too
	AppArmor        string
	Labels          []string // of SELinux: disable, or user:, role:, type:, level: and filetype: with a value
	WritableCgroups *bool    // whether the container may change its control groups; nil: as it is privileged
	SystemPaths     bool     // systempaths=unconfined: nothing of /proc and /sys is masked or read-only
}

// ParseSecurity parses options in both forms, name=value and name:value.
func ParseSecurity(options []string) (Security, error) { return Security{}.With(options) }

// With returns s with options applied.
func (s Security) With(options []string) (Security, error) {
	for _, o := range options {
		if o == "no-new-privileges" {
			s.NoNewPrivileges = true
			continue
		}
		name, value, ok := strings.Cut(o, "=")
		if !ok {
			name, value, ok = strings.Cut(o, ":")
		}
		if !ok {
			return s, refuse.Invalid("invalid --security-opt 1: %q", o)
		}
		switch name {
		case "label":
			s.Labels = append(s.Labels, value)
		case "apparmor":
			s.AppArmor = value
		case "seccomp":
			s.Seccomp, s.OwnSeccomp = value, true
		case "no-new-privileges":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return s, refuse.Invalid("invalid --security-opt 2: %q", o)
			}
			s.NoNewPrivileges = on
		case "writable-cgroups":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return s, refuse.Invalid("invalid --security-opt 2: %q", o)
			}
			s.WritableCgroups = &on
		case "systempaths":
			if value != "unconfined" {
				return s, refuse.Invalid("invalid --security-opt 2: %q", o)
			}
			s.SystemPaths = true
		default:
			return s, refuse.Invalid("invalid --security-opt 2: %q", o)
		}
	}
	return s, nil
}

// labels returns the SELinux labels of a container's processes and files, "" for none.
func (s Security) labels() (process, files string) {
	if len(s.Labels) == 0 || slices.Contains(s.Labels, "disable") {
		return "", ""
	}
	parts := map[string]string{"user": "system_u", "role": "system_r", "type": "container_t", "level": "s0",
		"filetype": "container_file_t"}
	for _, l := range s.Labels {
		name, value, _ := strings.Cut(l, ":")
		if _, known := parts[name]; known && value != "" {
			parts[name] = value
		}
	}
	return strings.Join([]string{parts["user"], parts["role"], parts["type"], parts["level"]}, ":"),
		strings.Join([]string{parts["user"], "object_r", parts["filetype"], parts["level"]}, ":")
}

// Confinement says which security modules that confine programs by name are enforced.
type Confinement struct {
	AppArmor bool
	Default  string // profile of containers that name none, "" for none
	SELinux  bool
}

// SELinux tells whether the kernel enforces SELinux.
func SELinux() bool {
	_, err := os.Stat("/sys/fs/selinux/enforce")
	return err == nil
}

// Confine sets the AppArmor profile and the SELinux label of a program, and returns the label of its files. It leaves
// out those of modules that are not enforced, since the kernel would refuse them.
func (c Confinement) Confine(p *specs.Process, s Security, privileged bool) (files string) {
	if c.AppArmor {
		if p.ApparmorProfile = s.AppArmor; s.AppArmor == "" {
			p.ApparmorProfile = c.Default
			if privileged {
				p.ApparmorProfile = apparmor.Unconfined
			}
		}
	}
	if c.SELinux {
		p.SelinuxLabel, files = s.labels()
	}
	return files
}

// throttling returns files that would show a container how warm each processor is, and so what runs on it (Docker
// 28.3).
func throttling(root string) []string {
	each, _ := filepath.Glob(root + "/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
	for i := range each {
		each[i] = strings.TrimPrefix(each[i], root)
	}
	return each
}

// MaskedPaths returns the paths in /proc and /sys that Docker hides.
func MaskedPaths() []string {
	return append([]string{
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap",
	}, throttling("")...)
}

// ReadonlyPaths returns the paths in /proc and /sys that Docker makes read-only.
func ReadonlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}
