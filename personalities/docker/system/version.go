package system

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/template"
	"time"

	"github.com/moby/moby/api/types/system"

	"box/buildinfo"
	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
	"box/templates"
)

// clientVersion is the version information of the client.
type clientVersion struct {
	Version           string
	APIVersion        string `json:"ApiVersion,omitempty"`
	DefaultAPIVersion string
	GitCommit         string
	GoVersion         string
	Os, Arch          string
	BuildTime         string `json:",omitempty"`
	Context           string
}

// versions is the value for templates.
type versions struct {
	Client clientVersion
	Server *serverVersion
}

// serverVersion is the daemon's answer with keys in the order of Docker's client.
type serverVersion struct {
	Platform      system.PlatformInfo       `json:",omitempty"`
	Components    []system.ComponentVersion `json:",omitempty"`
	Version       string
	APIVersion    string `json:"ApiVersion"`
	MinAPIVersion string `json:"MinAPIVersion,omitempty"`
	GitCommit     string
	GoVersion     string
	Os, Arch      string
	KernelVersion string `json:",omitempty"`
	Experimental  bool   `json:",omitempty"`
	BuildTime     string `json:",omitempty"`
}

// serverVersionOf converts the daemon's answer, with readable build times.
func serverVersionOf(v *system.VersionResponse) *serverVersion {
	for _, c := range v.Components {
		if at, err := time.Parse(time.RFC3339Nano, c.Details["BuildTime"]); err == nil {
			c.Details["BuildTime"] = at.Format(time.ANSIC)
		}
	}
	return &serverVersion{Platform: v.Platform, Components: v.Components, Version: v.Version,
		APIVersion: v.APIVersion, MinAPIVersion: v.MinAPIVersion, GitCommit: v.GitCommit, GoVersion: v.GoVersion,
		Os: v.Os, Arch: v.Arch, KernelVersion: v.KernelVersion, Experimental: v.Experimental, BuildTime: v.BuildTime}
}

func thisClient(s *session.Session) clientVersion {
	name, err := s.CurrentContext()
	if err != nil {
		name = session.DefaultContext
	}
	build, built := buildinfo.Current(), ""
	if !build.Time.IsZero() {
		built = build.Time.Format(time.ANSIC)
	}
	return clientVersion{Version: cmd.DockerVersion(), APIVersion: client.MaxVersion,
		DefaultAPIVersion: client.MaxVersion, GitCommit: cmp.Or(build.Commit, "box"), BuildTime: built,
		GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH, Context: name}
}

// Version is `docker version`.
type Version struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Run implements session.Runner.
func (c *Version) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	t, err := versionTemplate(c.Format)
	if err != nil {
		return &cmd.Exit{Code: 64, Err: fmt.Errorf("template parsing error: %w", err)}
	}
	all := versions{Client: thisClient(s)}
	api, err := s.Client()
	if err == nil {
		var server system.VersionResponse
		if server, err = api.ServerVersion(ctx); err == nil {
			all.Server = serverVersionOf(&server)
			all.Client.APIVersion, _ = api.Version(ctx)
		}
	}
	if c.Format == "" {
		printClientVersion(s.Out, all.Client)
		if all.Server != nil {
			printServerVersion(s.Out, all.Server)
		}
		return err
	}
	if formatErr := (table.Value{Typed: &all}).Print(s.Out, t); formatErr != nil && err == nil {
		return formatErr // without a daemon it is no wonder
	}
	return err
}

// versionTemplate parses a format, or returns nil for an empty one.
func versionTemplate(format string) (*template.Template, error) {
	switch format {
	case "":
		return nil, nil
	case "json":
		format = "{{json .}}"
	}
	return templates.Parse("version", format)
}

func printClientVersion(w io.Writer, v clientVersion) {
	api := v.APIVersion
	if api != v.DefaultAPIVersion {
		api += " (downgraded from " + v.DefaultAPIVersion + ")"
	}
	fmt.Fprintln(w, "Client:")
	for _, line := range [][2]string{
		{"Version", v.Version}, {"API version", api}, {"Go version", v.GoVersion}, {"Git commit", v.GitCommit},
		{"Built", v.BuildTime},
		{"OS/Arch", v.Os + "/" + v.Arch}, {"Context", v.Context},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, " %-18s %s\n", line[0]+":", line[1])
		}
	}
}

// engineLines returns the details of the engine to print, in order, with their titles.
func engineLines() [][2]string {
	return [][2]string{{"GoVersion", "Go version"}, {"GitCommit", "Git commit"}, {"BuildTime", "Built"}}
}

func printServerVersion(w io.Writer, v *serverVersion) {
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace("Server: "+v.Platform.Name))
	for _, c := range v.Components {
		fmt.Fprintf(w, " %s:\n  %-17s %s\n", c.Name, "Version:", c.Version)
		if c.Name != "Engine" {
			for _, key := range values.SortedKeys(c.Details) {
				fmt.Fprintf(w, "  %-17s %s\n", key+":", c.Details[key])
			}
			continue
		}
		d := c.Details
		fmt.Fprintf(w, "  %-17s %s (minimum version %s)\n", "API version:", d["ApiVersion"], d["MinAPIVersion"])
		for _, line := range engineLines() {
			fmt.Fprintf(w, "  %-17s %s\n", line[1]+":", d[line[0]])
		}
		fmt.Fprintf(w, "  %-17s %s/%s\n", "OS/Arch:", d["Os"], d["Arch"])
		fmt.Fprintf(w, "  %-17s %s\n", "Experimental:", d["Experimental"])
	}
	if len(v.Components) == 0 {
		fmt.Fprintf(w, " Engine:\n  %-17s %s\n  %-17s %s (minimum version %s)\n", "Version:", v.Version, "API version:",
			v.APIVersion, strings.TrimSpace(v.MinAPIVersion))
	}
}
