package docker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/personalities/cmd"
)

// request turns the flags into the body of POST /containers/create.
func (c *createFlags) request(s *session, p *cmd.Parsed) (*container.CreateRequest, error) {
	config, err := c.config(s, p)
	if err != nil {
		return nil, err
	}
	host, err := c.hostConfig(s, p)
	if err != nil {
		return nil, err
	}
	if config.ExposedPorts, host.PortBindings, err = portSpecs(c.publish); err != nil {
		return nil, err
	}
	if err := exposePorts(c.expose, config.ExposedPorts); err != nil {
		return nil, err
	}
	var volumes map[string]struct{}
	if host.Binds, volumes, err = s.binds(c.volumes); err != nil {
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

// config is the part that is about the program.
func (c *createFlags) config(s *session, p *cmd.Parsed) (*container.Config, error) {
	env, err := s.variables(c.envFiles, c.env)
	if err == nil {
		env, err = s.withProxies(env)
	}
	if err != nil {
		return nil, err
	}
	labels, err := s.labelsOf(c.labelFiles, c.labels)
	if err != nil {
		return nil, err
	}
	health, err := c.health.config(p)
	if err != nil {
		return nil, err
	}
	config := &container.Config{
		Image: p.Args[0], Cmd: p.Args[1:], Env: env, Labels: labels, Healthcheck: health,
		Hostname: c.hostname, Domainname: c.domain, User: c.user, WorkingDir: c.workdir,
		Tty: c.tty, OpenStdin: c.stdin, StopSignal: c.stopSignal,
		Volumes: map[string]struct{}{},
	}
	c.setAttach(config)
	if len(config.Cmd) == 0 {
		config.Cmd = nil
	}
	if c.entrypoint != nil {
		// an empty one is sent as [""]: it removes the image's
		config.Entrypoint = []string{*c.entrypoint}
	}
	if p.Set("stop-timeout") {
		config.StopTimeout = &c.stopTimeout
	}
	return config, nil
}

// setAttach decides which streams the client will want; without --attach, output always and input with -i.
func (c *createFlags) setAttach(config *container.Config) {
	for _, stream := range c.attach {
		switch strings.ToLower(stream) {
		case "stdin":
			config.AttachStdin = true
		case "stdout":
			config.AttachStdout = true
		case "stderr":
			config.AttachStderr = true
		}
	}
	if len(c.attach) == 0 {
		config.AttachStdin, config.AttachStdout, config.AttachStderr = c.stdin, true, true
	}
	config.StdinOnce = config.OpenStdin && config.AttachStdin
}

// checkStream accepts what --attach may name.
func checkStream(name string) error {
	if !slices.Contains([]string{"stdin", "stdout", "stderr"}, strings.ToLower(name)) {
		return errors.New("valid streams are STDIN, STDOUT and STDERR")
	}
	return nil
}

// config is the health check that the flags describe; nil leaves the image's.
func (h *healthFlags) config(p *cmd.Parsed) (*container.HealthConfig, error) {
	used := h.command != "" || h.interval != 0 || h.timeout != 0 || h.startPeriod != 0 || h.startInterval != 0 || h.retries != 0
	if h.none {
		if used {
			return nil, errors.New("--no-healthcheck conflicts with --health-* options")
		}
		return &container.HealthConfig{Test: []string{"NONE"}}, nil
	}
	if !used {
		return nil, nil
	}
	for name, d := range map[string]int64{"interval": int64(h.interval), "timeout": int64(h.timeout), "retries": int64(h.retries),
		"start-period": int64(h.startPeriod), "start-interval": int64(h.startInterval)} {
		if d < 0 {
			return nil, fmt.Errorf("--health-%s cannot be negative", name)
		}
	}
	check := &container.HealthConfig{Interval: h.interval, Timeout: h.timeout, Retries: h.retries,
		StartPeriod: h.startPeriod, StartInterval: h.startInterval}
	if h.command != "" {
		check.Test = []string{"CMD-SHELL", h.command}
	}
	return check, nil
}

// streams is what `docker run` attaches to.
func streams(config *container.Config) []bool {
	return []bool{config.AttachStdin, config.AttachStdout, config.AttachStderr}
}

// attached says whether any stream is.
func attached(config *container.Config) bool { return slices.Contains(streams(config), true) }
