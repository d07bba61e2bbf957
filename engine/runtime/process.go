package runtime

import (
	"fmt"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// logLevel is how much the C half of a start tells its parent, one write and one line of JSON each: warnings (logrus' number).
const logLevel = "3"

// process turns the spec's process into libcontainer's (OCI runtime spec, config.md, "Process").
func process(p *specs.Process) (*libcontainer.Process, error) {
	lp := &libcontainer.Process{
		Args:            p.Args,
		Env:             p.Env,
		UID:             int(p.User.UID),
		GID:             int(p.User.GID),
		Cwd:             p.Cwd,
		Label:           p.SelinuxLabel,
		NoNewPrivileges: &p.NoNewPrivileges,
		AppArmorProfile: p.ApparmorProfile,
		Scheduler:       p.Scheduler,
		IOPriority:      p.IOPriority,
		LogLevel:        logLevel,
	}
	if p.ConsoleSize != nil {
		lp.ConsoleWidth, lp.ConsoleHeight = uint16(p.ConsoleSize.Width), uint16(p.ConsoleSize.Height)
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable,
			Permitted: c.Permitted, Ambient: c.Ambient,
		}
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	for _, r := range p.Rlimits {
		kind, ok := rlimits[r.Type]
		if !ok {
			return nil, fmt.Errorf("unknown resource limit %q", r.Type)
		}
		lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: kind, Hard: r.Hard, Soft: r.Soft})
	}
	return lp, nil
}

// rlimits are the limits of getrlimit(2) by the names of the OCI runtime spec.
var rlimits = map[string]int{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}

// mergeResources gives have with what r sets; device rules stay.
func mergeResources(have *cgroups.Resources, r *specs.LinuxResources) (*cgroups.Resources, error) {
	spec := &specs.Spec{Version: specs.Version, Linux: &specs.Linux{CgroupsPath: "/merge", Resources: r}}
	want, err := specconv.CreateCgroupConfig(&specconv.CreateOpts{CgroupName: "merge", Spec: spec}, nil)
	if err != nil {
		return nil, err
	}
	out, w := *have, want.Resources
	// What was set for devices when the container started holds: an update does not name them.
	out.SkipDevices = true
	if m := r.Memory; m != nil {
		setIf(m.Limit != nil, &out.Memory, w.Memory)
		setIf(m.Reservation != nil, &out.MemoryReservation, w.MemoryReservation)
		setIf(m.Swap != nil, &out.MemorySwap, w.MemorySwap)
	}
	if c := r.CPU; c != nil {
		setIf(c.Shares != nil, &out.CpuShares, w.CpuShares)
		setIf(c.Shares != nil, &out.CpuWeight, w.CpuWeight) // what the unified hierarchy makes of it
		setIf(c.Quota != nil, &out.CpuQuota, w.CpuQuota)
		setIf(c.Period != nil, &out.CpuPeriod, w.CpuPeriod)
		setIf(c.RealtimeRuntime != nil, &out.CpuRtRuntime, w.CpuRtRuntime)
		setIf(c.RealtimePeriod != nil, &out.CpuRtPeriod, w.CpuRtPeriod)
		setIf(c.Cpus != "", &out.CpusetCpus, w.CpusetCpus)
		setIf(c.Mems != "", &out.CpusetMems, w.CpusetMems)
	}
	if r.Pids != nil {
		out.PidsLimit = w.PidsLimit
	}
	if r.BlockIO != nil {
		setIf(r.BlockIO.Weight != nil, &out.BlkioWeight, w.BlkioWeight)
	}
	return &out, nil
}

func setIf[T any](ok bool, field *T, v T) {
	if ok {
		*field = v
	}
}
