package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"box/engine/reference"
	"box/personalities/cmd"
	"box/personalities/outfile"
)

// containerCreate is `docker container create`.
type containerCreate struct{ createFlags }

func (c *containerCreate) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	if err := s.checkFamily(ctx, p); err != nil {
		return err
	}
	if err := c.checkPull(); err != nil {
		return s.runError("create", 125, err)
	}
	request, err := c.request(s, p)
	if err != nil {
		return s.runError("create", 125, err)
	}
	id, err := s.create(ctx, &c.createFlags, request)
	if err != nil {
		return s.runError("create", 1, err)
	}
	fmt.Fprintln(s.out, id)
	return nil
}

// checkFamily refuses flags that only a daemon of another family of systems knows. The daemon is asked only when one is used.
func (s *session) checkFamily(ctx context.Context, p *cmd.Parsed) error {
	for _, name := range []string{"cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"} {
		if !p.Set(name) {
			continue
		}
		api, err := s.client()
		if err != nil {
			return err
		}
		ping, err := api.Ping(ctx)
		if err != nil {
			return err
		}
		if ping.OSType != "" && ping.OSType != "windows" {
			return fmt.Errorf(`"--%s" is only supported on a Docker daemon running on windows, but the Docker daemon is running on %s`, name, ping.OSType)
		}
	}
	return nil
}

func (c *createFlags) checkPull() error {
	if !c.DisableContentTrust {
		return errors.New("this client does not check image signatures: leave --disable-content-trust=false out")
	}
	if !slices.Contains([]string{"always", "missing", "never", ""}, c.Pull) {
		return fmt.Errorf("invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"", c.Pull)
	}
	return nil
}

// runError is an error of run and create, with the way to help after it.
func (s *session) runError(verb string, code int, err error) error {
	err = s.advise(err)
	if verb == "create" && code == 1 {
		return &cmd.Exit{Code: 1, Err: err}
	}
	return &cmd.Exit{Code: code, Err: fmt.Errorf("docker: %w\n\nRun 'docker %s --help' for more information", err, verb)}
}

// create makes the container; an image that is missing is pulled first unless --pull=never.
func (s *session) create(ctx context.Context, c *createFlags, request *container.CreateRequest) (string, error) {
	api, err := s.client()
	if err != nil {
		return "", err
	}
	if _, _, err := reference.ParseAny(request.Image); err != nil {
		return "", err
	}
	write, err := c.reserveIDFile(s)
	if err != nil {
		return "", err
	}
	if c.Pull == "always" {
		if err := s.pullFor(ctx, c, request.Image); err != nil {
			return "", err
		}
	}
	made, err := api.ContainerCreate(ctx, *request, c.Name, s.platform(c.Platform))
	if errdefs.IsNotFound(err) && c.Pull != "never" && c.Pull != "always" && strings.Contains(err.Error(), "No such image") {
		fmt.Fprintf(s.errw, "Unable to find image '%s' locally\n", familiar(request.Image))
		if err := s.pullFor(ctx, c, request.Image); err != nil {
			return "", err
		}
		made, err = api.ContainerCreate(ctx, *request, c.Name, s.platform(c.Platform))
	}
	if err != nil {
		return "", err
	}
	for _, w := range made.Warnings {
		fmt.Fprintf(s.errw, "WARNING: %s\n", w)
	}
	return made.ID, write(made.ID)
}

// pullFor fetches the image of a container that is about to be made; its progress goes to standard error.
func (s *session) pullFor(ctx context.Context, c *createFlags, name string) error {
	out := s.errw
	if c.Quiet {
		out = io.Discard
	}
	named, err := reference.Parse(name)
	if err != nil {
		return err
	}
	return s.pull(ctx, named.OrLatest().String(), s.platform(c.Platform), out)
}

// reserveIDFile makes sure that --cidfile can be written before there is anything to write into it.
func (c *createFlags) reserveIDFile(s *session) (write func(id string) error, err error) {
	if c.CIDFile == "" {
		return func(string) error { return nil }, nil
	}
	path := s.path(c.CIDFile)
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s", c.CIDFile)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return func(id string) error {
		if err := outfile.Replace(path, []byte(id), 0o644); err != nil {
			return fmt.Errorf("failed to write the container ID to the file: %w", err)
		}
		return nil
	}, nil
}
