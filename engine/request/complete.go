package request

import (
	"errors"
	"path"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/logs"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/task"
)

// Daemon is the information about a daemon and its host that is needed to complete a request.
type Daemon struct {
	Defaults Defaults
	Log      api.LogConfig  // of containers that ask for none
	Limits   cgroup.Support // what the kernel can limit
	Remaps   bool           // containers have user namespaces of their own where they do not refuse
}

// Complete sets what the client left open, from the image and the daemon's defaults, and reports errors in Docker's
// words and order. Limits that the kernel does not support are removed from q with a warning.
func (d *Daemon) Complete(q *Create, image *dockerspec.DockerOCIImageConfig) (warnings []string, err error) {
	q.Config = Merge(q.Config, image)
	if err := completeConfig(q); err != nil {
		return nil, err
	}
	h := q.Host
	if err := errors.Join(checkModes(h), d.checkRemap(h)); err != nil {
		return nil, err
	}
	h.LogConfig, err = d.logConfig(h.LogConfig)
	if err != nil {
		return nil, err
	}
	if warnings, err = Limits(&h.Resources, d.Limits); err != nil {
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
	d.Defaults.fill(h, security, d.Limits.Swap)
	return warnings, d.checkGroups(h, security.WritableCgroups)
}

// completeConfig merges the image's configuration into the user's and checks the result.
func completeConfig(q *Create) error {
	if asked := q.Name; asked != "" {
		if q.Name = strings.TrimPrefix(asked, "/"); !ValidName(q.Name) {
			return refuse.Invalid("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", asked)
		}
	}
	c := q.Config
	if c.WorkingDir != "" {
		if !path.IsAbs(c.WorkingDir) {
			return refuse.Invalid("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
		}
		c.WorkingDir = path.Clean(c.WorkingDir)
	}
	for _, v := range c.Env {
		if v == "" || strings.HasPrefix(v, "=") {
			return refuse.Invalid("invalid environment variable: %s", v)
		}
	}
	if err := checkHealth(c.Healthcheck); err != nil {
		return err
	}
	if c.StopSignal != "" {
		if _, err := Signal(c.StopSignal); err != nil {
			return err
		}
	}
	if len(c.Volumes) == 0 {
		c.Volumes = nil
	}
	return nil
}

// logConfig sets the daemon's defaults for logging, and refuses options that the driver does not know.
func (d *Daemon) logConfig(c api.LogConfig) (api.LogConfig, error) {
	if c.Type == "" {
		c.Type = d.Log.Type
	}
	c.Config = logs.Merge(c.Config, d.Log.Config, c.Type == d.Log.Type)
	if err := logs.Validate(c.Type, c.Config); err != nil {
		return c, refuse.Invalid("%v", err)
	}
	return c, nil
}

// Remapped tells whether a container gets its own user namespace.
func (d *Daemon) Remapped(h *api.HostConfig) bool { return d.Remaps && h.UsernsMode.IsPrivate() }

// checkRemap refuses, in Docker's words, what is not possible in a user namespace.
func (d *Daemon) checkRemap(h *api.HostConfig) error {
	switch {
	case !d.Remapped(h):
	case h.Privileged:
		return refuse.Invalid("privileged mode is incompatible with user namespaces.  You must run the container in the " +
			"host namespace when running privileged mode")
	case h.NetworkMode.IsHost():
		return refuse.Invalid("cannot share the host's network namespace when user namespaces are enabled")
	case h.PidMode.IsHost():
		return refuse.Invalid("cannot share the host PID namespace when user namespaces are enabled")
	}
	return nil
}

// checkGroups refuses writable control groups unless they are the container's own: without a cgroup namespace of its
// own it sees the tree of the host, and the groups of a container with a user namespace belong to a user outside of it.
func (d *Daemon) checkGroups(h *api.HostConfig, writable *bool) error {
	switch {
	case writable == nil || h.Privileged: // a privileged container has the host's tree as it is
	case d.Remapped(h):
		return refuse.Invalid("conflicting options: writable-cgroups and user namespaces")
	case *writable && !h.CgroupnsMode.IsPrivate():
		return refuse.Invalid("conflicting options: writable-cgroups=true and the cgroup namespace mode %q: it needs "+
			"--cgroupns private", h.CgroupnsMode)
	}
	return nil
}

func checkModes(h *api.HostConfig) error {
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
