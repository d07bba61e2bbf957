package container

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Port is `docker container port`.
type Port struct{}

// Run implements session.Runner.
func (*Port) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	raw, err := api.ContainerInspect(ctx, p.Args[0], false)
	if err != nil {
		return err
	}
	var c struct {
		NetworkSettings struct {
			Ports map[string][]struct{ HostIp, HostPort string }
		}
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("read the ports of container %s: %w", p.Args[0], err)
	}
	wanted := ""
	if len(p.Args) > 1 {
		if wanted = p.Args[1]; !strings.Contains(wanted, "/") {
			wanted += "/tcp"
		}
	}
	var lines []string
	for port, bindings := range c.NetworkSettings.Ports {
		for _, b := range bindings {
			host := b.HostIp
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			switch wanted {
			case "":
				lines = append(lines, port+" -> "+host+":"+b.HostPort)
			case port:
				lines = append(lines, host+":"+b.HostPort)
			}
		}
	}
	if wanted != "" && len(lines) == 0 {
		return fmt.Errorf("Error: No public port '%s' published for %s", p.Args[1], p.Args[0])
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(s.Out, line)
	}
	return nil
}
