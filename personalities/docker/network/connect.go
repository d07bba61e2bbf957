package network

import (
	"context"
	"errors"

	"box/personalities/cmd"
	"box/personalities/docker/run"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Connect is `docker network connect`.
type Connect struct {
	Alias       []string `placeholder:"strings" help:"Additional name on the network"`
	DriverOpt   []string `placeholder:"strings" help:"Option of the driver: KEY=VALUE"`
	GwPriority  int      `help:"Priority for the default gateway; the highest is used"`
	IP          string   `help:"IPv4 address"`
	IP6         string   `name:"ip6" help:"IPv6 address"`
	Link        []string `help:"Link to another container: NAME[:ALIAS]"`
	LinkLocalIP []string `placeholder:"strings" help:"Link-local address to add"`
}

// Run implements session.Runner.
func (c *Connect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	var e run.Endpoint
	e.Settings.Aliases, e.Settings.Links, e.Settings.GwPriority = values.Listed(c.Alias), c.Link, c.GwPriority
	for key, values := range map[string][]string{"ip": {c.IP}, "ip6": {c.IP6},
		"link-local-ip": values.Listed(c.LinkLocalIP), "driver-opt": c.DriverOpt} {
		for _, v := range values {
			if v == "" {
				continue
			}
			err := e.Set(key, v)
			if err != nil && key == "driver-opt" {
				err = errors.New("invalid key/value pair format in driver options") // as Docker has it here
			}
			if err != nil {
				return err
			}
		}
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	return api.NetworkConnect(ctx, p.Args[0], p.Args[1], &e.Settings)
}
