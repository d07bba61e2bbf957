package request

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/mount"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/refuse"
)

// tmpfsFlags are pairs of opposite options. The last one given is used.
var tmpfsFlags = map[string]string{
	"ro": "rw", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "sync": "async", "atime": "noatime",
	"diratime": "nodiratime",
	"relatime": "norelatime", "strictatime": "nostrictatime", "mand": "nomand", "dirsync": "dirsync", "remount": "remount",
	"bind":  "bind",
	"rbind": "rbind", "private": "private", "rprivate": "rprivate", "shared": "shared", "rshared": "rshared",
	"slave": "slave", "rslave": "rslave",
	"unbindable": "unbindable", "runbindable": "runbindable", "defaults": "defaults",
}

// tmpfsValues are the options of tmpfs(5) that have a value.
var tmpfsValues = []string{"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"}

// TmpfsOptions returns Docker's defaults for a tmpfs overridden by the user's options, which are separated by commas.
func TmpfsOptions(user string) ([]string, error) {
	out := []string{"noexec", "nosuid", "nodev", "rprivate"}
	if user == "" {
		return out, nil
	}
	for _, o := range strings.Split(user, ",") {
		name, _, hasValue := strings.Cut(o, "=")
		opposite, flag := tmpfsOpposite(o)
		switch {
		case flag:
			out = slices.DeleteFunc(out, func(have string) bool { return have == o || have == opposite })
		case hasValue && slices.Contains(tmpfsValues, name):
			out = slices.DeleteFunc(out, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		default:
			return nil, refuse.Invalid("invalid tmpfs option [%q]", o)
		}
		out = append(out, o)
	}
	return out, nil
}

func tmpfsOpposite(o string) (string, bool) {
	for a, b := range tmpfsFlags {
		switch o {
		case a:
			return b, true
		case b:
			return a, true
		}
	}
	return "", false
}

// TmpfsMount converts a --mount type=tmpfs for the runtime.
func TmpfsMount(spec *mount.Mount) (specs.Mount, error) {
	var options []string
	if spec.ReadOnly {
		options = append(options, "ro")
	}
	if o := spec.TmpfsOptions; o != nil {
		if o.Mode != 0 {
			options = append(options, "mode="+strconv.FormatUint(uint64(o.Mode), 8))
		}
		if o.SizeBytes < 0 {
			return specs.Mount{}, errors.New("invalid size: must not be negative")
		}
		if o.SizeBytes > 0 {
			options = append(options, "size="+strconv.FormatInt(o.SizeBytes, 10))
		}
		for _, pair := range o.Options {
			if len(pair) < 1 || len(pair) > 2 {
				return specs.Mount{}, errors.New("invalid option array length")
			}
			if pair[0] != "exec" && pair[0] != "noexec" {
				return specs.Mount{}, errors.New("invalid option: " + pair[0])
			}
			options = append(options, strings.Join(pair, "="))
		}
	}
	merged, err := TmpfsOptions(strings.Join(options, ","))
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: spec.Target, Options: merged}, err
}
