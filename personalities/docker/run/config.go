package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// request makes the body of POST /containers/create from the flags.
func (c *createFlags) request(s *session.Session, p *cmd.Parsed) (*container.CreateRequest, error) {
	config, err := c.config(s, p)
	if err != nil {
		return nil, err
	}
	host, err := c.hostConfig(s, p)
	if err != nil {
		return nil, err
	}
	if config.ExposedPorts, host.PortBindings, err = portSpecs(c.Publish); err != nil {
		return nil, err
	}
	if err := exposePorts(c.Expose, config.ExposedPorts); err != nil {
		return nil, err
	}
	var volumes map[string]struct{}
	if host.Binds, volumes, err = binds(s, c.Volume); err != nil {
		return nil, err
	}
	for path := range volumes {
		config.Volumes[path] = struct{}{}
	}
	var networking *network.NetworkingConfig
	if host.NetworkMode, networking, err = c.endpoints(); err != nil {
		return nil, err
	}
	return &container.CreateRequest{Config: config, HostConfig: host, NetworkingConfig: networking}, nil
}

// config makes the part of the request about the program.
func (c *createFlags) config(s *session.Session, p *cmd.Parsed) (*container.Config, error) {
	env, err := Variables(s, c.EnvFile, c.Env)
	if err == nil {
		env, err = withProxies(s, env)
	}
	if err != nil {
		return nil, err
	}
	labels, err := labelsOf(s, c.LabelFile, c.Label)
	if err != nil {
		return nil, err
	}
	health, err := c.healthFlags.config(p)
	if err != nil {
		return nil, err
	}
	config := &container.Config{
		Image: p.Args[0], Cmd: p.Args[1:], Env: env, Labels: labels, Healthcheck: health,
		Hostname: c.Hostname, Domainname: c.Domainname, User: c.User, WorkingDir: c.Workdir,
		Tty: c.TTY, OpenStdin: c.Interactive, StopSignal: c.StopSignal,
		Volumes: map[string]struct{}{},
	}
	c.setAttach(config)
	if len(config.Cmd) == 0 {
		config.Cmd = nil
	}
	if c.Entrypoint != nil {
		// an empty entry point is sent as [""], which removes that of the image
		config.Entrypoint = []string{*c.Entrypoint}
	}
	if p.Set("stop-timeout") {
		config.StopTimeout = &c.StopTimeout
	}
	return config, nil
}

// setAttach chooses the streams to attach: without --attach these are output and, with -i, input.
func (c *createFlags) setAttach(config *container.Config) {
	for _, stream := range c.Attach {
		switch strings.ToLower(stream) {
		case "stdin":
			config.AttachStdin = true
		case "stdout":
			config.AttachStdout = true
		case "stderr":
			config.AttachStderr = true
		}
	}
	if len(c.Attach) == 0 {
		config.AttachStdin, config.AttachStdout, config.AttachStderr = c.Interactive, true, true
	}
	config.StdinOnce = config.OpenStdin && config.AttachStdin
}

// config makes the health check from the flags, or returns nil for that of the image.
func (h *healthFlags) config(p *cmd.Parsed) (*container.HealthConfig, error) {
	used := h.HealthCmd != "" || h.HealthInterval != 0 || h.HealthTimeout != 0 || h.HealthStartPeriod != 0 ||
		h.HealthStartInterval != 0 || h.HealthRetries != 0
	if h.NoHealthcheck {
		if used {
			return nil, errors.New("--no-healthcheck conflicts with --health-* options")
		}
		return &container.HealthConfig{Test: []string{"NONE"}}, nil
	}
	if !used {
		return nil, nil
	}
	for name, d := range map[string]int64{"interval": int64(h.HealthInterval), "timeout": int64(h.HealthTimeout),
		"retries":      int64(h.HealthRetries),
		"start-period": int64(h.HealthStartPeriod), "start-interval": int64(h.HealthStartInterval)} {
		if d < 0 {
			return nil, fmt.Errorf("--health-%s cannot be negative", name)
		}
	}
	check := &container.HealthConfig{Interval: h.HealthInterval, Timeout: h.HealthTimeout, Retries: h.HealthRetries,
		StartPeriod: h.HealthStartPeriod, StartInterval: h.HealthStartInterval}
	if h.HealthCmd != "" {
		check.Test = []string{"CMD-SHELL", h.HealthCmd}
	}
	return check, nil
}

// streams tells which streams the container's configuration attaches.
func streams(config *container.Config) []bool {
	return []bool{config.AttachStdin, config.AttachStdout, config.AttachStderr}
}

// attached tells whether any stream is attached.
func attached(config *container.Config) bool { return slices.Contains(streams(config), true) }
