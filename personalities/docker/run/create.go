package run

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
	"box/personalities/docker/image"
	"box/personalities/docker/session"
	"box/personalities/outfile"
)

// Create is `docker container create`.
type Create struct{ createFlags }

// Run creates the container and prints its ID.
func (c *Create) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if err := checkFamily(ctx, s, p); err != nil {
		return err
	}
	if err := c.checkPull(); err != nil {
		return runError(s, "create", 125, err)
	}
	request, err := c.request(s, p)
	if err != nil {
		return runError(s, "create", 125, err)
	}
	id, err := create(ctx, s, &c.createFlags, request)
	if err != nil {
		return runError(s, "create", 1, err)
	}
	fmt.Fprintln(s.Out, id)
	return nil
}

// checkFamily refuses flags that only a daemon on Windows supports. It asks the daemon only if one is given.
func checkFamily(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	for _, name := range []string{"cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"} {
		if !p.Set(name) {
			continue
		}
		api, err := s.Client()
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
		return errors.New("this client does not check image signatures: omit --disable-content-trust=false")
	}
	if !slices.Contains([]string{"always", "missing", "never", ""}, c.Pull) {
		return fmt.Errorf("invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"", c.Pull)
	}
	return nil
}

// runError completes an error of run and create with advice and the way to help.
func runError(s *session.Session, verb string, code int, err error) error {
	err = s.Advise(err)
	if verb == "create" && code == 1 {
		return &cmd.Exit{Code: 1, Err: err}
	}
	return &cmd.Exit{Code: code, Err: fmt.Errorf("docker: %w\n\nRun 'docker %s --help' for more information", err,
		verb)}
}

// create makes the container. It pulls a missing image first, unless --pull=never.
func create(ctx context.Context, s *session.Session, c *createFlags, request *container.CreateRequest) (string, error) {
	api, err := s.Client()
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
		if err := pullFor(ctx, s, c, request.Image); err != nil {
			return "", err
		}
	}
	made, err := api.ContainerCreate(ctx, *request, c.Name, s.Platform(c.Platform))
	if errdefs.IsNotFound(err) && c.Pull != "never" && c.Pull != "always" &&
		strings.Contains(err.Error(), "No such image") {
		fmt.Fprintf(s.Err, "Unable to find image '%s' locally\n", image.Familiar(request.Image))
		if err := pullFor(ctx, s, c, request.Image); err != nil {
			return "", err
		}
		made, err = api.ContainerCreate(ctx, *request, c.Name, s.Platform(c.Platform))
	}
	if err != nil {
		return "", err
	}
	for _, w := range made.Warnings {
		fmt.Fprintf(s.Err, "WARNING: %s\n", w)
	}
	return made.ID, write(made.ID)
}

// pullFor pulls the image of a new container, with progress on standard error.
func pullFor(ctx context.Context, s *session.Session, c *createFlags, name string) error {
	out := s.Err
	if c.Quiet {
		out = io.Discard
	}
	named, err := reference.Parse(name)
	if err != nil {
		return err
	}
	return image.Fetch(ctx, s, named.OrLatest().String(), s.Platform(c.Platform), out)
}

// reserveIDFile checks that the file of --cidfile does not exist, before there is a container. The returned function
// writes the file.
func (c *createFlags) reserveIDFile(s *session.Session) (write func(id string) error, err error) {
	if c.CIDFile == "" {
		return func(string) error { return nil }, nil
	}
	path := s.Path(c.CIDFile)
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s",
			c.CIDFile)
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
