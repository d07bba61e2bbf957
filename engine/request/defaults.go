package request

import (
	"net/netip"
	"slices"

	api "github.com/moby/moby/api/types/container"

	"box/engine/spec"
)

// Defaults are the daemon's defaults for containers.
type Defaults struct {
	ShmSize         int64            // bytes of /dev/shm
	IpcMode         api.IpcMode      //
	CgroupnsMode    api.CgroupnsMode //
	Ulimits         []*api.Ulimit    //
	DNS             []netip.Addr     // the host's, as the next two
	DNSSearch       []string         //
	DNSOptions      []string         //
	Init            bool             // run the program under an init
	InitPath        string           // of another init than this executable
	NoNewPrivileges bool             //
	Seccomp         string           // a profile's JSON or "unconfined"; the built-in profile
	SeccompName     string           // of the profile in info
	Runtime         string           // one of task.Runtimes
	StopTimeout     *int             // seconds between the stop signal and SIGKILL
}

// fill sets what the client left open as Docker does.
func (d *Defaults) fill(h *api.HostConfig, security spec.Security, swap bool) {
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
	if h.Memory > 0 && h.MemorySwap == 0 && swap {
		h.MemorySwap = 2 * h.Memory
	}
	if h.CgroupnsMode.IsEmpty() {
		h.CgroupnsMode = d.CgroupnsMode
		if h.Privileged {
			h.CgroupnsMode = api.CgroupnsModeHost
		}
	}
	for _, u := range d.Ulimits {
		if !slices.ContainsFunc(h.Ulimits, func(o *api.Ulimit) bool { return o.Name == u.Name }) {
			h.Ulimits = append(h.Ulimits, u)
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
	if h.PidsLimit != nil && *h.PidsLimit <= 0 {
		h.PidsLimit = nil // no limit
	}
}
