package version

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/blkiodev"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/engine"
	"box/engine/refuse"
	"box/netapi/wire"
)

// ErrEmptyBody reports that a required body is missing.
var ErrEmptyBody = refuse.Invalid("invalid JSON: got EOF while reading request body")

// createBody is the body of a create request. Clients may send a string where the API has a list of strings.
type createBody struct {
	api.CreateRequest
	Cmd, Entrypoint, Shell engine.Command
	MacAddress             string // before 1.44
	HostConfig             *struct {
		api.HostConfig
		CapAdd, CapDrop engine.Command
	}
}

// request converts the body to the current type.
func (b *createBody) request() api.CreateRequest {
	q := b.CreateRequest
	if b.Cmd != nil || b.Entrypoint != nil || b.Shell != nil {
		if q.Config == nil {
			q.Config = &api.Config{}
		}
		q.Cmd, q.Entrypoint, q.Shell = b.Cmd, b.Entrypoint, b.Shell
	}
	if b.HostConfig != nil {
		q.HostConfig = &b.HostConfig.HostConfig
		q.HostConfig.CapAdd, q.HostConfig.CapDrop = b.HostConfig.CapAdd, b.HostConfig.CapDrop
		DropNulls(&q.HostConfig.Resources)
	}
	return q
}

// DecodeCreate decodes the body of a create request. Old clients send "" for an unset address, which the current types
// reject; such fields are removed then.
func DecodeCreate(raw json.RawMessage) (api.CreateRequest, error) {
	var b createBody
	if len(bytes.TrimSpace(raw)) == 0 {
		return b.CreateRequest, ErrEmptyBody
	}
	err := json.Unmarshal(raw, &b)
	if err == nil {
		return b.request(), nil
	}
	var loose map[string]any
	numbers := json.NewDecoder(bytes.NewReader(raw))
	numbers.UseNumber() // they stay as they came
	if numbers.Decode(&loose) != nil {
		return b.CreateRequest, refuse.Invalid("invalid JSON: %s", err.Error())
	}
	if port, bad := badPort(loose); bad {
		return b.CreateRequest, refuse.Invalid("invalid port specification: %s", strconv.Quote(port))
	}
	dropEmpty(loose, emptyAddresses()...)
	again, merr := json.Marshal(loose)
	if merr != nil {
		return b.CreateRequest, merr
	}
	b = createBody{}
	if err := json.Unmarshal(again, &b); err != nil {
		return b.CreateRequest, refuse.Invalid("invalid JSON: %s", err.Error())
	}
	return b.request(), nil
}

// DecodeConnect decodes the body of a request to connect a container to a network, as DecodeCreate does.
func DecodeConnect(raw json.RawMessage, v Version) (q network.ConnectRequest, err error) {
	if err = json.Unmarshal(raw, &q); err != nil {
		var loose map[string]any
		numbers := json.NewDecoder(bytes.NewReader(raw))
		numbers.UseNumber()
		if numbers.Decode(&loose) != nil {
			return q, refuse.Invalid("invalid JSON: %s", err.Error())
		}
		dropEmpty(loose, emptyAddresses()...)
		again, merr := json.Marshal(loose)
		if merr != nil {
			return q, merr
		}
		q = network.ConnectRequest{}
		if err := json.Unmarshal(again, &q); err != nil {
			return q, refuse.Invalid("invalid JSON: %s", err.Error())
		}
	}
	if q.EndpointConfig != nil && v < 48 {
		q.EndpointConfig.GwPriority = 0
	}
	return q, nil
}

// emptyAddresses are the fields in which old clients send "" for no address.
func emptyAddresses() []string {
	return []string{"MacAddress", "HostIp", "IPv4Address", "IPv6Address", "Gateway", "IPAddress", "IPv6Gateway",
		"GlobalIPv6Address"}
}

// DropNulls removes null elements from lists.
func DropNulls(r *api.Resources) {
	r.Ulimits = slices.DeleteFunc(r.Ulimits, func(u *api.Ulimit) bool { return u == nil })
	r.BlkioWeightDevice = slices.DeleteFunc(r.BlkioWeightDevice, func(d *blkiodev.WeightDevice) bool { return d == nil })
	for _, list := range []*[]*blkiodev.ThrottleDevice{&r.BlkioDeviceReadBps, &r.BlkioDeviceWriteBps,
		&r.BlkioDeviceReadIOps, &r.BlkioDeviceWriteIOps} {
		*list = slices.DeleteFunc(*list, func(d *blkiodev.ThrottleDevice) bool { return d == nil })
	}
}

// badPort returns a published container port that is not valid.
func badPort(body map[string]any) (string, bool) {
	host, _ := body["HostConfig"].(map[string]any)
	bindings, _ := host["PortBindings"].(map[string]any)
	for p := range bindings {
		number, _, _ := strings.Cut(p, "/")
		if _, err := network.ParsePortRange(number); err != nil {
			return number, true
		}
	}
	return "", false
}

// dropEmpty removes empty strings under the given names at any depth.
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

// Summary returns a container in a list. Before 1.52 health was part of the status text only.
func Summary(s *api.Summary, v Version) (any, error) {
	if v < 52 {
		s.Health = nil
	}
	return Shaped(s, endpointFields, v)
}

// settings is NetworkSettings before 1.52, with the addresses on the default network. All versions get it, because
// libraries that use the daemon's newest version, such as Python's, and scripts still read them.
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

// Inspect returns a container's inspection with the fields of a version.
func Inspect(c *api.InspectResponse, v Version) (any, error) {
	old := settings{
		SandboxID: c.NetworkSettings.SandboxID, SandboxKey: c.NetworkSettings.SandboxKey,
		Ports: c.NetworkSettings.Ports, Networks: c.NetworkSettings.Networks,
	}
	if n := c.NetworkSettings.Networks["bridge"]; n != nil && n.IPAddress.IsValid() {
		old.EndpointID, old.IPPrefixLen = n.EndpointID, n.IPPrefixLen
		old.IPAddress, old.Gateway, old.MacAddress = n.IPAddress.String(), n.Gateway.String(), fmt.Sprint(n.MacAddress)
		if n.GlobalIPv6Address.IsValid() {
			old.GlobalIPv6Address, old.GlobalIPv6PrefixLen = n.GlobalIPv6Address.String(), n.GlobalIPv6PrefixLen
			old.IPv6Gateway = n.IPv6Gateway.String()
		}
	}
	if v < 45 {
		old.Networks = shortAliases(c)
	}
	raw, err := wire.Marshal(c)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	if fields["NetworkSettings"], err = wire.Marshal(old); err != nil {
		return nil, err
	}
	return fields, ShapeFields(fields, containerFields, v)
}

// shortAliases returns a container's networks as before 1.45, when its short ID was an alias on those of users.
func shortAliases(c *api.InspectResponse) map[string]*network.EndpointSettings {
	networks := map[string]*network.EndpointSettings{}
	for name, n := range c.NetworkSettings.Networks {
		if len(n.DNSNames) > 0 && len(c.ID) > 12 {
			n = n.Copy()
			if id := c.ID[:12]; !slices.Contains(n.Aliases, id) {
				n.Aliases = append(n.Aliases, id)
			}
		}
		networks[name] = n
	}
	return networks
}
