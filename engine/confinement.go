package engine

import (
	"context"
	"errors"

	api "github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/apparmor"
	"box/engine/lifecycle"
	"box/engine/seccomp"
	"box/engine/spec"
	"box/engine/task"
)

// confinement is what confines the programs that are started now. A profile that cannot be had is said in the log, once
// for each reason; they run without.
func (e *Engine) confinement(ctx context.Context) spec.Confinement {
	c := spec.Confinement{SELinux: spec.SELinux(), AppArmor: e.o.AppArmor.Enabled()}
	if !c.AppArmor {
		return c
	}
	if err := e.o.AppArmor.Ensure(ctx); err != nil {
		if _, said := e.unconfined.LoadOrStore(err.Error(), nil); !said {
			e.log.Warn("containers that name no AppArmor profile are not confined by one", "error", err)
		}
		return c
	}
	c.Default = apparmor.Default
	return c
}

// profileOf returns the AppArmor profile of a container, "" for none.
func (e *Engine) profileOf(h *api.HostConfig) string {
	if !e.o.AppArmor.Enabled() {
		return ""
	}
	s, err := e.securityOf(h)
	switch {
	case err == nil && s.AppArmor != "":
		return s.AppArmor
	case h.Privileged:
		return apparmor.Unconfined
	}
	if loaded, err := e.o.AppArmor.Loaded(apparmor.Default); err != nil || !loaded {
		return ""
	}
	return apparmor.Default
}

// confinedBy returns what info reports about security modules: entries of its list, and warnings.
func (e *Engine) confinedBy(ctx context.Context) (options, warnings []string) {
	if !e.o.AppArmor.Enabled() {
		return nil, nil
	}
	if err := e.o.AppArmor.Ensure(ctx); err != nil {
		warnings = append(warnings, "WARNING: Containers that name no AppArmor profile are not confined by one: "+err.Error())
	}
	return []string{"name=apparmor"}, warnings
}

// securityOf returns the security options of a container, which override the daemon's defaults.
func (e *Engine) securityOf(h *api.HostConfig) (spec.Security, error) {
	d := &e.settings().Container
	return spec.Security{NoNewPrivileges: d.NoNewPrivileges, Seccomp: d.Seccomp}.With(h.SecurityOpt)
}

// filterOf returns the seccomp filter of a container, or nil. For another runtime than ours it adds the profile to s
// instead, which that runtime compiles.
func (e *Engine) filterOf(rec *lifecycle.Record, s *specs.Spec, runtime string) (*task.Filter, error) {
	security, err := e.securityOf(rec.Host)
	if err != nil {
		return nil, err
	}
	f, err := e.filters.Of(security, rec.Host.Privileged, s.Process.Capabilities.Bounding)
	var refused seccomp.Refusal
	if errors.As(err, &refused) {
		err = task.Because(err, task.SpecRefused)
	}
	switch {
	case f == nil || err != nil:
		return nil, err
	case runtime != task.Box: // which is known to have a filter, and not to ask for what none here can do
		s.Linux.Seccomp, err = spec.Profile(security, rec.Host.Privileged, s.Process.Capabilities.Bounding)
		return nil, err
	}
	return &task.Filter{Flags: f.Flags, Program: f.Program}, nil
}
