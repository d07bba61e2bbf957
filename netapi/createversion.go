package netapi

import (
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// fieldsSince takes from a request to create a container what its version of the API did not have, and sets defaults that were others.
func fieldsSince(v apiVersion, q *api.CreateRequest) error {
	h := q.HostConfig
	if h == nil {
		return nil
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
	for i := range h.Mounts {
		if err := mountSince(v, &h.Mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

func mountSince(v apiVersion, m *mount.Mount) error {
	if b := m.BindOptions; b != nil {
		b.NonRecursive = b.NonRecursive && v >= 40
		b.CreateMountpoint = b.CreateMountpoint && v >= 42
		if v < 44 && b.ReadOnlyForceRecursive {
			return refused("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
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
		return refused(`Mount type "Image" needs API v1.48 or newer`)
	}
	return nil
}
