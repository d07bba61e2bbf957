package stream

import (
	"context"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/docker/session"
)

// AttachOptions says how AttachTo attaches: with standard input, with signals forwarded, with which detach keys.
type AttachOptions struct {
	Stdin, Proxy bool
	Keys         string
	Start        bool // start the container after attaching
}

// AttachTo attaches to an existing container, starts it if o.Start is set, and streams until it ends.
func AttachTo(ctx context.Context, s *session.Session, id string, c *containerState, o AttachOptions) error {
	if _, in := session.Terminal(s.In); o.Stdin && c.Config.Tty && !in {
		return ErrNoTerminal()
	}
	ctx = s.Interrupts.Survive(ctx)
	st, err := Attach(ctx, s, id, client.Attach{Stdin: o.Stdin, Stdout: true, Stderr: true,
		DetachKeys: DetachKeys(s, o.Keys)}, c.Config.Tty)
	if err != nil {
		return err
	}
	defer st.Close()
	if o.Proxy && !c.Config.Tty {
		stop, err := ForwardSignals(ctx, s, id)
		if err != nil {
			return err
		}
		defer stop()
	}
	condition := container.WaitConditionNextExit
	if !o.Start {
		condition = container.WaitConditionNotRunning
	}
	if c.HostConfig.AutoRemove {
		condition = container.WaitConditionRemoved
	}
	wait, err := s.API.ContainerWait(ctx, id, condition)
	if err != nil {
		return err
	}
	if o.Start {
		if err := s.API.ContainerStart(ctx, id, ""); err != nil {
			wait.Close()
			return err
		}
	}
	if c.Config.Tty {
		resize := func(height, width int) error { return s.API.ContainerResize(ctx, id, height, width) }
		if h, w, ok := Size(s); ok && !o.Start {
			// programs redraw their screen only when the size changes
			_ = resize(h+1, w+1)
		}
		defer FollowSize(s, resize)()
	}
	return Finish(s, st, wait)
}
