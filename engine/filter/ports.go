package filter

import (
	"slices"
	"strconv"
	"strings"

	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
)

// HasPort tells whether ports contain one given as "80", "80/tcp" or "8000-8010/udp".
func HasPort(ports []api.PortSummary, v string, public bool) bool {
	numbers, proto, ok := strings.Cut(v, "/")
	if !ok {
		proto = "tcp"
	}
	var first, last uint16
	if r, err := apinetwork.ParsePortRange(numbers); err == nil {
		first, last = r.Start(), r.End()
	}
	return slices.ContainsFunc(ports, func(p api.PortSummary) bool {
		n := p.PrivatePort
		if public {
			n = p.PublicPort
		}
		return p.Type == proto && n != 0 && n >= first && n <= last
	})
}

// ValidPorts tells whether v is a port or a range, with or without a protocol.
func ValidPorts(v string) bool {
	numbers, _, _ := strings.Cut(v, "/")
	from, to, ok := strings.Cut(numbers, "-")
	if !ok {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	return err1 == nil && err2 == nil && first <= last
}
