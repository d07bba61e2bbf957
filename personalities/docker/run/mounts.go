package run

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/mount"

	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// binds separates the values of --volume: those with a source are binds, others are anonymous volumes.
func binds(s *session.Session, specs []string) (binds []string, volumes map[string]struct{}, err error) {
	volumes = map[string]struct{}{}
	for _, spec := range specs {
		source, rest, ok := strings.Cut(spec, ":")
		if !ok {
			if spec == "" {
				return nil, nil, errors.New("invalid empty volume spec")
			}
			volumes[spec] = struct{}{}
			continue
		}
		if err := checkVolume(spec); err != nil {
			return nil, nil, err
		}
		if isRelative(source) {
			spec = s.Path(source) + ":" + rest
		}
		binds = append(binds, spec)
	}
	return binds, volumes, nil
}

// checkVolume refuses values that no daemon accepts.
func checkVolume(spec string) error {
	parts := strings.Split(spec, ":")
	if len(parts[0]) == 1 {
		parts = parts[1:] // Docker's client takes this for a drive of Windows, so the daemon checks it
	}
	switch {
	case slices.Contains(parts, ""):
		return fmt.Errorf("invalid spec: %s: empty section between colons", spec)
	case len(parts) > 3:
		return fmt.Errorf("invalid spec: %s: too many colons", spec)
	}
	return nil
}

// isRelative distinguishes a relative path from the name of a volume.
func isRelative(source string) bool {
	return source == "." || source == ".." || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}

// tmpfsMounts parses the values of --tmpfs: TARGET[:OPTIONS].
func tmpfsMounts(specs []string) map[string]string {
	if len(specs) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, spec := range specs {
		target, options, _ := strings.Cut(spec, ":")
		m[target] = options
	}
	return m
}

// mountSpecs parses the values of --mount.
func mountSpecs(s *session.Session, specs []string) ([]mount.Mount, error) {
	var out []mount.Mount
	for _, spec := range specs {
		m, err := mountSpec(spec)
		if err != nil {
			return nil, err
		}
		if isRelative(m.Source) {
			m.Source = s.Path(m.Source)
		}
		out = append(out, m)
	}
	return out, nil
}

// mountOptions collects the keys of one --mount, whose type may come last.
type mountOptions struct {
	m      mount.Mount
	bind   mount.BindOptions
	volume mount.VolumeOptions
	driver mount.Driver
	image  mount.ImageOptions
	tmpfs  mount.TmpfsOptions
	used   map[string]string // type -> its first key
}

// mountSpec parses one --mount: KEY=VALUE separated by commas, quoted as in CSV if a value contains one.
func mountSpec(spec string) (mount.Mount, error) {
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return mount.Mount{}, err
	}
	o := mountOptions{m: mount.Mount{Type: mount.TypeVolume}, used: map[string]string{}}
	for _, field := range fields {
		key, value, hasValue := strings.Cut(field, "=")
		key = strings.ToLower(key)
		if !hasValue {
			switch key {
			case "readonly", "ro", "volume-nocopy", "bind-nonrecursive":
				value = "true"
			case "bind-create-src":
				value = "true"
			default:
				return mount.Mount{}, fmt.Errorf("invalid field '%s' must be a key=value pair", field)
			}
		}
		if err := o.set(key, value); err != nil {
			return mount.Mount{}, err
		}
	}
	return o.finish()
}

func (o *mountOptions) set(key, value string) (err error) {
	kind, _, _ := strings.Cut(key, "-")
	switch key {
	case "type":
		o.m.Type = mount.Type(strings.ToLower(value))
		return nil
	case "source", "src":
		o.m.Source = value
		return nil
	case "target", "dst", "destination":
		o.m.Target = value
		return nil
	case "readonly", "ro":
		o.m.ReadOnly, err = truthOf(key, value)
		return err
	case "consistency":
		o.m.Consistency = mount.Consistency(strings.ToLower(value))
		return nil
	}
	if _, ok := o.used[kind]; !ok {
		o.used[kind] = key
	}
	return o.setTyped(key, value)
}

// setTyped stores the keys of one type of mount.
func (o *mountOptions) setTyped(key, value string) (err error) {
	switch key {
	case "bind-propagation":
		o.bind.Propagation = mount.Propagation(strings.ToLower(value))
	case "bind-nonrecursive":
		o.bind.NonRecursive, err = truthOf(key, value)
	case "bind-create-src":
		o.bind.CreateMountpoint, err = truthOf(key, value)
	case "bind-recursive":
		switch value {
		case "enabled":
		case "disabled":
			o.bind.NonRecursive = true
		case "writable":
			o.bind.ReadOnlyNonRecursive = true
		case "readonly":
			o.bind.ReadOnlyForceRecursive = true
		default:
			err = fmt.Errorf("invalid value for %s: %s (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")", key,
				value)
		}
	case "volume-nocopy":
		o.volume.NoCopy, err = truthOf(key, value)
	case "volume-label":
		o.volume.Labels = values.AddPair(o.volume.Labels, value)
	case "volume-subpath":
		o.volume.Subpath = value
	case "volume-driver":
		o.driver.Name = value
	case "volume-opt":
		o.driver.Options = values.AddPair(o.driver.Options, value)
	case "image-subpath":
		o.image.Subpath = value
	case "tmpfs-size":
		if o.tmpfs.SizeBytes, err = units.RAMInBytes(value); err != nil {
			err = fmt.Errorf("invalid value for %s: %s", key, value)
		}
	case "tmpfs-mode":
		mode, bad := strconv.ParseUint(value, 8, 32)
		if bad != nil {
			err = fmt.Errorf("invalid value for %s: %s", key, value)
		}
		o.tmpfs.Mode = os.FileMode(mode)
	default:
		err = fmt.Errorf("unexpected key '%s' in '%s=%s'", key, key, value)
	}
	return err
}

func truthOf(key, value string) (bool, error) {
	v, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("invalid value for %s: %s", key, value)
	}
	return v, nil
}

// finish checks that the keys belong to the type of the mount, and adds its options.
func (o *mountOptions) finish() (mount.Mount, error) {
	if o.m.Type == "" {
		return o.m, errors.New("type is required")
	}
	if o.m.Target == "" {
		return o.m, errors.New("target is required")
	}
	for kind := range o.used {
		if kind != string(o.m.Type) {
			return o.m, fmt.Errorf("cannot mix '%s-*' options with mount type '%s'", kind, o.m.Type)
		}
	}
	_, used := o.used[string(o.m.Type)]
	if o.bind.ReadOnlyForceRecursive && !o.m.ReadOnly {
		return o.m, errors.New("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction")
	}
	if !used {
		return o.m, nil
	}
	switch o.m.Type {
	case mount.TypeBind:
		o.m.BindOptions = &o.bind
	case mount.TypeVolume:
		if o.driver.Name != "" || o.driver.Options != nil {
			o.volume.DriverConfig = &o.driver
		}
		o.m.VolumeOptions = &o.volume
	case mount.TypeTmpfs:
		o.m.TmpfsOptions = &o.tmpfs
	case mount.TypeImage:
		o.m.ImageOptions = &o.image
	}
	return o.m, nil
}
