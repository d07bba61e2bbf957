package cmd

import (
	"debug/buildinfo"
	"runtime/debug"
	"time"
)

// Build is what a file was built from.
type Build struct {
	Commit string // its first digits, "" if that is not known
	Time   time.Time
}

// ThisBuild is that of the running file.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{}
	}
	return buildOf(info)
}

// BuildOf is that of another file of box's. It is not executed.
func BuildOf(path string) (Build, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Build{}, err
	}
	return buildOf(info), nil
}

func buildOf(info *debug.BuildInfo) (b Build) {
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

// String is the commit and its day.
func (b Build) String() string {
	if b.Commit == "" {
		return "of unknown commit"
	}
	return "commit " + b.Commit + " of " + b.Time.UTC().Format(time.DateOnly)
}
