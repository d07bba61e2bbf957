package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// containerStart is `docker container start`.
type containerStart struct {
	Attach        bool   `short:"a" help:"Attach output and pass signals on"`
	Checkpoint    string `help:"Start from this checkpoint"`
	CheckpointDir string `help:"Folder of checkpoints"`
	DetachKeys    string `help:"Keys that leave it running"`
	Interactive   bool   `short:"i" help:"Attach standard input"`
}

func (c *containerStart) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	if c.Checkpoint != "" || c.CheckpointDir != "" {
		return errors.New("checkpoints need a daemon that makes them; this client starts containers afresh: leave --checkpoint out")
	}
	if !c.Attach && !c.Interactive {
		return s.startEach(ctx, p.Args)
	}
	if len(p.Args) > 1 {
		return errors.New("you cannot start and attach multiple containers at once")
	}
	state, err := s.state(ctx, p.Args[0])
	if err != nil {
		return err
	}
	err = s.attachTo(ctx, state.ID, state, attachOptions{stdin: c.Interactive && state.Config.OpenStdin, keys: c.DetachKeys, proxy: true, start: true})
	if errors.Is(err, errDetached) {
		return nil
	}
	return err
}

// startEach starts containers one after the other and ends with one sentence about those that did not.
func (s *session) startEach(ctx context.Context, ids []string) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	var failed []string
	for _, id := range ids {
		if err := api.ContainerStart(ctx, id, ""); err != nil {
			s.complain(err)
			failed = append(failed, id)
			continue
		}
		fmt.Fprintln(s.out, id)
	}
	if len(failed) > 0 {
		text := ""
		for i, id := range failed {
			if i > 0 {
				text += ", "
			}
			text += id
		}
		return fmt.Errorf("Error: failed to start containers: %s", text)
	}
	return nil
}

// onEach is a verb that takes several containers.
func onEach(ctx context.Context, s *session, ids []string, f func(ctx context.Context, api *client.Client, id string) error) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	return s.together(ctx, ids, func(ctx context.Context, id string) error { return f(ctx, api, id) })
}

// atOnce is how many containers one command works on at a time.
const atOnce = 50

// together applies f to all operands at once and reports in their order, each as soon as those before it have.
func (s *session) together(ctx context.Context, operands []string, f func(context.Context, string) error) error {
	results := make([]chan error, len(operands))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for i, operand := range operands {
		results[i] = make(chan error, 1)
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] <- f(ctx, operand)
		})
	}
	failed := false
	for i, operand := range operands {
		err := <-results[i]
		switch {
		case err == nil:
			fmt.Fprintln(s.out, operand)
		default:
			s.complain(err)
			failed = failed || !errors.As(err, &tolerated{})
		}
	}
	return s.partial(failed)
}

// tolerated is an error that is reported and does not fail the command.
type tolerated struct{ Err error }

func (t tolerated) Error() string { return t.Err.Error() }

// stopFlags are those of stop and restart.
type stopFlags struct {
	Signal  string `short:"s" help:"Signal that asks it to end"`
	Timeout *int   `short:"t" aliases:"time" help:"Seconds to wait before killing it"`
}

// containerStop is `docker container stop`.
type containerStop struct{ stopFlags }

func (c *containerStop) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerStop(ctx, id, c.Signal, c.Timeout)
	})
}

// containerRestart is `docker container restart`.
type containerRestart struct{ stopFlags }

func (c *containerRestart) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerRestart(ctx, id, c.Signal, c.Timeout)
	})
}

// containerKill is `docker container kill`.
type containerKill struct {
	Signal string `short:"s" help:"Signal to send instead of SIGKILL"`
}

func (c *containerKill) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerKill(ctx, id, c.Signal)
	})
}

// containerPause is `docker container pause`.
type containerPause struct{}

func (*containerPause) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error { return api.ContainerPause(ctx, id) })
}

// containerUnpause is `docker container unpause`.
type containerUnpause struct{}

func (*containerUnpause) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error { return api.ContainerUnpause(ctx, id) })
}

// containerRm is `docker container rm`.
type containerRm struct {
	Force   bool `short:"f" help:"Kill it first when it runs"`
	Link    bool `short:"l" help:"Remove the link of that name only"`
	Volumes bool `short:"v" help:"Remove its anonymous volumes, too"`
}

func (c *containerRm) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		if id == "" {
			return errors.New("container name cannot be empty")
		}
		err := api.ContainerRemove(ctx, id, c.Force, c.Volumes, c.Link)
		if c.Force && errdefs.IsNotFound(err) {
			return tolerated{Err: err}
		}
		return err
	})
}

// containerWait is `docker container wait`.
type containerWait struct{}

func (*containerWait) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	failed := false
	for _, id := range p.Args {
		code, err := waitFor(ctx, api, id)
		if err != nil {
			failed = true
			s.complain(err)
			continue
		}
		fmt.Fprintln(s.out, code)
	}
	return s.partial(failed)
}

func waitFor(ctx context.Context, api *client.Client, id string) (int64, error) {
	wait, err := api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if err != nil {
		return 0, err
	}
	result, err := wait.Result()
	return result.StatusCode, err
}

// containerRename is `docker container rename`.
type containerRename struct{}

func (*containerRename) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	if p.Args[0] == "" || p.Args[1] == "" {
		return errors.New("Error: Neither old nor new names may be empty")
	}
	if err := api.ContainerRename(ctx, p.Args[0], p.Args[1]); err != nil {
		return fmt.Errorf("%w\nError: failed to rename container named %s", err, p.Args[0])
	}
	return nil
}
