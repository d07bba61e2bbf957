// Package run is `docker run` and `docker create`: their flags, and the request that is made from them.
package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/stream"
)

// Run implements session.Runner.
type Run struct {
	createFlags
	Detach     bool   `short:"d" help:"Run in the background and print the container's ID"`
	SigProxy   bool   `default:"true" help:"Forward signals to the program"`
	DetachKeys string `help:"Key sequence for detaching from the container"`
}

// Run creates and starts the container and, unless detached, streams until it ends.
func (c *Run) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if err := checkFamily(ctx, s, p); err != nil {
		return err
	}
	if err := c.checkPull(); err != nil {
		return runError(s, "run", 125, err)
	}
	request, err := c.request(s, p)
	if err != nil {
		return runError(s, "run", 125, err)
	}
	if err := c.settle(s, request); err != nil {
		return err
	}
	return c.run(ctx, s, request)
}

// settle adjusts the request for run: detached, or with the streams of this client.
func (c *Run) settle(s *session.Session, request *container.CreateRequest) error {
	if !c.Detach {
		_, in := session.Terminal(s.In)
		if request.Tty && request.AttachStdin && !in {
			return stream.ErrNoTerminal()
		}
		if height, width, ok := stream.Size(s); ok {
			request.HostConfig.ConsoleSize = [2]uint{uint(height), uint(width)}
		}
		return nil
	}
	if len(c.Attach) > 0 {
		return errors.New("conflicting options: cannot specify both --attach and --detach")
	}
	request.AttachStdin, request.AttachStdout, request.AttachStderr, request.StdinOnce = false, false, false, false
	return nil
}

// run creates, attaches, waits and starts in an order that misses no output and no exit code.
func (c *Run) run(ctx context.Context, s *session.Session, request *container.CreateRequest) error {
	id, err := create(ctx, s, &c.createFlags, request)
	if err != nil {
		return runError(s, "run", startCode(err), err)
	}
	api := s.API
	if c.Detach || !attached(request.Config) {
		if err := api.ContainerStart(ctx, id, ""); err != nil {
			return runError(s, "run", startCode(err), err)
		}
		fmt.Fprintln(s.Out, id)
		return nil
	}
	ctx = s.Interrupts.Survive(ctx)
	st, err := stream.Attach(ctx, s, id, client.Attach{Stdin: request.AttachStdin, Stdout: request.AttachStdout,
		Stderr:     request.AttachStderr,
		DetachKeys: stream.DetachKeys(s, c.DetachKeys)}, request.Tty)
	if err != nil {
		return runError(s, "run", 125, err)
	}
	defer st.Close()
	if c.SigProxy {
		stop, err := stream.ForwardSignals(ctx, s, id)
		if err != nil {
			return runError(s, "run", 125, err)
		}
		defer stop()
	}
	condition := container.WaitConditionNextExit
	if c.Rm {
		condition = container.WaitConditionRemoved
	}
	wait, err := api.ContainerWait(ctx, id, condition)
	if err != nil {
		return runError(s, "run", 125, err)
	}
	if err := api.ContainerStart(ctx, id, ""); err != nil {
		wait.Close()
		return runError(s, "run", startCode(err), err)
	}
	if request.Tty {
		defer stream.FollowSize(s, func(height, width int) error { return api.ContainerResize(ctx, id, height, width) })()
	}
	if err := stream.Finish(s, st, wait); !errors.Is(err, stream.ErrDetached) {
		return err
	}
	return nil
}

// startCode returns 127 if the program was not found, 126 if it cannot be run, and 125 otherwise.
func startCode(err error) int {
	text := err.Error()
	for _, row := range []struct {
		code  int
		signs []string
	}{
		{127, []string{"executable file not found", "no such file or directory",
			"system cannot find the file specified"}},
		{126, []string{"permission denied", "is a directory"}},
	} {
		for _, sign := range row.signs {
			if strings.Contains(text, sign) {
				return row.code
			}
		}
	}
	return 125
}
