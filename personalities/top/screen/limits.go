package screen

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
)

// update returns the change of a container's limits. A daemon takes no limit away, it only sets another.
func (l *Limits) update() (u container.UpdateConfig, err error) {
	if l.Memory != "" {
		if u.Memory, err = units.RAMInBytes(l.Memory); err != nil || u.Memory <= 0 {
			return u, fmt.Errorf("memory %q: a size is needed, such as 64M", l.Memory)
		}
		if u.MemorySwap = -1; l.Swap >= 0 { // without a word of it, a limit above the old one of both would be refused
			u.MemorySwap = u.Memory + l.Swap
		}
	}
	if l.CPUs != "" {
		n, err := strconv.ParseFloat(strings.TrimSuffix(l.CPUs, "%"), 64)
		if err != nil || !(n > 0 && n < 1<<16) {
			return u, fmt.Errorf("CPUs %q: a number is needed, such as 0.5", l.CPUs)
		}
		u.NanoCPUs = int64(n * 1e9)
	}
	if l.Policy != "" {
		if !slices.Contains([]string{"no", "always", "unless-stopped", "on-failure"}, l.Policy) {
			return u, fmt.Errorf("policy %q: no, always, unless-stopped or on-failure is needed", l.Policy)
		}
		u.RestartPolicy.Name = container.RestartPolicyMode(l.Policy)
	}
	if l.Memory == "" && l.CPUs == "" && l.Policy == "" {
		return u, errors.New("a limit can be changed, but not taken away")
	}
	return u, nil
}
