package engine

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/docker/go-units"
	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/spec"
)

const (
	defaultShm = 64 << 20 // bytes of /dev/shm
	minMemory  = 6 << 20  // a start needs that much before the program begins
)

func variable(v string) string {
	name, _, _ := strings.Cut(v, "=")
	return name
}

// validate refuses contradictions in Docker's words and fills in the host configuration's defaults.
func (e *Engine) validate(rec *record) (warnings []string, err error) {
	if rec.Name = strings.TrimPrefix(rec.Name, "/"); rec.Name != "" && !validName(rec.Name) {
		return nil, invalid("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", rec.Name)
	}
	c, h := rec.Config, rec.Host
	if c.WorkingDir != "" {
		if !path.IsAbs(c.WorkingDir) {
			return nil, invalid("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
		}
		c.WorkingDir = path.Clean(c.WorkingDir)
	}
	for _, v := range c.Env {
		if v == "" || strings.HasPrefix(v, "=") {
			return nil, invalid("invalid environment variable: %s", v)
		}
	}
	if c.StopSignal != "" {
		if _, err := parseSignal(c.StopSignal); err != nil {
			return nil, err
		}
	}
	if err := validateModes(rec); err != nil {
		return nil, err
	}
	if err := validateResources(&h.Resources); err != nil {
		return nil, err
	}
	if _, err := spec.AdjustCapabilities(h.CapAdd, h.CapDrop, h.Privileged); err != nil {
		return nil, err
	}
	security, err := spec.ParseSecurity(h.SecurityOpt)
	if err != nil {
		return nil, err
	}
	fillDefaults(h, security)
	if h.MemorySwappiness != nil && *h.MemorySwappiness == -1 {
		h.MemorySwappiness = nil // clients say so for the host's
	}
	if h.PidsLimit != nil && *h.PidsLimit <= 0 {
		h.PidsLimit = nil // no limit
	}
	if len(c.Volumes) == 0 {
		c.Volumes = nil
	}
	return warnings, nil
}

func validateModes(rec *record) error {
	h := rec.Host
	if err := api.ValidateRestartPolicy(h.RestartPolicy); err != nil {
		return invalid("%v", err)
	}
	switch {
	case h.AutoRemove && !h.RestartPolicy.IsNone():
		return invalid("can't create 'AutoRemove' container with restart policy")
	case !h.PidMode.Valid():
		return invalid("invalid PID mode: %v", h.PidMode)
	case !h.IpcMode.Valid():
		return invalid("invalid IPC mode: %v", h.IpcMode)
	case !h.UTSMode.Valid():
		return invalid("invalid UTS mode: %v", h.UTSMode)
	case h.UTSMode.IsHost() && rec.Config.Hostname != "":
		return invalid("conflicting options: hostname and the UTS mode")
	case !h.CgroupnsMode.Valid():
		return invalid("invalid cgroup namespace mode: %v", h.CgroupnsMode)
	case !h.UsernsMode.Valid():
		return invalid("invalid userns mode: %v", h.UsernsMode)
	case h.ShmSize < 0:
		return invalid("SHM size can not be less than 0")
	case h.OomScoreAdj < -1000 || h.OomScoreAdj > 1000:
		return invalid("Invalid value %d, range for oom score adj is [-1000, 1000]", h.OomScoreAdj)
	case h.Runtime != "" && h.Runtime != "runc":
		return invalid("unknown or invalid runtime name: %s", h.Runtime)
	case h.NetworkMode.IsContainer() && len(h.PortBindings) > 0:
		return invalid("conflicting options: port publishing and the container type network mode")
	}
	switch h.LogConfig.Type {
	case "", "json-file", "none":
	default:
		return invalid("logger: no log driver named '%s' is registered", h.LogConfig.Type)
	}
	return nil
}

func validateResources(r *api.Resources) error {
	switch {
	case r.Memory != 0 && r.Memory < minMemory:
		return invalid("Minimum memory limit allowed is 6MB")
	case r.MemorySwap > 0 && r.Memory == 0:
		return invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
	case r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
	case r.MemoryReservation > 0 && r.MemoryReservation < minMemory:
		return invalid("Minimum memory reservation allowed is 6MB")
	case r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation:
		return invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
	case r.MemorySwappiness != nil && (*r.MemorySwappiness < -1 || *r.MemorySwappiness > 100):
		return invalid("Invalid value: %v, valid memory swappiness range is 0-100", *r.MemorySwappiness)
	case r.NanoCPUs > 0 && (r.CPUPeriod > 0 || r.CPUQuota > 0):
		return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case r.NanoCPUs < 0 || r.NanoCPUs > int64(runtime.NumCPU())*1e9:
		return invalid("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", runtime.NumCPU(), runtime.NumCPU())
	case r.CPUPeriod != 0 && (r.CPUPeriod < 1000 || r.CPUPeriod > 1000000):
		return invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case r.CPUQuota > 0 && r.CPUQuota < 1000:
		return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case r.CPUShares < 0:
		return invalid("invalid CPU shares (%d): value must be a positive integer", r.CPUShares)
	case r.BlkioWeight > 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000):
		return invalid("Range of blkio weight is from 10 to 1000")
	case len(r.DeviceRequests) > 0:
		return invalid("could not select device driver %q with capabilities: %v", r.DeviceRequests[0].Driver, r.DeviceRequests[0].Capabilities)
	}
	for _, u := range r.Ulimits {
		if _, err := units.ParseUlimit(fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard)); err != nil {
			return invalid("%v", err)
		}
	}
	return nil
}

// fillDefaults sets what the client left open to what Docker would.
func fillDefaults(h *api.HostConfig, security spec.Security) {
	if h.ShmSize == 0 {
		h.ShmSize = defaultShm
	}
	if h.IpcMode.IsEmpty() {
		h.IpcMode = api.IPCModePrivate
	}
	if h.LogConfig.Type == "" {
		h.LogConfig.Type = "json-file"
	}
	if h.LogConfig.Config == nil {
		h.LogConfig.Config = map[string]string{}
	}
	if h.RestartPolicy.Name == "" {
		h.RestartPolicy.Name = api.RestartPolicyDisabled
	}
	if h.Runtime == "" {
		h.Runtime = "runc"
	}
	if h.Memory > 0 && h.MemorySwap == 0 && swapLimit() {
		h.MemorySwap = 2 * h.Memory
	}
	if h.CgroupnsMode.IsEmpty() {
		h.CgroupnsMode = api.CgroupnsModeHost
		if cgroup.V2() && !h.Privileged {
			h.CgroupnsMode = api.CgroupnsModePrivate
		}
	}
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

// swapLimit tells whether the kernel counts swap for a group: not with v1 unless it was booted so.
func swapLimit() bool {
	if cgroup.V2() {
		return true
	}
	_, err := os.Stat(cgroup.Root + "/memory/memory.memsw.limit_in_bytes")
	return err == nil
}
