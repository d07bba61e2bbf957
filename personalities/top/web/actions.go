package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"

	"box/engine/reference"
	"box/netapi/client"
	"box/netapi/wire"
)

// actWait is how long an action may take. Stopping waits for the program, with a limit of the container's.
const actWait = 10 * time.Minute

// body decodes the body of a request. Fields that are not known are an error: a limit must not be lost by its spelling.
// What is done then may take longer than the body may: net/http ends the deadline with the body.
func (s *Server) body(w http.ResponseWriter, r *http.Request, v any) error {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(s.bodyWait)) // of connections, which have them
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the body of the request: %w", badBody(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("the body of the request has more than one value, or none that ends: %w",
			errdefs.ErrInvalidArgument)
	}
	return nil
}

func badBody(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return err
	}
	return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
}

// change is what an action on a container may say.
type change struct {
	Signal  string
	Force   bool // remove: though it runs
	Volumes bool // remove: anonymous volumes with it

	// update: nil is no change
	Memory    *int64   // bytes
	CPUs      *float64 // processors
	Pids      *int64
	Restart   *string
	MaxRetry  int
	CPUShares *int64
}

// containerAction does one thing to a container.
func (s *Server) containerAction(w http.ResponseWriter, r *http.Request) error {
	h, id, err := s.hostContainer(r)
	if err != nil {
		return err
	}
	var c change
	if err := s.body(w, r, &c); err != nil {
		return err
	}
	api, free, err := s.clientFor(r, h)
	if err != nil {
		return err
	}
	defer free()
	ctx, cancel := context.WithTimeout(r.Context(), actWait)
	defer cancel()
	switch verb := r.PathValue("verb"); verb {
	case "start":
		err = api.ContainerStart(ctx, id, "")
	case "stop":
		err = api.ContainerStop(ctx, id, c.Signal, nil)
	case "restart":
		err = api.ContainerRestart(ctx, id, c.Signal, nil)
	case "kill":
		err = api.ContainerKill(ctx, id, cmp.Or(c.Signal, "KILL"))
	case "pause":
		err = api.ContainerPause(ctx, id)
	case "unpause":
		err = api.ContainerUnpause(ctx, id)
	case "remove":
		err = api.ContainerRemove(ctx, id, c.Force, c.Volumes, false)
	case "update":
		return c.update(ctx, w, api, id)
	default:
		err = fmt.Errorf("no action %.40q on a container: %w", verb, errdefs.ErrNotFound)
	}
	return done(w, err)
}

// done replies to an action.
func done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return reply(w, struct{ Warnings []string }{})
}

// maxCPUs is more processors than there are.
const maxCPUs = 1 << 20

// swapWith returns the limit of memory and swap together for a new limit of memory: a container keeps the swap that it
// had, and one without a limit all that there is. Without that, a limit of memory above the old one of both would be
// refused.
func swapWith(memory int64, old *container.Resources) int64 {
	if old.MemorySwap <= 0 {
		return -1
	}
	return memory + max(0, old.MemorySwap-old.Memory)
}

func (c *change) update(ctx context.Context, w http.ResponseWriter, api *client.Client, id string) error {
	var u container.UpdateConfig
	if c.Memory != nil {
		about, err := inspect(ctx, api, id)
		if err != nil {
			return err
		}
		u.Memory, u.MemorySwap = *c.Memory, swapWith(*c.Memory, &about.HostConfig.Resources)
	}
	if c.CPUs != nil {
		if *c.CPUs < 0 || *c.CPUs > maxCPUs {
			return fmt.Errorf("%v processors: %w", *c.CPUs, errdefs.ErrInvalidArgument)
		}
		u.NanoCPUs = int64(*c.CPUs * 1e9)
	}
	if c.CPUShares != nil {
		u.CPUShares = *c.CPUShares
	}
	u.PidsLimit = c.Pids
	if c.Restart != nil {
		u.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyMode(*c.Restart),
			MaximumRetryCount: c.MaxRetry}
	}
	answer, err := api.ContainerUpdate(ctx, id, u)
	if err != nil {
		return err
	}
	return reply(w, answer)
}

// thing is what an action on an image, a volume or a network says.
type thing struct {
	Name   string
	Driver string // create
	Force  bool   // remove
}

// on decodes a thing and returns the client of the host that a request names.
func (s *Server) on(w http.ResponseWriter, r *http.Request) (t thing, api *client.Client, free func(), err error) {
	h, err := s.host(r)
	if err == nil {
		err = s.body(w, r, &t)
	}
	if err == nil && !plainName(t.Name) {
		err = fmt.Errorf("the name %.100q: %w", t.Name, errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return t, nil, nil, err
	}
	api, free, err = s.clientFor(r, h)
	return t, api, free, err
}

func (s *Server) imageAction(w http.ResponseWriter, r *http.Request) error {
	t, api, free, err := s.on(w, r)
	if err != nil {
		return err
	}
	defer free()
	switch verb := r.PathValue("verb"); verb {
	case "pull":
		return s.pull(w, r, api, t.Name)
	case "remove":
		_, err = api.ImageRemove(r.Context(), t.Name, t.Force, false, nil)
	default:
		err = fmt.Errorf("no action %.40q on an image: %w", verb, errdefs.ErrNotFound)
	}
	return done(w, err)
}

// pull pulls an image and sends the progress, as the API does, until the page is closed.
func (s *Server) pull(w http.ResponseWriter, r *http.Request, api *client.Client, name string) error {
	named, err := reference.Parse(name)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	named = named.OrLatest()
	free, err := s.take()
	if err != nil {
		return err
	}
	defer free()
	progress, err := api.ImagePull(r.Context(), named.FamiliarName(), cmp.Or(named.Digest.String(), named.Tag), "",
		wire.Auth{})
	if err != nil {
		return err
	}
	defer progress.Close()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(newFlow(w), progress) // the reply has begun; its last line says how it ended
	return nil
}

func (s *Server) volumeAction(w http.ResponseWriter, r *http.Request) error {
	t, api, free, err := s.on(w, r)
	if err != nil {
		return err
	}
	defer free()
	switch verb := r.PathValue("verb"); verb {
	case "create":
		_, err = api.VolumeCreate(r.Context(), volume.CreateRequest{Name: t.Name, Driver: t.Driver})
	case "remove":
		err = api.VolumeRemove(r.Context(), t.Name, t.Force)
	default:
		err = fmt.Errorf("no action %.40q on a volume: %w", verb, errdefs.ErrNotFound)
	}
	return done(w, err)
}

func (s *Server) networkAction(w http.ResponseWriter, r *http.Request) error {
	t, api, free, err := s.on(w, r)
	if err != nil {
		return err
	}
	defer free()
	switch verb := r.PathValue("verb"); verb {
	case "create":
		_, err = api.NetworkCreate(r.Context(), network.CreateRequest{Name: t.Name, Driver: t.Driver})
	case "remove":
		err = api.NetworkRemove(r.Context(), t.Name)
	default:
		err = fmt.Errorf("no action %.40q on a network: %w", verb, errdefs.ErrNotFound)
	}
	return done(w, err)
}
