package version

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"

	"box/engine/refuse"
)

// Since removes from a create request what its version of the API did not have, and sets the defaults of that version.
// raw is the body, which may contain fields that the current types lack.
func Since(v Version, raw json.RawMessage, q *api.CreateRequest) error {
	if q.HostConfig == nil {
		q.HostConfig = &api.HostConfig{} // its defaults depend on the version too
	}
	h := q.HostConfig
	for name, ep := range endpoints(q) {
		if ep == nil {
			return refuse.Invalid("no EndpointSettings for %s", name)
		}
	}
	if names := slices.Sorted(maps.Keys(endpoints(q))); v < 44 && len(names) > 1 {
		return refuse.Invalid("Container cannot be connected to network endpoints: %s", strings.Join(names, ", "))
	}
	if err := legacyMAC(raw, q); err != nil {
		return err
	}
	if v < 40 && h.IpcMode.IsEmpty() {
		h.IpcMode = api.IPCModeShareable
	}
	if v < 41 && h.CgroupnsMode.IsEmpty() {
		h.CgroupnsMode = api.CgroupnsModeHost
	}
	if h.PidsLimit != nil && *h.PidsLimit <= 0 {
		h.PidsLimit = nil // 0 and below are no limit, in all versions
	}
	if v < 43 {
		h.Annotations = nil
	}
	if v < 56 {
		h.Umask = nil
	}
	for i := range h.Mounts {
		if err := mountSince(v, &h.Mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

// legacyMAC moves the MAC address of a container to its endpoint, where it belongs since 1.44. SDKs that use any
// version still send the old field.
func legacyMAC(raw json.RawMessage, q *api.CreateRequest) error {
	var legacy struct{ MacAddress string }
	if len(raw) == 0 || json.Unmarshal(raw, &legacy) != nil || legacy.MacAddress == "" {
		return nil
	}
	mac, err := net.ParseMAC(legacy.MacAddress)
	if err != nil {
		return refuse.Invalid("invalid MAC address: %s", legacy.MacAddress)
	}
	mode := q.HostConfig.NetworkMode
	if mode.IsHost() || mode.IsContainer() {
		return refuse.Invalid("conflicting options: mac-address and the network mode")
	}
	name := string(mode)
	if name == "" {
		name = "default"
	}
	if q.NetworkingConfig == nil {
		q.NetworkingConfig = &network.NetworkingConfig{}
	}
	if q.NetworkingConfig.EndpointsConfig == nil {
		q.NetworkingConfig.EndpointsConfig = map[string]*network.EndpointSettings{}
	}
	ep := q.NetworkingConfig.EndpointsConfig[name]
	if ep == nil {
		ep = &network.EndpointSettings{}
		q.NetworkingConfig.EndpointsConfig[name] = ep
	}
	if len(ep.MacAddress) == 0 {
		ep.MacAddress = network.HardwareAddr(mac)
	}
	return nil
}

func endpoints(q *api.CreateRequest) map[string]*network.EndpointSettings {
	if q.NetworkingConfig == nil {
		return nil
	}
	return q.NetworkingConfig.EndpointsConfig
}

func mountSince(v Version, m *mount.Mount) error {
	if b := m.BindOptions; b != nil {
		b.NonRecursive = b.NonRecursive && v >= 40
		b.CreateMountpoint = b.CreateMountpoint && v >= 42
		if v < 44 && b.ReadOnlyForceRecursive {
			return refuse.Invalid("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
		}
		b.ReadOnlyNonRecursive = b.ReadOnlyNonRecursive && v >= 44
	}
	if o := m.VolumeOptions; o != nil && v < 45 {
		o.Subpath = ""
	}
	if o := m.TmpfsOptions; o != nil && v < 46 {
		o.Options = nil
	}
	if m.Type == mount.TypeImage && v < 48 {
		return refuse.Invalid(`Mount type "Image" needs API v1.48 or newer`)
	}
	return nil
}
