package spec

import (
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/refuse"
	"box/engine/seccomp"
)

// Filters are the seccomp filters of containers, each compiled once. The zero value is ready; it may be used from any
// goroutine.
type Filters struct{ cache seccomp.Cache }

// Of is the filter that opts give a container with the capabilities of bounding, nil for none.
//
// What else a profile looks at, the kernel and the architecture, stays the same while this process runs.
func (f *Filters) Of(opts Security, privileged bool, bounding []string) (*seccomp.Filter, error) {
	if !filtered(opts, privileged) {
		return nil, nil
	}
	return f.cache.Filter(strings.Join(bounding, " ")+"\n"+opts.Seccomp, func() (*specs.LinuxSeccomp, error) {
		return Profile(opts, privileged, bounding)
	})
}

// filtered tells whether a container has a filter at all: a privileged one has only that which it asks for itself.
func filtered(opts Security, privileged bool) bool {
	return opts.Seccomp != "unconfined" && (!privileged || opts.OwnSeccomp)
}

// Profile is the profile that opts ask for, nil for none; which system calls it allows depends on the capabilities.
func Profile(opts Security, privileged bool, bounding []string) (*specs.LinuxSeccomp, error) {
	if !filtered(opts, privileged) {
		return nil, nil
	}
	s := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: bounding}}}
	if opts.Seccomp == "" || opts.Seccomp == "builtin" {
		return profiles.GetDefaultProfile(s)
	}
	p, err := profiles.LoadProfile(opts.Seccomp, s)
	if err != nil {
		return nil, refuse.Invalid("seccomp profile: %v", err)
	}
	return p, nil
}

// CheckSeccomp refuses a profile that cannot be read.
func CheckSeccomp(profile string) error {
	_, err := Profile(Security{Seccomp: profile}, false, nil)
	return err
}
