package engine

import (
	"runtime/debug"
	"sync"
)

// Build is what this executable was made of.
type Build struct {
	Commit string // the first digits, "" where it was not made from a repository
	Time   string // of the commit, RFC 3339
	Runc   string // version of libcontainer, as "v1.5.2"
}

// Built tells what this executable was made of.
var Built = sync.OnceValue(func() Build {
	var b Build
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
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
			b.Time = s.Value
		}
	}
	return b
})
