// Package buildinfo tells from which commit an executable of box was built.
package buildinfo

import (
	"runtime/debug"
	"sync"
	"time"
)

// Build describes a build.
type Build struct {
	Commit string    // its first digits, "" if that is not known
	Time   time.Time // of the commit, zero if that is not known
	Runc   string    // version of the libcontainer in it, as "v1.5.2"
}

// Current returns the build of the running file.
var Current = sync.OnceValue(func() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{}
	}
	return of(info)
})

func of(info *debug.BuildInfo) (b Build) {
	for _, d := range info.Deps {
		if d.Path == "github.com/opencontainers/runc" {
			b.Runc = d.Version
		}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value[:min(7, len(s.Value))]
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value) // zero if it is none
		}
	}
	return b
}

// Date returns the time of the commit as the API shows it, or "".
func (b Build) Date() string {
	if b.Time.IsZero() {
		return ""
	}
	return b.Time.UTC().Format(time.RFC3339)
}

// String returns the commit and its day.
func (b Build) String() string {
	if b.Commit == "" {
		return "of unknown commit"
	}
	return "commit " + b.Commit + " of " + b.Time.UTC().Format(time.DateOnly)
}
