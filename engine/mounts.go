package engine

import (
	"context"
	"path"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/engine/refuse"
	"box/engine/volume"
)

// mountPoint is one mount of a container: as inspect shows it, and as it was asked for. --tmpfs is none, as in Docker: it is in the
// host configuration alone.
type mountPoint struct {
	api.MountPoint
	Spec   mount.Mount // Source is "" for an anonymous volume, and an image's ID once its layer is made
	CopyUp bool        // an empty volume gets what the image has there
	Make   bool        // a source of a bind that is missing is made
	Layer  string      `json:",omitempty"` // that an image mount shows
}

// anonymous tells whether a volume goes with its container at `docker rm -v`.
func (m *mountPoint) anonymous() bool { return m.Type == mount.TypeVolume && m.Spec.Source == "" }

// shown are the mounts for the API.
func shown(list []mountPoint) []api.MountPoint {
	out := make([]api.MountPoint, 0, len(list))
	for _, m := range list {
		out = append(out, m.MountPoint)
	}
	return out
}

// wantedMounts resolves everything that a container mounts but --tmpfs, by Docker's order of precedence: what comes from other containers
// gives way to -v and --mount, of which two on one target are refused, and the image's volumes to all. No volume is made yet.
func (e *Engine) wantedMounts(rec *record) ([]mountPoint, error) {
	for target := range rec.Host.Tmpfs {
		if err := checkTarget(target); err != nil {
			return nil, refuse.Invalid("%v", err)
		}
		if _, err := tmpfsOptions(rec.Host.Tmpfs[target]); err != nil {
			return nil, err
		}
	}
	list, err := e.mountsFrom(rec.Host.VolumesFrom)
	if err != nil {
		return nil, err
	}
	own, err := e.ownMounts(rec)
	if err != nil {
		return nil, err
	}
	for _, m := range own {
		list = slices.DeleteFunc(list, func(from mountPoint) bool { return from.Destination == m.Destination })
	}
	if rec.Shallow {
		for i := range own {
			own[i].shallow()
		}
	}
	list = append(list, own...)
	taken := func(target string) bool {
		_, tmpfs := rec.Host.Tmpfs[target]
		return tmpfs || slices.ContainsFunc(list, func(m mountPoint) bool { return m.Destination == target })
	}
	for _, target := range sortedKeys(rec.Config.Volumes) {
		target = path.Clean(target)
		if target == "/" {
			return nil, refuse.Invalid("%v", errTargetIsRoot)
		}
		if !taken(target) {
			list = append(list, mountPoint{CopyUp: true, MountPoint: api.MountPoint{
				Type: mount.TypeVolume, Driver: rec.Host.VolumeDriver, Destination: target, RW: true,
			}})
		}
	}
	return list, nil
}

// shallow leaves what is mounted below a read-only bind as it is.
func (m *mountPoint) shallow() {
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

// ownMounts are those of -v and --mount.
func (e *Engine) ownMounts(rec *record) ([]mountPoint, error) {
	var list []mountPoint
	add := func(m mountPoint, tmpfs bool) error {
		if tmpfs || slices.ContainsFunc(list, func(have mountPoint) bool { return have.Destination == m.Destination }) {
			return refuse.Invalid("Duplicate mount point: %s", m.Destination)
		}
		list = append(list, m)
		return nil
	}
	for _, raw := range rec.Host.Binds {
		m, err := parseVolume(raw, rec.Host.VolumeDriver)
		if err == nil {
			err = e.guardRoot(&m)
		}
		if err != nil {
			return nil, err
		}
		_, tmpfs := rec.Host.Tmpfs[m.Destination]
		if err := add(m, tmpfs); err != nil {
			return nil, err
		}
	}
	for _, spec := range rec.Host.Mounts {
		m, err := parseMount(spec)
		if err == nil {
			err = e.guardRoot(&m)
		}
		if err != nil {
			return nil, err
		}
		if err := add(m, false); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// mountsFrom are the mounts of --volumes-from; of two on one target the later holds.
func (e *Engine) mountsFrom(refs []string) ([]mountPoint, error) {
	var list []mountPoint
	for _, ref := range refs {
		name, mode, err := parseVolumesFrom(ref)
		if err != nil {
			return nil, err
		}
		c, err := e.container(name)
		if err != nil {
			return nil, refuse.Invalid("%v", err)
		}
		for _, m := range c.snapshot().Mounts {
			m.CopyUp, m.Mode = false, ""
			m.RW = m.RW && writable(mode)
			list = slices.DeleteFunc(list, func(have mountPoint) bool { return have.Destination == m.Destination })
			list = append(list, m)
		}
	}
	return list, nil
}

// guardRoot keeps a container that sees the data root from pinning what is mounted there later: its mount follows the host's.
func (e *Engine) guardRoot(m *mountPoint) error {
	if m.Type != mount.TypeBind || !within(m.Source, e.o.Root) && !within(e.o.Root, m.Source) {
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
		e.o.Root, m.Source, asked)
}

// within tells whether p is dir or below it.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// holdVolumes makes or finds the volumes of a container that is created, and notes which they are.
func (e *Engine) holdVolumes(ctx context.Context, rec *record) error {
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != mount.TypeVolume {
			continue
		}
		v, err := e.holdVolume(ctx, rec.ID, m)
		if err != nil {
			return err
		}
		m.Name, m.Driver, m.Source = v.Name, volume.Driver, e.volumes.Path(v.Name)
	}
	return nil
}

func (e *Engine) holdVolume(ctx context.Context, container string, m *mountPoint) (volume.Volume, error) {
	if m.Source != "" { // from another container
		return e.volumes.Hold(m.Name, container)
	}
	q := volume.Request{Name: m.Name, Driver: m.Driver, Holder: container}
	if o := m.Spec.VolumeOptions; o != nil {
		q.Labels = o.Labels
		if o.DriverConfig != nil {
			q.Options = o.DriverConfig.Options
		}
	}
	return e.makeVolume(ctx, q)
}

// volumesOf are the names of a container's volumes, each once.
func volumesOf(rec *record) []string {
	var names []string
	for _, m := range rec.Mounts {
		if m.Type == mount.TypeVolume && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}
