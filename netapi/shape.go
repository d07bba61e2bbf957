package netapi

import (
	"bytes"
	"encoding/json"
	"fmt"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// decodeCreate reads the body of a create. Clients older than the types leave empty strings where the types want an
// address or nothing; those are dropped before the types are asked.
func decodeCreate(raw json.RawMessage) (api.CreateRequest, error) {
	var q api.CreateRequest
	if len(bytes.TrimSpace(raw)) == 0 {
		return q, refused("invalid JSON: got EOF while reading request body")
	}
	err := json.Unmarshal(raw, &q)
	if err == nil {
		return q, nil
	}
	var loose map[string]any
	if json.Unmarshal(raw, &loose) != nil {
		return q, refused("invalid JSON: " + err.Error())
	}
	dropEmpty(loose, "MacAddress", "HostIp", "IPv4Address", "IPv6Address", "Gateway", "IPAddress", "IPv6Gateway", "GlobalIPv6Address")
	again, merr := json.Marshal(loose)
	if merr != nil {
		return q, merr
	}
	q = api.CreateRequest{}
	if err := json.Unmarshal(again, &q); err != nil {
		return q, refused("invalid JSON: " + err.Error())
	}
	return q, nil
}

// dropEmpty removes fields of those names that are empty strings, at any depth.
func dropEmpty(v any, names ...string) {
	switch v := v.(type) {
	case map[string]any:
		for _, n := range names {
			if v[n] == "" {
				delete(v, n)
			}
		}
		for _, inner := range v {
			dropEmpty(inner, names...)
		}
	case []any:
		for _, inner := range v {
			dropEmpty(inner, names...)
		}
	}
}

// shapeSummary is a container in a list as before 1.52: health was in the text alone.
func shapeSummary(s *api.Summary, v apiVersion) (any, error) {
	if v < 52 {
		s.Health = nil
	}
	return shaped(s, endpointFields, v)
}

// settings is NetworkSettings as before 1.52, with the addresses of the default network beside those of all. Newer versions get it
// too: libraries that take whatever version the daemon has, as Python's does, and scripts still look there.
type settings struct {
	Bridge                 string
	SandboxID              string
	SandboxKey             string
	Ports                  network.PortMap
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []string
	SecondaryIPv6Addresses []string
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]*network.EndpointSettings
}

// shapeInspect gives the reply the fields that its version had.
func shapeInspect(c *api.InspectResponse, v apiVersion) (any, error) {
	old := settings{
		SandboxID: c.NetworkSettings.SandboxID, SandboxKey: c.NetworkSettings.SandboxKey,
		Ports: c.NetworkSettings.Ports, Networks: c.NetworkSettings.Networks,
	}
	if n := c.NetworkSettings.Networks["bridge"]; n != nil && n.IPAddress.IsValid() {
		old.EndpointID, old.IPPrefixLen = n.EndpointID, n.IPPrefixLen
		old.IPAddress, old.Gateway, old.MacAddress = n.IPAddress.String(), n.Gateway.String(), fmt.Sprint(n.MacAddress)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	if fields["NetworkSettings"], err = json.Marshal(old); err != nil {
		return nil, err
	}
	return fields, shapeFields(fields, containerFields, v)
}
