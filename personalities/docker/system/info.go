// Package system is the commands about the daemon as a whole, and about the client itself.
package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/system"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
	"box/templates"
)

// Info is `docker system info`.
type Info struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Run implements session.Runner.
func (c *Info) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	var raw json.RawMessage
	if err == nil {
		raw, err = api.Info(ctx)
	}
	if c.Format != "" {
		if err != nil {
			return err
		}
		return formatInfo(s, c.Format, raw)
	}
	fmt.Fprintf(s.Out, "Client:\n Version:    %s\n Context:    %s\n Debug Mode: %t\n\nServer:\n", cmd.DockerVersion(),
		thisClient(s).Context, s.Flags.Debug)
	if err != nil {
		return err
	}
	var all system.Info
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("decode the daemon's information: %w", err)
	}
	printInfo(s.Out, &all)
	fmt.Fprintln(s.Out)
	for _, w := range all.Warnings {
		fmt.Fprintln(s.Err, w)
	}
	return nil
}

// info is the value for templates: the daemon's answer, and information about the client.
type info struct {
	system.Info
	ServerErrors []string    `json:",omitempty"`
	ClientInfo   *clientInfo `json:",omitempty"`
	ClientErrors []string    `json:",omitempty"`
}

// clientInfo is information about the client, which has no plugins.
type clientInfo struct {
	Debug bool
	clientVersion
	Plugins  []struct{}
	Warnings []string
}

// formatInfo prints the daemon's answer and information about the client by a template.
func formatInfo(s *session.Session, format string, raw json.RawMessage) error {
	if format == "json" {
		format = "{{json .}}"
	}
	t, err := templates.Parse("", format)
	if err != nil {
		return &cmd.Exit{Code: 64, Err: fmt.Errorf("template parsing error: %w", err)}
	}
	v := info{ClientInfo: &clientInfo{Debug: s.Flags.Debug, clientVersion: thisClient(s), Plugins: []struct{}{}}}
	v.ClientInfo.APIVersion = "" // it is the daemon's affair
	if err := json.Unmarshal(raw, &v.Info); err != nil {
		return fmt.Errorf("decode the daemon's information: %w", err)
	}
	whole, err := withMember(raw, "ClientInfo", v.ClientInfo)
	if err != nil {
		return err
	}
	return table.Value{Typed: &v, Raw: whole}.Print(s.Out, t)
}

// withMember appends a member to a JSON object, and leaves the rest as it was received.
func withMember(object json.RawMessage, name string, value any) (json.RawMessage, error) {
	member, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		return nil, err
	}
	head := bytes.TrimSpace(object)
	head = bytes.TrimSpace(head[:len(head)-1]) // without its brace: it was read as an object
	if !bytes.HasSuffix(head, []byte("{")) {
		head = append(slices.Clip(head), ',')
	}
	return append(slices.Clip(head), member[1:]...), nil
}

func printInfo(w io.Writer, i *system.Info) {
	fmt.Fprintf(w, " Containers: %d\n  Running: %d\n  Paused: %d\n  Stopped: %d\n Images: %d\n", i.Containers,
		i.ContainersRunning, i.ContainersPaused, i.ContainersStopped, i.Images)
	line(w, "Server Version", i.ServerVersion)
	line(w, "Storage Driver", i.Driver)
	for _, pair := range i.DriverStatus {
		fmt.Fprintf(w, "  %s: %s\n", pair[0], pair[1])
	}
	line(w, "Logging Driver", i.LoggingDriver)
	line(w, "Cgroup Driver", i.CgroupDriver)
	line(w, "Cgroup Version", i.CgroupVersion)
	fmt.Fprintf(w, " Plugins:\n  Volume: %s\n  Network: %s\n", strings.Join(i.Plugins.Volume, " "),
		strings.Join(i.Plugins.Network, " "))
	if len(i.Plugins.Authorization) > 0 {
		fmt.Fprintf(w, "  Authorization: %s\n", strings.Join(i.Plugins.Authorization, " "))
	}
	fmt.Fprintf(w, "  Log: %s\n", strings.Join(i.Plugins.Log, " "))
	if len(i.CDISpecDirs) > 0 {
		fmt.Fprintf(w, " CDI spec directories:\n  %s\n", strings.Join(i.CDISpecDirs, "\n  "))
	}
	line(w, "Swarm", string(i.Swarm.LocalNodeState))
	if len(i.Runtimes) > 0 {
		fmt.Fprintf(w, " Runtimes: %s\n Default Runtime: %s\n", strings.Join(values.SortedKeys(i.Runtimes), " "),
			i.DefaultRuntime)
	}
	if i.OSType == "linux" {
		fmt.Fprintf(w, " Init Binary: %s\n containerd version: %s\n runc version: %s\n init version: %s\n",
			i.InitBinary, i.ContainerdCommit.ID, i.RuncCommit.ID, i.InitCommit.ID)
	}
	printSecurity(w, i.SecurityOptions)
	printHost(w, i)
	printRegistry(w, i)
}

// line prints a value unless it is empty.
func line(w io.Writer, name, value string) {
	if value != "" {
		fmt.Fprintf(w, " %s: %s\n", name, value)
	}
}

// printSecurity prints options such as name=seccomp,profile=default.
func printSecurity(w io.Writer, options []string) {
	if len(options) == 0 {
		return
	}
	fmt.Fprintln(w, " Security Options:")
	for _, option := range options {
		for field := range strings.SplitSeq(option, ",") {
			switch key, value, _ := strings.Cut(field, "="); key {
			case "name":
				fmt.Fprintln(w, "  "+value)
			case "profile":
				fmt.Fprintln(w, "   Profile: "+value)
			default:
				fmt.Fprintln(w, "   "+field)
			}
		}
	}
}

func printHost(w io.Writer, i *system.Info) {
	line(w, "Kernel Version", i.KernelVersion)
	line(w, "Operating System", i.OperatingSystem)
	line(w, "OSType", i.OSType)
	line(w, "Architecture", i.Architecture)
	fmt.Fprintf(w, " CPUs: %d\n Total Memory: %s\n", i.NCPU, units.BytesSize(float64(i.MemTotal)))
	line(w, "Name", i.Name)
	line(w, "ID", i.ID)
	fmt.Fprintf(w, " Docker Root Dir: %s\n Debug Mode: %t\n", i.DockerRootDir, i.Debug)
	if i.Debug {
		fmt.Fprintf(w, "  File Descriptors: %d\n  Goroutines: %d\n  System Time: %s\n  EventsListeners: %d\n", i.NFd,
			i.NGoroutines, i.SystemTime, i.NEventsListener)
	}
	line(w, "HTTP Proxy", i.HTTPProxy)
	line(w, "HTTPS Proxy", i.HTTPSProxy)
	line(w, "No Proxy", i.NoProxy)
	if len(i.Labels) > 0 {
		fmt.Fprintf(w, " Labels:\n  %s\n", strings.Join(i.Labels, "\n  "))
	}
	fmt.Fprintf(w, " Experimental: %t\n", i.ExperimentalBuild)
}

func printRegistry(w io.Writer, i *system.Info) {
	if r := i.RegistryConfig; r != nil {
		var insecure, mirrors bytes.Buffer
		for _, name := range values.SortedKeys(r.IndexConfigs) {
			if !r.IndexConfigs[name].Secure {
				fmt.Fprintln(&insecure, "  "+name)
			}
		}
		for _, cidr := range r.InsecureRegistryCIDRs {
			fmt.Fprintln(&insecure, "  "+cidr.String())
		}
		for _, m := range r.Mirrors {
			fmt.Fprintln(&mirrors, "  "+m)
		}
		if insecure.Len() > 0 {
			fmt.Fprintf(w, " Insecure Registries:\n%s", insecure.String())
		}
		if mirrors.Len() > 0 {
			fmt.Fprintf(w, " Registry Mirrors:\n%s", mirrors.String())
		}
	}
	fmt.Fprintf(w, " Live Restore Enabled: %t\n", i.LiveRestoreEnabled)
	line(w, "Product License", i.ProductLicense)
	if len(i.DefaultAddressPools) > 0 {
		fmt.Fprintln(w, " Default Address Pools:")
		for _, p := range i.DefaultAddressPools {
			fmt.Fprintf(w, "   Base: %s, Size: %d\n", p.Base, p.Size)
		}
	}
}
