package request

import (
	apinetwork "github.com/moby/moby/api/types/network"
)

// badHostPort is a port of the host's in bindings that is neither empty nor a number or a range, "" for none.
func badHostPort(bindings apinetwork.PortMap) string {
	for _, list := range bindings {
		for _, b := range list {
			if b.HostPort == "" {
				continue
			}
			if _, err := apinetwork.ParsePortRange(b.HostPort); err != nil {
				return b.HostPort
			}
		}
	}
	return ""
}

// HostPorts reads "8080", "8000-8010" or "" (any).
func HostPorts(s string) (first, last uint16) {
	r, err := apinetwork.ParsePortRange(s)
	if err != nil {
		return 0, 0
	}
	return r.Start(), r.End()
}
