package engine

import (
	"context"
	"errors"
	"io"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/image/change"
	"box/engine/lifecycle"
	"box/engine/request"
	"box/panics"
)

// Commission says what Commit makes.
type Commission struct {
	Repository string // with Tag the name, "" for none
	Tag        string
	Author     string
	Comment    string
	Pause      bool        // freeze the container meanwhile
	Config     *api.Config // what is to run, over the container's own; nil for that alone
	Changes    []string    // instructions of a Dockerfile
}

// Commit makes an image from a container and its changes, and returns the image's ID.
func (e *Engine) Commit(ctx context.Context, ref string, q Commission) (id string, err error) {
	defer e.actions.Time("container", "commit", &err)()
	c, err := e.container(ref)
	if err != nil {
		return "", err
	}
	if err := notGoing(c, "commit"); err != nil {
		return "", err
	}
	differ, err := e.differ()
	if err != nil {
		return "", err
	}
	rec := c.Record()
	config, err := committedConfig(rec.Config, q)
	if err != nil {
		return "", err
	}
	parent, err := e.images.Resolve(rec.Image)
	if err != nil {
		return "", err
	}
	if q.Pause {
		defer e.freeze(ctx, c, &err)()
	}
	layer := piped(func(w io.Writer) error { return differ.Diff(ctx, rec.ID, w) })
	defer layer.Close()
	img, name, err := e.images.Derive(ctx, parent, layer, image.Step{
		Config: config, Created: e.o.Now(), CreatedBy: strings.Join(rec.Config.Cmd, " "), Author: q.Author,
		Comment:    q.Comment,
		Repository: q.Repository, Tag: q.Tag,
	})
	if err != nil {
		return "", err
	}
	e.publishImage(ctx, events.ActionCreate, img.ID, img.ID.String(), config.Labels)
	if name != "" {
		e.publishImage(ctx, events.ActionTag, img.ID, name, config.Labels)
	}
	e.publish(ctx, c, events.ActionCommit, "comment", q.Comment, "imageID", img.ID.String(), "imageRef", name)
	return img.ID.String(), nil
}

// freeze pauses a running container and returns a function that resumes it.
func (e *Engine) freeze(ctx context.Context, c *lifecycle.Container, failed *error) func() {
	if st, _ := c.Now(); st.State != api.StateRunning || e.Pause(ctx, c.ID()) != nil {
		return func() {} // it has just ended, or somebody else paused it
	}
	return func() {
		err := e.Unpause(context.WithoutCancel(ctx), c.ID())
		if st, _ := c.Now(); st.State == api.StatePaused {
			*failed = errors.Join(*failed, err)
		}
	}
}

// piped returns what write writes. Closing it ends write and waits for it.
func piped(write func(io.Writer) error) io.ReadCloser {
	r, w := io.Pipe()
	p := &pipe{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		w.CloseWithError(panics.Call(func() error { return write(w) }))
	}()
	return p
}

type pipe struct {
	*io.PipeReader
	done chan struct{}
}

// Close implements io.Closer.
func (p *pipe) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// committedConfig returns the configuration of an image that is made from a container with the configuration own.
func committedConfig(own *api.Config, q Commission) (dockerspec.DockerOCIImageConfig, error) {
	base := own
	if q.Config != nil {
		base = q.Config
	}
	c := imageConfig(base)
	if err := change.Change(&c, q.Changes); err != nil {
		return c, err
	}
	made := imageConfig(own)
	request.Fill(&c, &made)
	return c, nil
}

// imageConfig returns the part of a container's configuration that an image has.
func imageConfig(c *api.Config) dockerspec.DockerOCIImageConfig {
	out := dockerspec.DockerOCIImageConfig{
		ImageConfig: ocispec.ImageConfig{
			User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Volumes: c.Volumes, WorkingDir: c.WorkingDir,
			Labels: c.Labels, StopSignal: c.StopSignal, ArgsEscaped: c.ArgsEscaped,
		},
		DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Healthcheck: c.Healthcheck, OnBuild: c.OnBuild,
			Shell: c.Shell},
	}
	for p := range c.ExposedPorts {
		if out.ExposedPorts == nil {
			out.ExposedPorts = map[string]struct{}{}
		}
		out.ExposedPorts[p.String()] = struct{}{}
	}
	return out
}
