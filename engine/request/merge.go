package request

import (
	"maps"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
)

// Merge returns the image's configuration overridden by the user's, by Docker's rules.
func Merge(user *api.Config, from *dockerspec.DockerOCIImageConfig) *api.Config {
	c := *user
	if c.User == "" {
		c.User = from.User
	}
	if len(from.ExposedPorts) > 0 {
		c.ExposedPorts = exposedPorts(c.ExposedPorts, from.ExposedPorts)
	}
	c.Env = slices.Clone(c.Env) // as it is: a name alone takes what the image or the daemon sets away, when it starts
	for _, v := range from.Env {
		if !hasVariable(user.Env, v) {
			c.Env = append(c.Env, v)
		}
	}
	if len(from.Labels) > 0 {
		labels := maps.Clone(from.Labels)
		maps.Copy(labels, c.Labels)
		c.Labels = labels
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	if len(c.Entrypoint) == 0 {
		if len(c.Cmd) == 0 {
			c.Cmd = from.Cmd
		}
		if c.Entrypoint == nil {
			c.Entrypoint = from.Entrypoint
		}
	}
	if len(c.Entrypoint) == 1 && c.Entrypoint[0] == "" {
		c.Entrypoint = nil
	}
	c.Healthcheck = FillHealth(c.Healthcheck, from.Healthcheck)
	if len(c.Shell) == 0 {
		c.Shell = from.Shell
	}
	if c.WorkingDir == "" {
		c.WorkingDir = from.WorkingDir
	}
	if len(from.Volumes) > 0 {
		volumes := maps.Clone(from.Volumes)
		maps.Copy(volumes, c.Volumes)
		c.Volumes = volumes
	}
	if c.StopSignal == "" {
		c.StopSignal = from.StopSignal
	}
	return &c
}

// hasVariable tells whether env sets or removes the variable in v.
func hasVariable(env []string, v string) bool {
	name := variable(v)
	return slices.ContainsFunc(env, func(e string) bool { return variable(e) == name })
}

func exposedPorts(user apinetwork.PortSet, img map[string]struct{}) apinetwork.PortSet {
	out := apinetwork.PortSet{}
	maps.Copy(out, user)
	for s := range img {
		if p, err := apinetwork.ParsePort(s); err == nil {
			out[p] = struct{}{}
		}
	}
	return out
}

// variable returns the name in v, which is NAME=VALUE or NAME.
func variable(v string) string {
	name, _, _ := strings.Cut(v, "=")
	return name
}

// Fill sets what c leaves open from another configuration, by Docker's rules.
func Fill(c *dockerspec.DockerOCIImageConfig, from *dockerspec.DockerOCIImageConfig) {
	if c.User == "" {
		c.User = from.User
	}
	c.ExposedPorts = united(c.ExposedPorts, from.ExposedPorts)
	c.Labels = united(c.Labels, from.Labels)
	c.Volumes = united(c.Volumes, from.Volumes)
	env := slices.Clone(c.Env)
	for _, v := range from.Env {
		if !hasVariable(c.Env, v) {
			env = append(env, v)
		}
	}
	c.Env = env
	if len(c.Entrypoint) == 0 {
		if len(c.Cmd) == 0 {
			c.Cmd = from.Cmd
		}
		if c.Entrypoint == nil {
			c.Entrypoint = from.Entrypoint
		}
	}
	c.Healthcheck = FillHealth(c.Healthcheck, from.Healthcheck)
	if c.WorkingDir == "" {
		c.WorkingDir = from.WorkingDir
	}
	if c.StopSignal == "" {
		c.StopSignal = from.StopSignal
	}
}

// united returns over with the keys of under that it lacks.
func united[V any](over, under map[string]V) map[string]V {
	if len(under) == 0 {
		return over
	}
	all := maps.Clone(under)
	maps.Copy(all, over)
	return all
}
