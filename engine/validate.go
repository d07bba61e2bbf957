package engine

import (
	"errors"
	"path"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/task"
)

const defaultShm = 64 << 20 // bytes of /dev/shm

func variable(v string) string {
	name, _, _ := strings.Cut(v, "=")
	return name
}

// validate refuses contradictions in Docker's words and fills in the host configuration's defaults.
func (e *Engine) validate(rec *record) (warnings []string, err error) {
	if asked := rec.Name; asked != "" {
		if rec.Name = strings.TrimPrefix(asked, "/"); !validName(rec.Name) {
			return nil, refuse.Invalid("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", asked)
		}
	}
	c, h := rec.Config, rec.Host
	if c.WorkingDir != "" {
		if !path.IsAbs(c.WorkingDir) {
			return nil, refuse.Invalid("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
		}
		c.WorkingDir = path.Clean(c.WorkingDir)
	}
	for _, v := range c.Env {
		if v == "" || strings.HasPrefix(v, "=") {
			return nil, refuse.Invalid("invalid environment variable: %s", v)
		}
	}
	if err := validateHealth(c.Healthcheck); err != nil {
		return nil, err
	}
	if c.StopSignal != "" {
		if _, err := parseSignal(c.StopSignal); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(validateModes(h), e.checkRemap(h)); err != nil {
		return nil, err
	}
	if err := e.completeLog(&h.LogConfig); err != nil {
		return nil, err
	}
	if warnings, err = limits(&h.Resources, e.o.Limits); err != nil {
		return warnings, err
	}
	warnings = append(warnings, networkWarnings(h)...)
	if _, err := spec.AdjustCapabilities(h.CapAdd, h.CapDrop, h.Privileged); err != nil {
		return nil, err
	}
	security, err := spec.ParseSecurity(h.SecurityOpt)
	if err != nil {
		return nil, err
	}
	e.fillDefaults(h, security)
	if err := e.checkGroups(h, security.WritableCgroups); err != nil {
		return nil, err
	}
	if h.PidsLimit != nil && *h.PidsLimit <= 0 {
		h.PidsLimit = nil // no limit
	}
	if len(c.Volumes) == 0 {
		c.Volumes = nil
	}
	return warnings, nil
}

func validateModes(h *api.HostConfig) error {
	if err := api.ValidateRestartPolicy(h.RestartPolicy); err != nil {
		return refuse.Invalid("%v", err)
	}
	switch {
	case h.AutoRemove && !h.RestartPolicy.IsNone():
		return refuse.Invalid("can't create 'AutoRemove' container with restart policy")
	case !h.PidMode.Valid():
		return refuse.Invalid("invalid PID mode: %v", h.PidMode)
	case !h.IpcMode.Valid():
		return refuse.Invalid("invalid IPC mode: %v", h.IpcMode)
	case !h.UTSMode.Valid():
		return refuse.Invalid("invalid UTS mode: %v", h.UTSMode)
	case !h.CgroupnsMode.Valid():
		return refuse.Invalid("invalid cgroup namespace mode: %v", h.CgroupnsMode)
	case !h.UsernsMode.Valid():
		return refuse.Invalid("invalid userns mode: %v", h.UsernsMode)
	case badHostPort(h.PortBindings) != "":
		return refuse.Invalid("invalid port specification: %q", badHostPort(h.PortBindings))
	case h.ShmSize < 0:
		return refuse.Invalid("SHM size can not be less than 0")
	case h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000:
		return refuse.Invalid("Invalid value %d, range for oom score adj is [-1000, 1000]", h.OomScoreAdj)
	case h.Runtime != "" && !slices.Contains(task.Runtimes(), h.Runtime):
		return refuse.Invalid("unknown or invalid runtime name: %s", h.Runtime)
	case h.Isolation != "" && h.Isolation != "default":
		return refuse.Invalid("invalid isolation (%s): linux only supports 'default'", h.Isolation)
	}
	return nil
}

// fillDefaults sets what the client left open to what Docker would.
func (e *Engine) fillDefaults(h *api.HostConfig, security spec.Security) {
	d := &e.settings().Container
	if h.ShmSize == 0 {
		h.ShmSize = d.ShmSize
	}
	if h.IpcMode.IsEmpty() {
		h.IpcMode = d.IpcMode
	}
	if h.RestartPolicy.Name == "" {
		h.RestartPolicy.Name = api.RestartPolicyDisabled
	}
	if h.Runtime == "" {
		h.Runtime = d.Runtime
	}
	if h.Memory > 0 && h.MemorySwap == 0 && e.o.Limits.Swap {
		h.MemorySwap = 2 * h.Memory
	}
	if h.CgroupnsMode.IsEmpty() {
		h.CgroupnsMode = d.cgroupns()
		if h.Privileged {
			h.CgroupnsMode = api.CgroupnsModeHost
		}
	}
	h.Ulimits = d.ulimits(h.Ulimits)
	if security.SystemPaths || h.Privileged {
		h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
	}
	if h.MaskedPaths == nil {
		h.MaskedPaths = spec.MaskedPaths()
	}
	if h.ReadonlyPaths == nil {
		h.ReadonlyPaths = spec.ReadonlyPaths()
	}
}

// cgroupns is the mode of cgroup namespaces that containers get.
func (d *ContainerDefaults) cgroupns() api.CgroupnsMode {
	switch {
	case d.CgroupnsMode != "":
		return d.CgroupnsMode
	case cgroup.V2():
		return api.CgroupnsModePrivate
	}
	return api.CgroupnsModeHost
}

// ulimits adds those that a container does not have of its own.
func (d *ContainerDefaults) ulimits(own []*api.Ulimit) []*api.Ulimit {
	for _, u := range d.Ulimits {
		if !slices.ContainsFunc(own, func(o *api.Ulimit) bool { return o.Name == u.Name }) {
			own = append(own, u)
		}
	}
	return own
}
