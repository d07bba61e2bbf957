package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// containerAttach is `docker container attach`.
type containerAttach struct {
	DetachKeys string `help:"Keys that leave it running"`
	NoStdin    bool   `help:"Do not send standard input"`
	SigProxy   bool   `default:"true" help:"Pass signals on to the program"`
}

func (c *containerAttach) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	id := p.Args[0]
	state, err := s.state(ctx, id)
	switch {
	case err != nil:
		return err
	case !state.State.Running:
		return errors.New("You cannot attach to a stopped container, start it first")
	case state.State.Paused:
		return errors.New("You cannot attach to a paused container, unpause it first")
	case state.State.Restarting:
		return errors.New("You cannot attach to a restarting container, wait until it is running")
	}
	return s.attachTo(ctx, id, state, attachOptions{stdin: !c.NoStdin && state.Config.OpenStdin, keys: c.DetachKeys, proxy: c.SigProxy})
}

// containerState is the little of an inspection that attach, start, logs and exec need.
type containerState struct {
	ID         string `json:"Id"`
	State      struct{ Running, Paused, Restarting bool }
	Config     struct{ Tty, OpenStdin bool }
	HostConfig struct{ AutoRemove bool }
}

// state asks for it.
func (s *session) state(ctx context.Context, id string) (*containerState, error) {
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	raw, err := api.ContainerInspect(ctx, id, false)
	if err != nil {
		return nil, err
	}
	var c containerState
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("read the state of container %s: %w", id, err)
	}
	return &c, nil
}

type attachOptions struct {
	stdin, proxy bool
	keys         string
	start        bool // start it once attached
}

// errNoTerminal is the answer to -it where standard input is a pipe or a file.
func errNoTerminal() error {
	return errors.New("the input device is not a TTY")
}

// attachTo joins a container that exists, and starts it when asked.
func (s *session) attachTo(ctx context.Context, id string, c *containerState, o attachOptions) error {
	if _, in := terminal(s.in); o.stdin && c.Config.Tty && !in {
		return errNoTerminal()
	}
	ctx = s.interrupts.survive(ctx)
	st, err := s.attach(ctx, id, client.Attach{Stdin: o.stdin, Stdout: true, Stderr: true, DetachKeys: s.detachKeys(o.keys)}, c.Config.Tty)
	if err != nil {
		return err
	}
	defer st.close()
	if o.proxy && !c.Config.Tty {
		stop, err := s.forwardSignals(ctx, id)
		if err != nil {
			return err
		}
		defer stop()
	}
	condition := container.WaitConditionNextExit
	if !o.start {
		condition = container.WaitConditionNotRunning
	}
	if c.HostConfig.AutoRemove {
		condition = container.WaitConditionRemoved
	}
	wait, err := s.api.ContainerWait(ctx, id, condition)
	if err != nil {
		return err
	}
	if o.start {
		if err := s.api.ContainerStart(ctx, id, ""); err != nil {
			wait.Close()
			return err
		}
	}
	if c.Config.Tty {
		resize := func(height, width int) error { return s.api.ContainerResize(ctx, id, height, width) }
		if h, w, ok := s.size(); ok && !o.start {
			// a program redraws its screen only when the size changes
			_ = resize(h+1, w+1)
		}
		defer s.followSize(resize)()
	}
	return s.finish(st, wait)
}
