package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// containerTop is `docker container top`.
type containerTop struct{}

func (*containerTop) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	list, err := api.ContainerTop(ctx, p.Args[0], strings.Join(p.Args[1:], " "))
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 20, 1, 3, ' ', 0)
	fmt.Fprintln(w, strings.Join(list.Titles, "\t"))
	for _, process := range list.Processes {
		fmt.Fprintln(w, strings.Join(process, "\t"))
	}
	return w.Flush()
}

// containerPort is `docker container port`.
type containerPort struct{}

func (*containerPort) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
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
		fmt.Fprintln(s.out, line)
	}
	return nil
}

// containerDiff is `docker container diff`.
type containerDiff struct{}

func (*containerDiff) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	changes, err := api.ContainerChanges(ctx, p.Args[0])
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(s.out, "%s %s\n", c.Kind, c.Path)
	}
	return nil
}

// containerCommit is `docker container commit`.
type containerCommit struct {
	Author  string   `short:"a" help:"Who made it"`
	Change  []string `short:"c" help:"Dockerfile instruction to apply: CMD, ENV, ..."`
	Message string   `short:"m" help:"Comment for the history"`
	NoPause bool     `help:"Let the container run meanwhile"`
	Pause   bool     `short:"p" default:"true" help:"Pause the container meanwhile"`
}

func (c *containerCommit) Run(ctx context.Context, s *session, p *cmd.Parsed) (err error) {
	o := client.Commit{Container: p.Args[0], Author: c.Author, Changes: c.Change, Comment: c.Message, Pause: c.Pause && !c.NoPause}
	if len(p.Args) > 1 && p.Args[1] != "" {
		if o.Repo, o.Tag, err = splitTag(p.Args[1]); err != nil {
			return err
		}
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	id, err := api.ContainerCommit(ctx, o)
	if err == nil {
		fmt.Fprintln(s.out, id)
	}
	return err
}

// containerUpdate is `docker container update`.
type containerUpdate struct {
	resourceFlags
	KernelMemory byteSize `hidden:"" help:"Most kernel memory (of no effect today)"` // as in Docker, where run and create show it
	Restart      string   `help:"When it ends: no, on-failure[:N], unless-stopped or always"`
}

func (c *containerUpdate) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	if !p.Any() {
		return errors.New("you must provide one or more flags when using this command")
	}
	policy, err := restartPolicy(c.Restart)
	if err != nil {
		return err
	}
	body := container.UpdateConfig{RestartPolicy: policy, Resources: container.Resources{
		Memory: int64(c.Memory), MemoryReservation: int64(c.MemoryReservation), MemorySwap: int64(c.MemorySwap), NanoCPUs: int64(c.CPUs),
		CPUShares: c.CPUShares, CPUPeriod: c.CPUPeriod, CPUQuota: c.CPUQuota, CPURealtimePeriod: c.CPURtPeriod, CPURealtimeRuntime: c.CPURtRuntime,
		CpusetCpus: c.CpusetCPUs, CpusetMems: c.CpusetMems, BlkioWeight: c.BlkioWeight,
	}}
	if p.Set("pids-limit") {
		body.PidsLimit = &c.PidsLimit
	}
	return s.updateEach(ctx, p.Args, body)
}

// updateEach changes containers; warnings come after all of them.
func (s *session) updateEach(ctx context.Context, ids []string, body container.UpdateConfig) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	var warnings []string
	err = s.each(ctx, ids, func(ctx context.Context, id string) error {
		r, err := api.ContainerUpdate(ctx, id, body)
		warnings = append(warnings, r.Warnings...)
		return err
	})
	for _, w := range warnings {
		fmt.Fprintln(s.out, w)
	}
	return err
}
