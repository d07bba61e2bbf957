package collect

import (
	"strings"

	"box/engine/stats/sample"
)

// outer leaves out the interfaces whose traffic is seen once more on another: those of containers, and bridges.
func outer(all []sample.Interface) []sample.Interface {
	return without(all, func(i *sample.Interface) string { return i.Name },
		"veth", "docker", "br-", "virbr", "tap", "tun", "dummy", "bond")
}

// physical leaves out the block devices that lie on others.
func physical(all []sample.Device) []sample.Device {
	return without(all, func(d *sample.Device) string { return d.Name }, "loop", "dm-", "md", "zram", "ram")
}

// without returns those of all whose names begin with none of prefixes.
func without[T any](all []T, name func(*T) string, prefixes ...string) (out []T) {
next:
	for i := range all {
		for _, p := range prefixes {
			if strings.HasPrefix(name(&all[i]), p) {
				continue next
			}
		}
		out = append(out, all[i])
	}
	return out
}
