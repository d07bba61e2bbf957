package logs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// optionNames lists a driver's options besides the common ones, and how Docker refuses others.
type optionNames struct {
	names   []string
	unknown string // format of the error; takes the option's name
	check   func(options map[string]string) error
}

// chosen are the options that select labels and variables to log with each line.
var chosen = []string{"labels", "labels-regex", "env", "env-regex", "tag"}

func optionsOf(name string) optionNames {
	o := optionNames{
		names: remotes[name].options, unknown: "unknown log opt '%s' for " + name + " log driver", check: remotes[name].check,
	}
	switch name {
	case "json-file":
		o.names = []string{"max-size", "max-file", "compress"}
	case "local":
		return optionNames{
			names: []string{"max-size", "max-file", "compress"}, unknown: "unknown log opt '%s' for log driver local",
		}
	case "gelf":
		o.unknown = "unknown log opt %q for gelf log driver"
	}
	o.names = slices.Concat(o.names, chosen)
	return o
}

const cachePrefix = "cache-"

// common are the options of every driver.
var common = []string{"mode", "max-buffer-size", "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"}

// Validate refuses unknown drivers and options with Docker's errors. As in Docker, it does not check values that are
// only parsed when the driver is opened.
func Validate(driver string, options map[string]string) error {
	if driver == "none" {
		return nil
	}
	if !slices.Contains(Drivers(), driver) {
		return fmt.Errorf("error looking up logging plugin %s: plugin %q not found", driver, driver)
	}
	if err := validateCommon(options); err != nil {
		return err
	}
	o := optionsOf(driver)
	own := maps.Clone(options)
	maps.DeleteFunc(own, func(key, _ string) bool { return slices.Contains(common, key) })
	if driver == "gelf" { // Docker checks its address before unknown options
		if err := o.check(own); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if !slices.Contains(o.names, key) {
			return fmt.Errorf(o.unknown, key)
		}
	}
	if o.check != nil {
		return o.check(own)
	}
	return nil
}

func validateCommon(options map[string]string) error {
	const nonBlocking = "non-blocking"
	switch mode := options["mode"]; mode {
	case "", "blocking", nonBlocking:
	default:
		return fmt.Errorf("logger: logging mode not supported: %s", mode)
	}
	if s, ok := options["max-buffer-size"]; ok {
		if options["mode"] != nonBlocking {
			return fmt.Errorf("logger: max-buffer-size option is only supported with 'mode=%s'", nonBlocking)
		}
		if _, err := units.RAMInBytes(s); err != nil {
			return fmt.Errorf("error parsing option max-buffer-size: %w", err)
		}
	}
	if s := options["cache-disabled"]; s != "" {
		if _, err := strconv.ParseBool(s); err != nil {
			return fmt.Errorf("invalid value for option cache-disabled: %s", s)
		}
	}
	return nil
}

// Merge adds the daemon's options to a container's: all of them if both use the same driver, and those for the cache
// in any case.
func Merge(options, daemon map[string]string, same bool) map[string]string {
	merged := map[string]string{}
	for key, v := range daemon {
		if same || strings.HasPrefix(key, cachePrefix) {
			merged[key] = v
		}
	}
	maps.Copy(merged, options)
	return merged
}

func isTrue(s string) bool {
	on, err := strconv.ParseBool(s)
	return err == nil && on
}

// rotation says when a log starts a new file, and what happens to old ones.
type rotation struct {
	size     int64 // bytes; 0: never
	files    int
	compress bool
}

// Bounds on a json-file log without options; Docker's is unbounded.
const (
	jsonSize  = 10_000_000
	jsonFiles = 3
)

// jsonRotation parses the options of json-file. As in Docker, a size without a number of files means one file.
func jsonRotation(options map[string]string) (r rotation, err error) {
	size, sized := options["max-size"]
	switch {
	case !sized:
		r.size = jsonSize
	case size != "-1":
		if r.size, err = units.FromHumanSize(size); err != nil {
			return r, err
		}
		if r.size <= 0 {
			return r, errors.New("max-size must be a positive number")
		}
	}
	r.files = 1
	if !sized {
		r.files = jsonFiles
	}
	if s, ok := options["max-file"]; ok {
		if r.files, err = strconv.Atoi(s); err != nil {
			return r, err
		}
		if r.files < 1 {
			return r, errors.New("max-file cannot be less than 1")
		}
	}
	if s, ok := options["compress"]; ok {
		if r.compress, err = strconv.ParseBool(s); err != nil {
			return r, err
		}
		if r.compress && (r.files == 1 || r.size == 0) {
			return r, errors.New("compress cannot be true when max-file is less than 2 or max-size is not set")
		}
	}
	return r, nil
}

// localRotation parses the options of local or, with a prefix, those of a cache.
func localRotation(options map[string]string, prefix string) (r rotation, err error) {
	r = rotation{size: 20 << 20, files: 5, compress: true}
	if s, ok := options[prefix+"max-size"]; ok {
		if r.size, err = units.RAMInBytes(s); err != nil {
			return r, fmt.Errorf("invalid value for max-size: %s: %w", s, err)
		}
	}
	if s, ok := options[prefix+"max-file"]; ok {
		if r.files, err = strconv.Atoi(s); err != nil {
			return r, fmt.Errorf("invalid value for max-file: %s: %w", s, err)
		}
	}
	if s, ok := options[prefix+"compress"]; ok {
		if r.compress, err = strconv.ParseBool(s); err != nil {
			return r, fmt.Errorf("error reading compress log option: %w", err)
		}
	}
	switch {
	case r.size < 0:
		err = errors.New("max size should not be negative")
	case r.files < 0:
		err = errors.New("max file count cannot be negative")
	case r.compress && r.files <= 1:
		err = errors.New("compression cannot be enabled when max file count is 1")
	}
	return r, err
}
