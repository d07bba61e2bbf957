package spec

import (
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/refuse"
	"box/engine/seccomp"
)

// Filters compiles the seccomp filters of containers, each once. The zero value is ready to use, by several goroutines.
type Filters struct{ cache seccomp.Cache }

// Of returns the filter for a container with these options and a bounding set of capabilities, or nil.
//
// A profile also depends on the kernel and the architecture, which do not change while this process runs.
func (f *Filters) Of(opts Security, privileged bool, bounding []string) (*seccomp.Filter, error) {
	if !filtered(opts, privileged) {
		return nil, nil
	}
	return f.cache.Filter(strings.Join(bounding, " ")+"\n"+opts.Seccomp, func() (*specs.LinuxSeccomp, error) {
		return Profile(opts, privileged, bounding)
	})
}

// filtered tells whether a container has a filter at all. A privileged one has one only if it asks for it.
func filtered(opts Security, privileged bool) bool {
	return opts.Seccomp != "unconfined" && (!privileged || opts.OwnSeccomp)
}

// Profile returns the profile that the options select, or nil. The system calls that it allows depend on the
// capabilities.
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

// CheckSeccomp refuses an invalid profile.
func CheckSeccomp(profile string) error {
	_, err := Profile(Security{Seccomp: profile}, false, nil)
	return err
}
