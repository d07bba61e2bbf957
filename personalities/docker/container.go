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

func topCommand(u *cmd.Usage) action {
	u.First = true
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}

func portCommand(*cmd.Usage) action {
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}

func diffCommand(*cmd.Usage) action {
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}

func commitCommand(u *cmd.Usage) action {
	o, noPause := client.Commit{Pause: true}, false
	u.Flags = []cmd.Flag{
		{Value: &o.Author, Name: "author", Short: "a", Help: "Who made it"},
		{Value: &o.Changes, Name: "change", Short: "c", Help: "Dockerfile instruction to apply: CMD, ENV, ..."},
		{Value: &o.Comment, Name: "message", Short: "m", Help: "Comment for the history"},
		{Value: &noPause, Name: "no-pause", Help: "Let the container run meanwhile"},
		{Value: &o.Pause, Name: "pause", Short: "p", Help: "Pause the container meanwhile"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) (err error) {
		o.Container, o.Pause = p.Args[0], o.Pause && !noPause
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
}

func updateCommand(u *cmd.Usage) action {
	var l limitFlags
	restart := ""
	keep := []string{"memory", "memory-reservation", "memory-swap", "kernel-memory", "cpus", "cpu-shares", "cpu-period", "cpu-quota",
		"cpu-rt-period", "cpu-rt-runtime", "cpuset-cpus", "cpuset-mems", "pids-limit", "blkio-weight"}
	for _, f := range l.flags() {
		if slices.Contains(keep, f.Name) {
			f.Hidden = f.Name == "kernel-memory" // as in Docker, where run and create show it
			u.Flags = append(u.Flags, f)
		}
	}
	u.Flags = sorted(append(u.Flags, cmd.Flag{Value: &restart, Name: "restart", Help: "When it ends: no, on-failure[:N], unless-stopped or always"}))
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		used := p.Set("restart")
		for _, name := range keep {
			used = used || p.Set(name)
		}
		if !used {
			return errors.New("you must provide one or more flags when using this command")
		}
		policy, err := restartPolicy(restart)
		if err != nil {
			return err
		}
		body := container.UpdateConfig{RestartPolicy: policy, Resources: container.Resources{
			Memory: int64(l.memory), MemoryReservation: int64(l.reservation), MemorySwap: int64(l.swap), NanoCPUs: int64(l.cpus),
			CPUShares: l.shares, CPUPeriod: l.period, CPUQuota: l.quota, CPURealtimePeriod: l.rtPeriod, CPURealtimeRuntime: l.rtQuota,
			CpusetCpus: l.cpusetCPUs, CpusetMems: l.cpusetMems, BlkioWeight: l.blkioWeight,
		}}
		if p.Set("pids-limit") {
			body.PidsLimit = &l.pids
		}
		return s.updateEach(ctx, p.Args, body)
	}
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
