package engine

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// wantedMounts resolves everything that a container mounts, -v, --mount and --tmpfs alike. Two on one target are refused.
func (e *Engine) wantedMounts(rec *record) ([]api.MountPoint, error) {
	var list []api.MountPoint
	add := func(m api.MountPoint) error {
		if slices.ContainsFunc(list, func(have api.MountPoint) bool { return have.Destination == m.Destination }) {
			return invalid("Duplicate mount point: %s", m.Destination)
		}
		list = append(list, m)
		return nil
	}
	for _, b := range rec.Host.Binds {
		m, err := parseBind(b)
		if err != nil {
			return nil, err
		}
		if err := add(m); err != nil {
			return nil, err
		}
	}
	for _, w := range rec.Host.Mounts {
		m, err := mountPoint(w)
		if err != nil {
			return nil, err
		}
		if err := add(m); err != nil {
			return nil, err
		}
	}
	for target := range rec.Host.Tmpfs {
		if !path.IsAbs(target) {
			return nil, invalid("invalid tmpfs mount %q: mount path must be absolute", target)
		}
		if err := add(api.MountPoint{Type: mount.TypeTmpfs, Destination: path.Clean(target), RW: true}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// parseBind reads SOURCE:TARGET[:OPTIONS] of -v.
func parseBind(s string) (api.MountPoint, error) {
	var m api.MountPoint
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return m, invalid("invalid volume specification: '%s'", s)
	}
	source, target := parts[0], parts[1]
	if !path.IsAbs(target) {
		return m, invalid("invalid volume specification: '%s': invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute", s, target)
	}
	if path.Clean(target) == "/" {
		return m, invalid("invalid volume specification: '%s': invalid specification: destination can't be '/'", s)
	}
	m = api.MountPoint{Type: mount.TypeBind, Source: source, Destination: path.Clean(target), RW: true, Propagation: mount.PropagationRPrivate}
	if len(parts) == 3 {
		m.Mode = parts[2]
		if err := bindOptions(&m, parts[2]); err != nil {
			return m, invalid("invalid volume specification: '%s': %v", s, err)
		}
	}
	if !filepath.IsAbs(source) {
		return m, invalid("invalid volume specification: '%s': named volumes are not there yet: give an absolute path of the host", s)
	}
	m.Source = filepath.Clean(source)
	return m, nil
}

func bindOptions(m *api.MountPoint, options string) error {
	for _, o := range strings.Split(options, ",") {
		switch {
		case o == "rw", o == "z", o == "Z", o == "nocopy", o == "":
		case o == "ro":
			m.RW = false
		case slices.Contains(mount.Propagations, mount.Propagation(o)):
			m.Propagation = mount.Propagation(o)
		case o == "consistent", o == "cached", o == "delegated":
		default:
			return errors.New("invalid mode: " + options)
		}
	}
	return nil
}

// mountPoint resolves one of --mount. A bind source that is missing is refused: only -v makes it.
func mountPoint(w mount.Mount) (api.MountPoint, error) {
	m := api.MountPoint{Type: w.Type, Source: w.Source, Destination: path.Clean(w.Target), RW: !w.ReadOnly}
	fail := func(text string) (api.MountPoint, error) {
		return m, invalid("invalid mount config for type %q: %s", w.Type, text)
	}
	switch {
	case w.Target == "":
		return fail("field Target must not be empty")
	case !path.IsAbs(w.Target):
		return fail("invalid mount path: '" + w.Target + "' mount path must be absolute")
	case m.Destination == "/":
		return fail("invalid specification: destination can't be '/'")
	}
	switch w.Type {
	case mount.TypeBind:
		m.Propagation = mount.PropagationRPrivate
		if w.BindOptions != nil && w.BindOptions.Propagation != "" {
			m.Propagation = w.BindOptions.Propagation
		}
		if !filepath.IsAbs(w.Source) {
			return fail("invalid mount path: '" + w.Source + "' mount path must be absolute")
		}
		create := w.BindOptions != nil && w.BindOptions.CreateMountpoint
		if _, err := os.Stat(w.Source); err != nil && !create {
			return fail("bind source path does not exist: " + w.Source)
		}
		m.Source = filepath.Clean(w.Source)
	case mount.TypeTmpfs:
		m.Source = ""
	default:
		return m, invalid("mount type unknown: %q", w.Type)
	}
	return m, nil
}

// specMounts are the container's mounts for the runtime. Sources of binds that are missing are made, as Docker does.
func specMounts(rec *record) ([]specs.Mount, error) {
	var list []specs.Mount
	for _, m := range rec.Mounts {
		switch m.Type {
		case mount.TypeTmpfs:
			list = append(list, specs.Mount{
				Type: "tmpfs", Source: "tmpfs", Destination: m.Destination, Options: tmpfsOptions(rec, m),
			})
		default:
			if err := os.MkdirAll(m.Source, 0o755); err != nil && !isFile(m.Source) {
				return nil, invalid("error while creating mount source path '%s': %v", m.Source, err)
			}
			options := []string{"rbind", string(m.Propagation)}
			if !m.RW {
				options = append(options, "ro")
			}
			list = append(list, specs.Mount{Type: "bind", Source: m.Source, Destination: m.Destination, Options: options})
		}
	}
	return list, nil
}

func isFile(p string) bool {
	st, err := os.Stat(p)
	return err == nil && !st.IsDir()
}

// tmpfsOptions: Docker's defaults, then what --tmpfs or --mount say.
func tmpfsOptions(rec *record, m api.MountPoint) []string {
	options := []string{"noexec", "nosuid", "nodev"}
	if o := rec.Host.Tmpfs[m.Destination]; o != "" {
		options = append(options, strings.Split(o, ",")...)
	}
	for _, w := range rec.Host.Mounts {
		if w.Type != mount.TypeTmpfs || path.Clean(w.Target) != m.Destination {
			continue
		}
		if t := w.TmpfsOptions; t != nil {
			options = append(options, tmpfsSize(t)...)
		}
	}
	if !m.RW {
		options = append(options, "ro")
	}
	return options
}

func tmpfsSize(t *mount.TmpfsOptions) []string {
	var options []string
	if t.SizeBytes > 0 {
		options = append(options, "size="+strconv.FormatInt(t.SizeBytes, 10))
	}
	if t.Mode != 0 {
		options = append(options, "mode="+strconv.FormatUint(uint64(t.Mode.Perm()), 8))
	}
	return options
}
