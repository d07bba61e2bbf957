package engine

import (
	"context"

	api "github.com/moby/moby/api/types/container"

	"box/engine/apparmor"
	"box/engine/spec"
)

// confinement is what confines the programs that are started now. A profile that cannot be had is said in the log; they run without.
func (e *Engine) confinement(ctx context.Context) spec.Confinement {
	c := spec.Confinement{SELinux: spec.SELinux(), AppArmor: e.o.AppArmor.Enabled()}
	if !c.AppArmor {
		return c
	}
	if err := e.o.AppArmor.Ensure(ctx); err != nil {
		e.log.Warn("containers that name no AppArmor profile are not confined by one", "error", err)
		return c
	}
	c.Default = apparmor.Default
	return c
}

// profileOf is the AppArmor profile of a container, "" for none.
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

// confinedBy is what info says of the modules that confine programs by name: in its list, and as warnings.
func (e *Engine) confinedBy(ctx context.Context) (options, warnings []string) {
	if !e.o.AppArmor.Enabled() {
		return nil, nil
	}
	if err := e.o.AppArmor.Ensure(ctx); err != nil {
		warnings = append(warnings, "WARNING: Containers that name no AppArmor profile are not confined by one: "+err.Error())
	}
	return []string{"name=apparmor"}, warnings
}
