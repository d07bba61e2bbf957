package runtime

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/sys/capability"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// capabilityNumbers returns the bits of capabilities(7) by name.
var capabilityNumbers = sync.OnceValue(func() map[string]int {
	numbers := map[string]int{}
	for _, c := range capability.ListKnown() {
		numbers["CAP_"+strings.ToUpper(c.String())] = int(c)
	}
	return numbers
})

// sets are a process's capability sets, one bit a capability.
type sets struct{ bounding, effective, permitted, inheritable, ambient uint64 }

// capabilitySets converts the names in a spec. Without any, all sets are empty.
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
			n, ok := capabilityNumbers()[name]
			if !ok {
				return s, fmt.Errorf("unknown capability %q: %w", name, errdefs.ErrInvalidArgument)
			}
			*of.to |= 1 << n
		}
	}
	return s, nil
}

// bound drops what nothing that the process executes shall ever have.
func (s *steps) bound(c sets) {
	for n := range 64 {
		if c.bounding&(1<<n) == 0 {
			// EINVAL means that the kernel knows fewer.
			s.do("unable to apply bounding set", unix.SYS_PRCTL, value(unix.PR_CAPBSET_DROP), value(n)).tolerate(unix.EINVAL)
		}
	}
}

// capabilities sets the process's capabilities (capset(2), version 3).
func (s *steps) capabilities(c sets) {
	var data []byte
	for _, shift := range []int{0, 32} {
		for _, set := range []uint64{c.effective, c.permitted, c.inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>shift))
		}
	}
	header := binary.NativeEndian.AppendUint32(nil, unix.LINUX_CAPABILITY_VERSION_3)
	s.do("unable to apply caps", unix.SYS_CAPSET, s.bytes(append(header, 0, 0, 0, 0)), s.bytes(data))
	// EINVAL means that there are none, before Linux 4.3.
	s.do("unable to apply ambient caps", unix.SYS_PRCTL, value(unix.PR_CAP_AMBIENT),
		value(unix.PR_CAP_AMBIENT_CLEAR_ALL)).tolerate(unix.EINVAL)
	for n := range 64 {
		if c.ambient&(1<<n) != 0 {
			s.do("unable to apply ambient caps", unix.SYS_PRCTL, value(unix.PR_CAP_AMBIENT), value(unix.PR_CAP_AMBIENT_RAISE),
				value(n))
		}
	}
}
