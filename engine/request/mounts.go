package request

import (
	"path"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/engine/refuse"
)

// Mount is a mount of a container, as inspect shows it and as it was asked for. As in Docker, --tmpfs is not included;
// it is in the host configuration only.
type Mount struct {
	api.MountPoint
	Spec   mount.Mount // Source is "" for an anonymous volume, and an image's ID once its layer is made
	CopyUp bool        // an empty volume gets what the image has there
	Make   bool        // a source of a bind that is missing is made
	Layer  string      `json:",omitempty"` // that an image mount shows
}

// Anonymous tells whether `docker rm -v` removes the volume.
func (m *Mount) Anonymous() bool { return m.Type == mount.TypeVolume && m.Spec.Source == "" }

// Mounts resolves the mounts of a container.
type Mounts struct {
	Root   string                            // the daemon's data root, clean
	Lender func(ref string) ([]Mount, error) // the mounts of another container, for --volumes-from
	Exists func(path string) bool            // whether a path is there on the host
}

// Resolve returns all mounts of a container but --tmpfs, by Docker's precedence: mounts of other containers are
// overridden by -v and --mount, of which no two may have the same target, and the image's volumes are overridden by
// all. It does not create volumes.
func (r *Mounts) Resolve(q *Create) ([]Mount, error) {
	for target, options := range q.Host.Tmpfs {
		if err := checkTarget(target); err != nil {
			return nil, refuse.Invalid("%v", err)
		}
		if _, err := TmpfsOptions(options); err != nil {
			return nil, err
		}
	}
	list, err := r.lent(q.Host.VolumesFrom)
	if err != nil {
		return nil, err
	}
	own, err := r.own(q.Host)
	if err != nil {
		return nil, err
	}
	for _, m := range own {
		list = without(list, m.Destination)
	}
	if q.Shallow {
		for i := range own {
			own[i].shallow()
		}
	}
	return withVolumes(append(list, own...), q)
}

// withVolumes adds the volumes of the merged configuration at targets where nothing else is mounted.
func withVolumes(list []Mount, q *Create) ([]Mount, error) {
	for _, target := range SortedKeys(q.Config.Volumes) {
		target = path.Clean(target)
		if target == "/" {
			return nil, refuse.Invalid("%v", errTargetIsRoot)
		}
		if _, tmpfs := q.Host.Tmpfs[target]; tmpfs || taken(list, target) {
			continue
		}
		list = append(list, Mount{CopyUp: true, MountPoint: api.MountPoint{
			Type: mount.TypeVolume, Driver: q.Host.VolumeDriver, Destination: target, RW: true,
		}})
	}
	return list, nil
}

func taken(list []Mount, target string) bool {
	return slices.ContainsFunc(list, func(m Mount) bool { return m.Destination == target })
}

func without(list []Mount, target string) []Mount {
	return slices.DeleteFunc(list, func(m Mount) bool { return m.Destination == target })
}

// shallow does not make mounts below a read-only bind read-only.
func (m *Mount) shallow() {
	if m.Type != mount.TypeBind || m.RW {
		return
	}
	o := mount.BindOptions{}
	if m.Spec.BindOptions != nil {
		o = *m.Spec.BindOptions
	}
	o.ReadOnlyNonRecursive = true
	m.Spec.BindOptions = &o
}

// own returns the mounts of -v and --mount.
func (r *Mounts) own(h *api.HostConfig) ([]Mount, error) {
	var list []Mount
	for _, raw := range h.Binds {
		m, err := ParseVolume(raw, h.VolumeDriver)
		if err == nil {
			err = r.guardRoot(&m)
		}
		if err != nil {
			return nil, err
		}
		if _, tmpfs := h.Tmpfs[m.Destination]; tmpfs || taken(list, m.Destination) {
			return nil, refuse.Invalid("Duplicate mount point: %s", m.Destination)
		}
		list = append(list, m)
	}
	for _, spec := range h.Mounts {
		m, err := ParseMount(spec)
		if err == nil {
			err = m.CheckSource(r.Exists)
		}
		if err == nil {
			err = r.guardRoot(&m)
		}
		if err != nil {
			return nil, err
		}
		if taken(list, m.Destination) {
			return nil, refuse.Invalid("Duplicate mount point: %s", m.Destination)
		}
		list = append(list, m)
	}
	return list, nil
}

// lent returns the mounts of --volumes-from. If two have the same target, the later one is used.
func (r *Mounts) lent(refs []string) ([]Mount, error) {
	var list []Mount
	for _, ref := range refs {
		name, mode, err := parseVolumesFrom(ref)
		if err != nil {
			return nil, err
		}
		from, err := r.Lender(name)
		if err != nil {
			return nil, refuse.Invalid("%v", err)
		}
		for _, m := range from {
			m.CopyUp, m.Mode = false, ""
			m.RW = m.RW && writable(mode)
			list = append(without(list, m.Destination), m)
		}
	}
	return list, nil
}

// guardRoot makes the mount of a container that sees the data root follow the host's, so that the container does not
// keep later mounts there busy.
func (r *Mounts) guardRoot(m *Mount) error {
	if m.Type != mount.TypeBind || !Within(m.Source, r.Root) && !Within(r.Root, m.Source) {
		return nil
	}
	asked := mount.Propagation("")
	if m.Spec.BindOptions != nil {
		asked = m.Spec.BindOptions.Propagation
	}
	switch asked {
	case "":
		m.Propagation = mount.PropagationRSlave
		return nil
	case mount.PropagationRSlave, mount.PropagationRShared:
		return nil
	}
	return refuse.Invalid(`invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: %q, bind mount source: %q, propagation: %q`,
		r.Root, m.Source, asked)
}

// Within tells whether p is dir or below it. Both are clean.
func Within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}
