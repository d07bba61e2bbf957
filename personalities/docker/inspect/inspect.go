// Package inspect is `docker inspect`, and what the inspect commands of all nouns share.
package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// inspectable is a kind of object that can be inspected. shape is the Go type of the daemon's answer.
type inspectable struct {
	kind  string
	shape reflect.Type
	get   func(ctx context.Context, api *client.Client, name string, size bool) (json.RawMessage, error)
}

// inspectables returns the kinds in the order in which `docker inspect` tries them.
func inspectables() []inspectable {
	return []inspectable{
		{"container", reflect.TypeFor[container.InspectResponse](),
			func(ctx context.Context, api *client.Client, name string, size bool) (json.RawMessage, error) {
				return api.ContainerInspect(ctx, name, size)
			}},
		{"image", reflect.TypeFor[image.InspectResponse](),
			func(ctx context.Context, api *client.Client, name string, _ bool) (json.RawMessage, error) {
				return api.ImageInspect(ctx, name, "")
			}},
		{"network", reflect.TypeFor[network.Inspect](),
			func(ctx context.Context, api *client.Client, name string, _ bool) (json.RawMessage, error) {
				return api.NetworkInspect(ctx, name, "", false)
			}},
		{"volume", reflect.TypeFor[volume.Volume](),
			func(ctx context.Context, api *client.Client, name string, _ bool) (json.RawMessage, error) {
				return api.VolumeInspect(ctx, name)
			}},
	}
}

// Flags are the flags that all inspect commands share.
type Flags struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Inspect is `docker inspect`.
type Inspect struct {
	Flags
	Size bool   `short:"s" help:"Show sizes of containers"`
	Type string `help:"Look only for: container, image, network or volume"`
}

// Run implements session.Runner.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if p.Set("type") && c.Type == "" {
		return errors.New(`type is empty: must be one of "container", "image", "network", "volume"`)
	}
	return Kind(ctx, s, c.Type, p.Args, c.Format, c.Size)
}

// Kind inspects objects of one kind, or of any kind if kind is empty.
func Kind(ctx context.Context, s *session.Session, kind string, names []string, format string, size bool) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	kinds, err := kindsOf(kind)
	if err != nil {
		return err
	}
	return Objects(s, names, format, func(name string) (Found, error) {
		return lookFor(ctx, api, kinds, name, size, kind == "")
	})
}

func kindsOf(wanted string) ([]inspectable, error) {
	all := inspectables()
	if wanted == "" {
		return all, nil
	}
	for _, k := range all {
		if k.kind == wanted {
			return []inspectable{k}, nil
		}
	}
	return nil, fmt.Errorf(`unknown type: %q: must be one of "container", "image", "network", "volume"`, wanted)
}

// lookFor tries the kinds in order until one has an object of that name.
func lookFor(ctx context.Context, api *client.Client, kinds []inspectable, name string, size,
	anyKind bool) (Found, error) {
	for _, k := range kinds {
		raw, err := k.get(ctx, api, name, size)
		if err == nil {
			return Found{Raw: raw, Shape: k.shape}, nil
		}
		// a name that is not valid for an image may belong to a network or volume
		if !anyKind || !(errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err)) {
			return Found{}, err
		}
	}
	return Found{}, fmt.Errorf("Error: No such object: %s", name)
}
