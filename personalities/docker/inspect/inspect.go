// Package inspect is what the inspect of every noun shares, and `docker inspect`, which finds out the noun.
package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/template"
)

// inspectable is one kind of object that can be inspected. shape is the Go type of the daemon's answer: a
// template may read its fields even when the daemon left them out for being empty.
type inspectable struct {
	kind  string
	shape reflect.Type
	get   func(ctx context.Context, api *client.Client, name string, size bool) (json.RawMessage, error)
}

// inspectables is the order in which `docker inspect` looks.
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

// Flags are those of every inspect.
type Flags struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Inspect has the flags of `docker inspect`.
type Inspect struct {
	Flags
	Size bool   `short:"s" help:"Show sizes, of containers"`
	Type string `help:"Look for this kind only: container, image, network, volume"`
}

// Run is `docker inspect`.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if p.Set("type") && c.Type == "" {
		return errors.New(`type is empty: must be one of "container", "image", "network", "volume"`)
	}
	return Kind(ctx, s, c.Type, p.Args, c.Format, c.Size)
}

// Kind inspects objects of one kind, or of any where kind is empty.
func Kind(ctx context.Context, s *session.Session, kind string, names []string, format string, size bool) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	kinds, err := kindsOf(kind)
	if err != nil {
		return err
	}
	return Objects(s, names, format, func(name string) (json.RawMessage, reflect.Type, error) {
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

// lookFor tries the kinds in order until one has the name.
func lookFor(ctx context.Context, api *client.Client, kinds []inspectable, name string, size,
	anyKind bool) (json.RawMessage, reflect.Type, error) {
	for _, k := range kinds {
		raw, err := k.get(ctx, api, name, size)
		if err == nil {
			return raw, k.shape, nil
		}
		// a name that no image may have can still be a network's or a volume's
		if !anyKind || !(errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err)) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("Error: No such object: %s", name)
}

type inspection struct {
	raw   json.RawMessage
	shape reflect.Type
}

// Objects prints every object it finds, as one JSON list or by the template, then the errors.
func Objects(s *session.Session, names []string, format string,
	search func(string) (json.RawMessage, reflect.Type, error)) error {
	var found []inspection
	var failures []error
	for _, name := range names {
		raw, shape, err := search(name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		found = append(found, inspection{raw, shape})
	}
	var out bytes.Buffer
	err := formatInspections(&out, found, format)
	if _, writeErr := out.WriteTo(s.Out); err == nil {
		err = writeErr
	}
	if err != nil {
		return err
	}
	for _, f := range failures {
		s.Complain(f)
	}
	return s.Partial(len(failures) > 0)
}

func formatInspections(w *bytes.Buffer, found []inspection, format string) error {
	if format == "" || format == "json" {
		var list bytes.Buffer
		list.WriteByte('[')
		for i, f := range found {
			if i > 0 {
				list.WriteByte(',')
			}
			list.Write(f.raw)
		}
		list.WriteByte(']')
		if format == "json" {
			return errors.Join(json.Compact(w, list.Bytes()), w.WriteByte('\n'))
		}
		return errors.Join(json.Indent(w, list.Bytes(), "", "    "), w.WriteByte('\n'))
	}
	t, err := template.Parse(table.Unescape(format))
	if err != nil {
		return &cmd.Exit{Code: 64, Err: fmt.Errorf("template parsing error: %w", err)}
	}
	for _, f := range found {
		v, err := template.Decode(f.raw)
		if err != nil {
			return err
		}
		begun := w.Len()
		if err := t.Execute(w, template.Shape(v, f.shape)); err != nil {
			w.Truncate(begun)
			w.WriteByte('\n')
			return fmt.Errorf("template parsing error: %w", err)
		}
		w.WriteByte('\n')
	}
	if len(found) == 0 {
		_, err = io.WriteString(w, "\n")
	}
	return err
}
