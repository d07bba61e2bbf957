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

func startCommand(u *cmd.Usage) action {
	var attach, stdin bool
	var keys, checkpoint, checkpointDir string
	u.Flags = []cmd.Flag{
		{Value: &attach, Name: "attach", Short: "a", Help: "Attach output and pass signals on"},
		{Value: &checkpoint, Name: "checkpoint", Help: "Start from this checkpoint"},
		{Value: &checkpointDir, Name: "checkpoint-dir", Help: "Folder of checkpoints"},
		{Value: &keys, Name: "detach-keys", Help: "Keys that leave it running"},
		{Value: &stdin, Name: "interactive", Short: "i", Help: "Attach standard input"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		if checkpoint != "" || checkpointDir != "" {
			return errors.New("checkpoints need a daemon that makes them; this client starts containers afresh: leave --checkpoint out")
		}
		if !attach && !stdin {
			return s.startEach(ctx, p.Args)
		}
		if len(p.Args) > 1 {
			return errors.New("you cannot start and attach multiple containers at once")
		}
		state, err := s.state(ctx, p.Args[0])
		if err != nil {
			return err
		}
		err = s.attachTo(ctx, state.ID, state, attachOptions{stdin: stdin && state.Config.OpenStdin, keys: keys, proxy: true, start: true})
		if errors.Is(err, errDetached) {
			return nil
		}
		return err
	}
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

// operand is what a verb does to one container.
type operand func(ctx context.Context, api *client.Client, id string) error

// onEach makes the action of a verb that takes several containers.
func onEach(f operand) action {
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		return s.together(ctx, p.Args, func(ctx context.Context, id string) error { return f(ctx, api, id) })
	}
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
type tolerated struct{ error }

// stopFlags are those of stop and restart.
type stopFlags struct {
	signal  string
	timeout *int
}

func (f *stopFlags) flags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &f.signal, Name: "signal", Short: "s", Help: "Signal that asks it to end"},
		{Value: &f.timeout, Name: "time", Help: "Same as --timeout", Hidden: true},
		{Value: &f.timeout, Name: "timeout", Short: "t", Help: "Seconds to wait before killing it"},
	}
}

func stopCommand(u *cmd.Usage) action {
	var f stopFlags
	u.Flags = f.flags()
	return onEach(func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerStop(ctx, id, f.signal, f.timeout)
	})
}

func restartCommand(u *cmd.Usage) action {
	var f stopFlags
	u.Flags = f.flags()
	return onEach(func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerRestart(ctx, id, f.signal, f.timeout)
	})
}

func killCommand(u *cmd.Usage) action {
	var signal string
	u.Flags = []cmd.Flag{{Value: &signal, Name: "signal", Short: "s", Help: "Signal to send instead of SIGKILL"}}
	return onEach(func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerKill(ctx, id, signal)
	})
}

func pauseCommand(*cmd.Usage) action {
	return onEach(func(ctx context.Context, api *client.Client, id string) error { return api.ContainerPause(ctx, id) })
}

func unpauseCommand(*cmd.Usage) action {
	return onEach(func(ctx context.Context, api *client.Client, id string) error { return api.ContainerUnpause(ctx, id) })
}

func rmCommand(u *cmd.Usage) action {
	var force, link, volumes bool
	u.Flags = []cmd.Flag{
		{Value: &force, Name: "force", Short: "f", Help: "Kill it first when it runs"},
		{Value: &link, Name: "link", Short: "l", Help: "Remove the link of that name only"},
		{Value: &volumes, Name: "volumes", Short: "v", Help: "Remove its anonymous volumes, too"},
	}
	return onEach(func(ctx context.Context, api *client.Client, id string) error {
		if id == "" {
			return errors.New("container name cannot be empty")
		}
		err := api.ContainerRemove(ctx, id, force, volumes, link)
		if force && errdefs.IsNotFound(err) {
			return tolerated{err}
		}
		return err
	})
}

func waitCommand(*cmd.Usage) action {
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}

func waitFor(ctx context.Context, api *client.Client, id string) (int64, error) {
	wait, err := api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if err != nil {
		return 0, err
	}
	result, err := wait.Result()
	return result.StatusCode, err
}

func renameCommand(*cmd.Usage) action {
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}
