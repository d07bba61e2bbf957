package logs

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// optionsFrom parses key=value words.
func optionsFrom(text string) map[string]string {
	m := map[string]string{}
	for _, word := range strings.Fields(text) {
		key, v, _ := strings.Cut(word, "=")
		m[key] = v
	}
	return m
}

// TestValidate checks which drivers and options are accepted, and Docker's errors for others.
func TestValidate(t *testing.T) {
	for _, row := range []struct{ driver, options, want string }{
		{"none", "anything=goes", ""},
		{"json-file", "", ""},
		{"json-file", "max-size=10m max-file=3 compress=true labels=a env=b tag=c labels-regex=x env-regex=y", ""},
		{"json-file", "max-sizes=10m", "unknown log opt 'max-sizes' for json-file log driver"},
		{"json-file", "syslog-address=udp://h", "unknown log opt 'syslog-address' for json-file log driver"},
		{"json-file", "max-size=many", ""}, // only parsed when opened, as in Docker
		{"local", "max-size=10m", ""},
		{"local", "labels=a", "unknown log opt 'labels' for log driver local"},
		{"splunk", "", `error looking up logging plugin splunk: plugin "splunk" not found`},
		{"", "", `error looking up logging plugin : plugin "" not found`},
		{"syslog", "syslog-facility=kern tag=x", ""},
		{"syslog", "syslog-facility=odd", "invalid syslog facility"},
		{"syslog", "gelf-address=udp://h:1", "unknown log opt 'gelf-address' for syslog log driver"},
		{"gelf", "", "gelf-address is a required parameter"},
		{"gelf", "odd=1", "gelf-address is a required parameter"}, // checked first
		{"gelf", "gelf-address=udp://h:1 odd=1", `unknown log opt "odd" for gelf log driver`},
		{"gelf", "gelf-address=udp://h:1 tag=x labels=y", ""},
		{"fluentd", "fluentd-write-timeout=1s", ""},
		{"fluentd", "fluentd-odd=1", "unknown log opt 'fluentd-odd' for fluentd log driver"},
		{"fluentd", "fluentd-async=x", `strconv.ParseBool: parsing "x": invalid syntax`},
		{"journald", "tag=x", ""},
		{"journald", "priority=3", "unknown log opt 'priority' for journald log driver"},
		{"journald", "cache-disabled=true cache-max-size=1m cache-max-file=2 cache-compress=false", ""},
		{"json-file", "mode=blocking", ""},
		{"json-file", "mode=non-blocking max-buffer-size=4m", ""},
		{"json-file", "mode=sometimes", "logger: logging mode not supported: sometimes"},
		{"json-file", "max-buffer-size=4m", "logger: max-buffer-size option is only supported with 'mode=non-blocking'"},
		{"json-file", "mode=non-blocking max-buffer-size=much", "error parsing option max-buffer-size: invalid size: 'much'"},
		{"syslog", "cache-disabled=perhaps", "invalid value for option cache-disabled: perhaps"},
	} {
		err := Validate(row.driver, optionsFrom(row.options))
		if err == nil && row.want != "" || err != nil && err.Error() != row.want {
			t.Errorf("%s %s: %v; want %q", row.driver, row.options, err, row.want)
		}
	}
	for _, name := range Drivers() {
		if err := Validate(name, map[string]string{"no-such-option": "1"}); err == nil {
			t.Errorf("%s takes everything", name)
		}
	}
}

// TestMerge checks that a container with the daemon's driver inherits its options, and one with another driver only
// those of the cache.
func TestMerge(t *testing.T) {
	const daemon = "max-size=1m cache-disabled=true labels=a"
	for _, row := range []struct {
		own  string
		same bool
		want string
	}{
		{"", true, daemon},
		{"", false, "cache-disabled=true"},
		{"max-size=2m", true, "max-size=2m cache-disabled=true labels=a"},
		{"cache-disabled=false tag=x", false, "cache-disabled=false tag=x"},
		{"labels=", true, "max-size=1m cache-disabled=true labels="},
	} {
		own := optionsFrom(row.own)
		got := Merge(own, optionsFrom(daemon), row.same)
		if !maps.Equal(got, optionsFrom(row.want)) || !maps.Equal(own, optionsFrom(row.own)) {
			t.Errorf("%q with the same driver %v: %v, want %s", row.own, row.same, got, row.want)
		}
	}
}

// TestRotationOptions checks when a log starts a new file, and which options are refused.
func TestRotationOptions(t *testing.T) {
	for _, row := range []struct {
		options string
		want    rotation
		err     string
	}{
		{"", rotation{size: jsonSize, files: jsonFiles}, ""},
		{"max-size=10m", rotation{size: 10_000_000, files: 1}, ""},
		{"max-size=-1", rotation{files: 1}, ""},
		{"max-size=1k max-file=5 compress=true", rotation{size: 1000, files: 5, compress: true}, ""},
		{"max-file=7", rotation{size: jsonSize, files: 7}, ""},
		{"max-size=0", rotation{}, "max-size must be a positive number"},
		{"max-size=big", rotation{}, "invalid size: 'big'"},
		{"max-file=0", rotation{}, "max-file cannot be less than 1"},
		{"max-file=x", rotation{}, `strconv.Atoi: parsing "x": invalid syntax`},
		{"compress=x", rotation{}, `strconv.ParseBool: parsing "x": invalid syntax`},
	} {
		got, err := jsonRotation(optionsFrom(row.options))
		if row.err == "" && (err != nil || got != row.want) || row.err != "" && (err == nil ||
			!strings.Contains(err.Error(), row.err)) {
			t.Errorf("json-file %s: %+v, %v; want %+v, %q", row.options, got, err, row.want, row.err)
		}
	}
	for _, row := range []struct {
		options, prefix string
		want            rotation
		err             string
	}{
		{"", "", rotation{size: 20 << 20, files: 5, compress: true}, ""},
		{"max-size=1m max-file=1 compress=false", "", rotation{size: 1 << 20, files: 1}, ""},
		{"cache-max-size=1k max-size=9m", "cache-", rotation{size: 1 << 10, files: 5, compress: true}, ""},
		{"max-file=1", "", rotation{}, "compression cannot be enabled when max file count is 1"},
		{"max-file=-1 compress=false", "", rotation{}, "max file count cannot be negative"},
		{"max-size=x", "", rotation{}, "invalid value for max-size: x: "},
		{"max-file=x", "", rotation{}, "invalid value for max-file: x: "},
		{"compress=x", "", rotation{}, "error reading compress log option: "},
	} {
		got, err := localRotation(optionsFrom(row.options), row.prefix)
		if row.err == "" && (err != nil || got != row.want) || row.err != "" && (err == nil ||
			!strings.Contains(err.Error(), row.err)) {
			t.Errorf("local %s: %+v, %v; want %+v, %q", row.options, got, err, row.want, row.err)
		}
	}
}

// TestBadCacheOptions checks that a log with bad cache options starts with a default cache.
func TestBadCacheOptions(t *testing.T) {
	warned := 0
	c := of("syslog", "syslog-address=udp://127.0.0.1:1", "cache-max-file=many")
	c.Path = filepath.Join(t.TempDir(), "cache")
	l := open(t, c, Options{Warn: func(error) { warned++ }})
	l.Discard()
	if warned != 1 || l.cache == nil || l.cache.keep != 5 {
		t.Errorf("warned %d times, the cache is %+v", warned, l.cache)
	}
}
