package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
	"box/personalities/docker/run"
	"box/personalities/docker/session"
)

// Update is `docker container update`.
type Update struct {
	run.ResourceFlags
	KernelMemory run.ByteSize `hidden:"" help:"Kernel memory limit (no longer has an effect)"` // as in Docker, where run and create show it
	Restart      string       `help:"Restart policy: no, on-failure[:N], unless-stopped or always"`
}

// Run implements session.Runner.
func (c *Update) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if !p.Any() {
		return errors.New("you must provide one or more flags when using this command")
	}
	policy, err := run.RestartPolicy(c.Restart)
	if err != nil {
		return err
	}
	body := container.UpdateConfig{RestartPolicy: policy, Resources: container.Resources{
		Memory: int64(c.Memory), MemoryReservation: int64(c.MemoryReservation), MemorySwap: int64(c.MemorySwap),
		NanoCPUs:  int64(c.CPUs),
		CPUShares: c.CPUShares, CPUPeriod: c.CPUPeriod, CPUQuota: c.CPUQuota, CPURealtimePeriod: c.CPURtPeriod,
		CPURealtimeRuntime: c.CPURtRuntime,
		CpusetCpus:         c.CpusetCPUs, CpusetMems: c.CpusetMems, BlkioWeight: c.BlkioWeight,
	}}
	if p.Set("pids-limit") {
		body.PidsLimit = &c.PidsLimit
	}
	return updateEach(ctx, s, p.Args, body)
}

// updateEach updates containers in turn, and prints all warnings at the end.
func updateEach(ctx context.Context, s *session.Session, ids []string, body container.UpdateConfig) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	var warnings []string
	err = s.Each(ctx, ids, func(ctx context.Context, id string) error {
		r, err := api.ContainerUpdate(ctx, id, body)
		warnings = append(warnings, r.Warnings...)
		return err
	})
	for _, w := range warnings {
		fmt.Fprintln(s.Out, w)
	}
	return err
}
