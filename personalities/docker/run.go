package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// containerRun is `docker container run`.
type containerRun struct {
	createFlags
	Detach     bool   `short:"d" help:"Leave it running and print its ID"`
	SigProxy   bool   `default:"true" help:"Pass signals on to the program"`
	DetachKeys string `help:"Keys that leave it running"`
}

func (c *containerRun) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	if err := s.checkFamily(ctx, p); err != nil {
		return err
	}
	if err := c.checkPull(); err != nil {
		return s.runError("run", 125, err)
	}
	request, err := c.request(s, p)
	if err != nil {
		return s.runError("run", 125, err)
	}
	if err := c.settle(s, request); err != nil {
		return err
	}
	return c.run(ctx, s, request)
}

// settle adjusts the request to being run: detached, or with this client's streams.
func (c *containerRun) settle(s *session, request *container.CreateRequest) error {
	if !c.Detach {
		_, in := terminal(s.in)
		if request.Tty && request.AttachStdin && !in {
			return errNoTerminal()
		}
		if height, width, ok := s.size(); ok {
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

// run creates, attaches, waits and starts, in the fewest calls that see every byte and the exit code.
func (c *containerRun) run(ctx context.Context, s *session, request *container.CreateRequest) error {
	id, err := s.create(ctx, &c.createFlags, request)
	if err != nil {
		return s.runError("run", startCode(err), err)
	}
	api := s.api
	if c.Detach || !attached(request.Config) {
		if err := api.ContainerStart(ctx, id, ""); err != nil {
			return s.runError("run", startCode(err), err)
		}
		fmt.Fprintln(s.out, id)
		return nil
	}
	ctx = s.interrupts.survive(ctx)
	st, err := s.attach(ctx, id, client.Attach{Stdin: request.AttachStdin, Stdout: request.AttachStdout, Stderr: request.AttachStderr,
		DetachKeys: s.detachKeys(c.DetachKeys)}, request.Tty)
	if err != nil {
		return s.runError("run", 125, err)
	}
	defer st.close()
	if c.SigProxy {
		stop, err := s.forwardSignals(ctx, id)
		if err != nil {
			return s.runError("run", 125, err)
		}
		defer stop()
	}
	condition := container.WaitConditionNextExit
	if c.Rm {
		condition = container.WaitConditionRemoved
	}
	wait, err := api.ContainerWait(ctx, id, condition)
	if err != nil {
		return s.runError("run", 125, err)
	}
	if err := api.ContainerStart(ctx, id, ""); err != nil {
		wait.Close()
		return s.runError("run", startCode(err), err)
	}
	if request.Tty {
		defer s.followSize(func(height, width int) error { return api.ContainerResize(ctx, id, height, width) })()
	}
	if err := s.finish(st, wait); !errors.Is(err, errDetached) {
		return err
	}
	return nil
}

// finish streams until the program ends and returns its exit code, or errDetached.
func (s *session) finish(st *stream, wait *client.Wait) error {
	if err := st.run(); err != nil {
		wait.Close()
		return err
	}
	result, err := wait.Result()
	switch {
	case err != nil:
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("error waiting for container: %w", err)}
	case result.Error != nil:
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("error waiting for container: %s", result.Error.Message)}
	case result.StatusCode != 0:
		return &cmd.Exit{Code: int(result.StatusCode)}
	}
	return nil
}

// startCode is 127 for a program that is not there, 126 for one that cannot be run, 125 for all else.
func startCode(err error) int {
	text := err.Error()
	for _, row := range []struct {
		code  int
		signs []string
	}{
		{127, []string{"executable file not found", "no such file or directory", "system cannot find the file specified"}},
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

// detachKeys is the sequence that the daemon should watch for: the flag, else the setting, else its default.
func (s *session) detachKeys(flag string) string {
	if flag != "" {
		return flag
	}
	if set, err := s.config(); err == nil {
		return set.DetachKeys
	}
	return ""
}
