package runtime

import (
	"encoding/binary"
	"fmt"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// capabilityNumbers are the bits of capabilities(7) by name.
var capabilityNumbers = map[string]int{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FOWNER": unix.CAP_FOWNER,
	"CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH, "CAP_FSETID": unix.CAP_FSETID, "CAP_KILL": unix.CAP_KILL,
	"CAP_SETGID": unix.CAP_SETGID,
	"CAP_SETUID": unix.CAP_SETUID, "CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_LINUX_IMMUTABLE": unix.CAP_LINUX_IMMUTABLE,
	"CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "CAP_NET_BROADCAST": unix.CAP_NET_BROADCAST,
	"CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_IPC_LOCK": unix.CAP_IPC_LOCK,
	"CAP_IPC_OWNER":  unix.CAP_IPC_OWNER,
	"CAP_SYS_MODULE": unix.CAP_SYS_MODULE, "CAP_SYS_RAWIO": unix.CAP_SYS_RAWIO, "CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT,
	"CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE, "CAP_SYS_PACCT": unix.CAP_SYS_PACCT, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN,
	"CAP_SYS_BOOT": unix.CAP_SYS_BOOT, "CAP_SYS_NICE": unix.CAP_SYS_NICE, "CAP_SYS_RESOURCE": unix.CAP_SYS_RESOURCE,
	"CAP_SYS_TIME": unix.CAP_SYS_TIME, "CAP_SYS_TTY_CONFIG": unix.CAP_SYS_TTY_CONFIG, "CAP_MKNOD": unix.CAP_MKNOD,
	"CAP_LEASE": unix.CAP_LEASE, "CAP_AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "CAP_AUDIT_CONTROL": unix.CAP_AUDIT_CONTROL,
	"CAP_SETFCAP": unix.CAP_SETFCAP, "CAP_MAC_OVERRIDE": unix.CAP_MAC_OVERRIDE, "CAP_MAC_ADMIN": unix.CAP_MAC_ADMIN,
	"CAP_SYSLOG": unix.CAP_SYSLOG, "CAP_WAKE_ALARM": unix.CAP_WAKE_ALARM, "CAP_BLOCK_SUSPEND": unix.CAP_BLOCK_SUSPEND,
	"CAP_AUDIT_READ": unix.CAP_AUDIT_READ, "CAP_PERFMON": unix.CAP_PERFMON, "CAP_BPF": unix.CAP_BPF,
	"CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE,
}

// sets are a process's capabilities, a bit for each.
type sets struct{ bounding, effective, permitted, inheritable, ambient uint64 }

// capabilitySets takes the names of a spec; without any, nothing is left.
func capabilitySets(c *specs.LinuxCapabilities) (s sets, err error) {
	if c == nil {
		return s, nil
	}
	for _, of := range []struct {
		names []string
		to    *uint64
	}{{c.Bounding, &s.bounding}, {c.Effective, &s.effective}, {c.Permitted, &s.permitted}, {c.Inheritable, &s.inheritable},
		{c.Ambient, &s.ambient}} {
		for _, name := range of.names {
			n, ok := capabilityNumbers[name]
			if !ok {
				return s, fmt.Errorf("unknown capability %q: %w", name, errdefs.ErrInvalidArgument)
			}
			*of.to |= 1 << n
		}
	}
	return s, nil
}

// bound takes from the process what nothing that it executes shall ever have.
func (s *steps) bound(c sets) {
	for n := range 64 {
		if c.bounding&(1<<n) == 0 {
			// EINVAL: the kernel knows fewer.
			s.do("unable to apply bounding set", unix.SYS_PRCTL, value(unix.PR_CAPBSET_DROP), value(n)).tolerate(unix.EINVAL)
		}
	}
}

// capabilities sets those of the process (capset(2), version 3).
func (s *steps) capabilities(c sets) {
	var data []byte
	for _, shift := range []int{0, 32} {
		for _, set := range []uint64{c.effective, c.permitted, c.inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>shift))
		}
	}
	header := binary.NativeEndian.AppendUint32(nil, unix.LINUX_CAPABILITY_VERSION_3)
	s.do("unable to apply caps", unix.SYS_CAPSET, s.bytes(append(header, 0, 0, 0, 0)), s.bytes(data))
	// EINVAL: before Linux 4.3 there are none.
	s.do("unable to apply ambient caps", unix.SYS_PRCTL, value(unix.PR_CAP_AMBIENT),
		value(unix.PR_CAP_AMBIENT_CLEAR_ALL)).tolerate(unix.EINVAL)
	for n := range 64 {
		if c.ambient&(1<<n) != 0 {
			s.do("unable to apply ambient caps", unix.SYS_PRCTL, value(unix.PR_CAP_AMBIENT), value(unix.PR_CAP_AMBIENT_RAISE),
				value(n))
		}
	}
}
