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

// runFlags are those of `docker run` alone.
type runFlags struct {
	detach     bool
	sigProxy   bool
	detachKeys string
}

func runCommand(u *cmd.Usage) action {
	c, r := newCreateFlags(), &runFlags{sigProxy: true}
	u.Flags = sorted(append(c.flags(),
		cmd.Flag{Value: &r.detach, Name: "detach", Short: "d", Help: "Leave it running and print its ID"},
		cmd.Flag{Value: &r.sigProxy, Name: "sig-proxy", Help: "Pass signals on to the program"},
		cmd.Flag{Value: &r.detachKeys, Name: "detach-keys", Help: "Keys that leave it running"},
	))
	u.First = true
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
		if err := r.settle(s, c, request); err != nil {
			return err
		}
		return s.runContainer(ctx, c, r, request)
	}
}

// settle adjusts the request to being run: detached, or with this client's streams.
func (r *runFlags) settle(s *session, c *createFlags, request *container.CreateRequest) error {
	if !r.detach {
		_, in := terminal(s.in)
		if request.Tty && request.AttachStdin && !in {
			return errNoTerminal()
		}
		if height, width, ok := s.size(); ok {
			request.HostConfig.ConsoleSize = [2]uint{uint(height), uint(width)}
		}
		return nil
	}
	if len(c.attach) > 0 {
		return errors.New("conflicting options: cannot specify both --attach and --detach")
	}
	request.AttachStdin, request.AttachStdout, request.AttachStderr, request.StdinOnce = false, false, false, false
	return nil
}

// runContainer creates, attaches, waits and starts, in the fewest calls that see every byte and the exit code.
func (s *session) runContainer(ctx context.Context, c *createFlags, r *runFlags, request *container.CreateRequest) error {
	id, err := s.create(ctx, c, request)
	if err != nil {
		return s.runError("run", startCode(err), err)
	}
	api := s.api
	if r.detach || !attached(request.Config) {
		if err := api.ContainerStart(ctx, id, ""); err != nil {
			return s.runError("run", startCode(err), err)
		}
		fmt.Fprintln(s.out, id)
		return nil
	}
	ctx = s.interrupts.survive(ctx)
	st, err := s.attach(ctx, id, client.Attach{Stdin: request.AttachStdin, Stdout: request.AttachStdout, Stderr: request.AttachStderr,
		DetachKeys: s.detachKeys(r.detachKeys)}, request.Tty)
	if err != nil {
		return s.runError("run", 125, err)
	}
	defer st.close()
	if r.sigProxy {
		stop, err := s.forwardSignals(ctx, id)
		if err != nil {
			return s.runError("run", 125, err)
		}
		defer stop()
	}
	condition := container.WaitConditionNextExit
	if c.rm {
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
