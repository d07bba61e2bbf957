package request

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/engine/refuse"
)

var errTargetIsRoot = errors.New("invalid specification: destination can't be '/'")

// SortedKeys returns the keys of m in order.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// checkTarget refuses paths in the container on which nothing can be mounted.
func checkTarget(target string) error {
	if path.Clean(target) == "/" {
		return errTargetIsRoot
	}
	return checkAbsolute(target)
}

func checkAbsolute(p string) error {
	if !path.IsAbs(p) {
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", p)
	}
	return nil
}

// modes are the words allowed after the last colon of -v, with what they are about. Only one of each kind is allowed.
var modes = map[string]string{
	"rw": "write", "ro": "write",
	"z": "label", "Z": "label",
	"private": "propagation", "rprivate": "propagation", "shared": "propagation", "rshared": "propagation",
	"slave": "propagation", "rslave": "propagation",
	"nocopy":     "copy",
	"consistent": "consistency", "cached": "consistency", "delegated": "consistency",
}

// parseMode sorts the words of a mode by kind.
func parseMode(mode string) (map[string]string, error) {
	words := map[string]string{}
	if mode == "" {
		return words, nil
	}
	for _, word := range strings.Split(mode, ",") {
		kind, known := modes[word]
		if _, again := words[kind]; !known || again {
			return nil, refuse.Invalid("invalid mode: %s", mode)
		}
		words[kind] = word
	}
	return words, nil
}

func writable(mode string) bool {
	words, _ := parseMode(mode)
	return words["write"] != "ro"
}

// parseVolumesFrom parses CONTAINER[:MODE].
func parseVolumesFrom(s string) (name, mode string, err error) {
	if s == "" {
		return "", "", refuse.Invalid("volumes-from specification cannot be an empty string")
	}
	name, mode, _ = strings.Cut(s, ":")
	words, err := parseMode(mode)
	if err != nil {
		return "", "", err
	}
	if words["propagation"] != "" || words["copy"] != "" {
		return "", "", refuse.Invalid("invalid mode: %s", mode)
	}
	return name, mode, nil
}

// ParseVolume parses a value of -v, [SOURCE:]TARGET[:MODE]. A source that starts with a slash is a folder of the host,
// any other the name of a volume.
func ParseVolume(raw, driver string) (Mount, error) {
	errSpec := refuse.Invalid("invalid volume specification: '%s'", raw)
	parts := strings.Split(raw, ":")
	if len(parts) > 3 || parts[0] == "" {
		return Mount{}, errSpec
	}
	var spec mount.Mount
	mode := ""
	switch len(parts) {
	case 1:
		spec.Target = parts[0]
	default:
		if _, err := parseMode(parts[1]); err == nil && len(parts) == 2 {
			return Mount{}, errSpec // TARGET:MODE
		}
		spec.Source, spec.Target = parts[0], parts[1]
		if len(parts) == 3 {
			mode = parts[2]
		}
	}
	words, err := parseMode(mode)
	if err != nil {
		return Mount{}, err
	}
	spec.ReadOnly = words["write"] == "ro"
	spec.Type = mount.TypeVolume
	if path.IsAbs(spec.Source) {
		spec.Type = mount.TypeBind
	} else if driver != "" {
		spec.VolumeOptions = &mount.VolumeOptions{DriverConfig: &mount.Driver{Name: driver}}
	}
	if words["copy"] != "" {
		if spec.VolumeOptions == nil {
			spec.VolumeOptions = &mount.VolumeOptions{}
		}
		spec.VolumeOptions.NoCopy = true
	}
	if p := words["propagation"]; p != "" {
		spec.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(p)}
	}
	m, err := point(spec)
	if err != nil {
		return m, refuse.Invalid("invalid volume specification: '%s': %v", raw, err)
	}
	m.Make = true
	if mode != "" {
		m.Mode = mode
	}
	return m, nil
}

// ParseMount resolves a value of --mount. Unlike with -v, the source of a bind must exist.
func ParseMount(spec mount.Mount) (Mount, error) {
	m, err := point(spec)
	if err != nil || spec.Type != mount.TypeBind {
		return m, err
	}
	m.Make = spec.BindOptions != nil && spec.BindOptions.CreateMountpoint
	return m, nil
}

// CheckSource refuses a bind whose source does not exist and is not to be created.
func (m *Mount) CheckSource(exists func(path string) bool) error {
	if m.Type != mount.TypeBind || m.Make || exists(m.Source) {
		return nil
	}
	return refuse.Invalid("invalid mount config for type %q: bind source path does not exist: %s", m.Type, m.Source)
}

// point checks a specification and returns what inspect shows of it.
func point(spec mount.Mount) (Mount, error) {
	m := Mount{Spec: spec, MountPoint: api.MountPoint{Type: spec.Type, Destination: path.Clean(spec.Target),
		RW: !spec.ReadOnly}}
	if err := checkMount(&spec); err != nil {
		return m, refuse.Invalid("invalid mount config for type %q: %v", spec.Type, err)
	}
	switch spec.Type {
	case mount.TypeBind:
		m.Source, m.Propagation = filepath.Clean(spec.Source), mount.PropagationRPrivate
		if spec.BindOptions != nil && spec.BindOptions.Propagation != "" {
			m.Propagation = spec.BindOptions.Propagation
		}
	case mount.TypeImage:
		m.Name, m.RW = spec.Source, false
	case mount.TypeVolume:
		m.Name, m.Mode, m.CopyUp = spec.Source, "z", true
		if o := spec.VolumeOptions; o != nil {
			m.CopyUp = !o.NoCopy
			if o.DriverConfig != nil {
				m.Driver = o.DriverConfig.Name
			}
		}
	}
	return m, nil
}

// checkMount returns what is wrong with a specification.
func checkMount(spec *mount.Mount) error {
	if spec.Target == "" {
		return errors.New("field Target must not be empty")
	}
	if err := checkTarget(spec.Target); err != nil {
		return err
	}
	extra := map[string]bool{ // options of other types
		"BindOptions":   spec.BindOptions != nil && spec.Type != mount.TypeBind,
		"VolumeOptions": spec.VolumeOptions != nil && spec.Type != mount.TypeVolume,
		"TmpfsOptions":  spec.TmpfsOptions != nil && spec.Type != mount.TypeTmpfs,
		"ImageOptions":  spec.ImageOptions != nil && spec.Type != mount.TypeImage,
		"Source":        spec.Source != "" && spec.Type == mount.TypeTmpfs,
	}
	check := map[mount.Type]func(*mount.Mount) error{
		mount.TypeBind: checkBind, mount.TypeVolume: checkVolume, mount.TypeTmpfs: checkTmpfs, mount.TypeImage: checkImage,
	}[spec.Type]
	if check == nil {
		return errors.New("mount type unknown")
	}
	for _, field := range SortedKeys(extra) {
		if extra[field] {
			return fmt.Errorf("field %s must not be specified", field)
		}
	}
	return check(spec)
}

func checkBind(spec *mount.Mount) error {
	if spec.Source == "" {
		return errors.New("field Source must not be empty")
	}
	if o := spec.BindOptions; o != nil {
		switch {
		case o.Propagation != "" && !slices.Contains(mount.Propagations, o.Propagation):
			return fmt.Errorf("invalid propagation mode: %s", o.Propagation)
		case !spec.ReadOnly && o.ReadOnlyNonRecursive:
			return errors.New("mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive")
		case !spec.ReadOnly && o.ReadOnlyForceRecursive:
			return errors.New("mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive")
		case o.ReadOnlyNonRecursive && o.ReadOnlyForceRecursive:
			return errors.New("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive")
		}
	}
	return checkAbsolute(spec.Source)
}

func checkVolume(spec *mount.Mount) error {
	subpath := Subpath(spec)
	switch {
	case subpath != "" && !filepath.IsLocal(subpath):
		return errors.New("subpath must be a relative path within the volume")
	case spec.Source == "" && spec.ReadOnly:
		return errors.New("must not set ReadOnly mode when using anonymous volumes")
	case spec.Source == "" && subpath != "":
		return errors.New("must not set Subpath when using anonymous volumes")
	}
	return nil
}

func checkTmpfs(spec *mount.Mount) error {
	_, err := TmpfsMount(spec)
	return err
}

// checkImage returns what is wrong with a mount of an image.
func checkImage(spec *mount.Mount) error {
	switch {
	case spec.Source == "":
		return errors.New("field Source must not be empty")
	case Subpath(spec) != "" && !filepath.IsLocal(Subpath(spec)):
		return errors.New("subpath must be a relative path within the volume")
	}
	return nil
}

// Subpath returns the part of a volume or image that is mounted, "" for all.
func Subpath(spec *mount.Mount) string {
	switch {
	case spec.VolumeOptions != nil:
		return spec.VolumeOptions.Subpath
	case spec.ImageOptions != nil:
		return spec.ImageOptions.Subpath
	}
	return ""
}
