package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/netapi/client"
	"box/personalities/cmd"
)

// pruneFlags are those of every prune.
type pruneFlags struct {
	Filter filters `placeholder:"filter" help:"Only those that match: until=..., label=..."`
	Force  bool    `short:"f" help:"Do not ask"`
}

// pruned is what a prune has removed, under a title, and how much that frees.
type pruned func(ctx context.Context, s *session) (removed string, freed uint64, err error)

// agreed asks, unless --force says that it is not needed.
func (f *pruneFlags) agreed(ctx context.Context, s *session, warning string) error {
	if !f.Force {
		if err := s.confirm(ctx, warning); err != nil {
			return err
		}
	}
	_, err := s.client()
	return err
}

// prune is one prune: the question, the call, what went and how much it freed.
func (f *pruneFlags) prune(ctx context.Context, s *session, warning string, call pruned) error {
	if err := f.agreed(ctx, s, warning); err != nil {
		return err
	}
	gone, freed, err := call(ctx, s)
	if err != nil {
		return err
	}
	if gone != "" {
		fmt.Fprintln(s.out, gone)
	}
	fmt.Fprintln(s.out, "Total reclaimed space:", sizeOf(int64(freed)))
	return nil
}

// gone lists what was removed, under a title; nothing removed is nothing said.
func gone(title string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return title + ":\n" + strings.Join(names, "\n") + "\n"
}

// containerPrune is `docker container prune`.
type containerPrune struct{ pruneFlags }

func (c *containerPrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	return c.prune(ctx, s, "This will remove all stopped containers.", c.containers)
}

func (f *pruneFlags) containers(ctx context.Context, s *session) (string, uint64, error) {
	r, err := s.api.ContainerPrune(ctx, client.Filters(f.Filter))
	return gone("Deleted Containers", r.ContainersDeleted), r.SpaceReclaimed, err
}

// imagePrune is `docker image prune`.
type imagePrune struct {
	pruneFlags
	All bool `short:"a" help:"Images that no container uses, not only those without a name"`
}

func (c *imagePrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	warning := "This will remove all dangling images."
	if c.All {
		warning = "This will remove all images without at least one container associated to them."
	}
	return c.prune(ctx, s, warning, c.images(c.All))
}

// images prunes those that no container uses, all of them or only those without a name.
func (f *pruneFlags) images(all bool) pruned {
	return func(ctx context.Context, s *session) (string, uint64, error) {
		r, err := s.api.ImagePrune(ctx, with(f.Filter, "dangling", fmt.Sprint(!all)))
		var lines []string
		for _, d := range r.ImagesDeleted {
			lines = append(lines, deletion(d))
		}
		return gone("Deleted Images", lines), r.SpaceReclaimed, err
	}
}

func deletion(d image.DeleteResponse) string {
	if d.Untagged != "" {
		return "untagged: " + d.Untagged
	}
	return "deleted: " + d.Deleted
}

// with is the filters and one more.
func with(f filters, key, value string) client.Filters {
	out := client.Filters{}
	for k, v := range f {
		out[k] = v
	}
	out[key] = append([]string(nil), append(out[key], value)...)
	return out
}

// volumePrune is `docker volume prune`.
type volumePrune struct {
	pruneFlags
	All bool `short:"a" help:"Named volumes, too"`
}

func (c *volumePrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	warning := ""
	if !c.Force {
		which := "anonymous local volumes"
		named, err := namedVolumes(ctx, s, c.All)
		if err != nil {
			return err
		}
		if named { // of a daemon before 1.42, named ones always
			which = "all local volumes"
		}
		warning = "This will remove " + which + " not used by at least one container."
	}
	return c.prune(ctx, s, warning, c.volumes(c.All))
}

// namedVolumes tells whether a prune of volumes takes named ones. An older daemon refuses to be asked for them.
func namedVolumes(ctx context.Context, s *session, all bool) (bool, error) {
	api, err := s.client()
	if err != nil {
		return false, err
	}
	known, err := api.AtLeast(ctx, "1.42")
	if err != nil || known || !all {
		return all || !known, err
	}
	version, _ := api.Version(ctx)
	return false, fmt.Errorf(`"--all" requires API version 1.42, but the Docker daemon API version is %s`, version)
}

// volumes prunes those that no container uses, all of them or only those without a name.
func (f *pruneFlags) volumes(all bool) pruned {
	return func(ctx context.Context, s *session) (string, uint64, error) {
		filters := client.Filters(f.Filter)
		if all {
			if _, err := namedVolumes(ctx, s, all); err != nil {
				return "", 0, err
			}
			filters = with(f.Filter, "all", "true")
		}
		r, err := s.api.VolumePrune(ctx, filters)
		return gone("Deleted Volumes", r.VolumesDeleted), r.SpaceReclaimed, err
	}
}

// networkPrune is `docker network prune`.
type networkPrune struct{ pruneFlags }

func (c *networkPrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	if err := c.agreed(ctx, s, "This will remove all custom networks not used by at least one container."); err != nil {
		return err
	}
	removed, _, err := c.networks(ctx, s)
	if err == nil && removed != "" {
		fmt.Fprintln(s.out, removed)
	}
	return err
}

func (f *pruneFlags) networks(ctx context.Context, s *session) (string, uint64, error) {
	names, err := s.api.NetworkPrune(ctx, client.Filters(f.Filter))
	return gone("Deleted Networks", names), 0, err
}

// systemPrune is `docker system prune`.
type systemPrune struct {
	pruneFlags
	All     bool `short:"a" help:"Images that no container uses, not only those without a name"`
	Volumes bool `help:"Anonymous volumes, too"`
}

func (c *systemPrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	if c.Volumes && len(c.Filter["until"]) > 0 {
		return errors.New(`ERROR: The "until" filter is not supported with "--volumes"`)
	}
	if err := c.agreed(ctx, s, c.warning()); err != nil {
		return err
	}
	return c.prune(ctx, s)
}

func (c *systemPrune) warning() string {
	text := "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
	if c.Volumes {
		text += "  - all anonymous volumes not used by at least one container\n"
	}
	if c.All {
		text += "  - all images without at least one container associated to them\n  - all build cache\n"
	} else {
		text += "  - all dangling images\n  - unused build cache\n"
	}
	if len(c.Filter) == 0 {
		return text
	}
	text += "\n  Items to be pruned will be filtered with:\n"
	for _, name := range sortedKeys(c.Filter) {
		for _, value := range c.Filter[name] {
			text += "  - " + name + "=" + value + "\n"
		}
	}
	return text
}

// prune goes kind by kind: a container goes before what it held on to.
func (c *systemPrune) prune(ctx context.Context, s *session) error {
	steps := []pruned{c.containers, c.networks}
	if c.Volumes {
		steps = append(steps, c.volumes(false))
	}
	steps = append(steps, c.images(c.All), c.cache(c.All))
	total := uint64(0)
	for _, step := range steps {
		removed, freed, err := step(ctx, s)
		if err != nil {
			return err
		}
		total += freed
		if removed != "" {
			fmt.Fprintln(s.out, removed)
		}
	}
	fmt.Fprintln(s.out, "Total reclaimed space:", sizeOf(int64(total)))
	return nil
}

// builderPrune is `docker builder prune`.
type builderPrune struct {
	pruneFlags
	All bool `short:"a" help:"Cache that images still use, too"`
}

func (c *builderPrune) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	warning := "This will remove all dangling build cache."
	if c.All {
		warning = "This will remove all build cache."
	}
	if err := c.agreed(ctx, s, warning); err != nil {
		return err
	}
	removed, freed, err := c.cache(c.All)(ctx, s)
	if err != nil {
		return err
	}
	if removed != "" {
		fmt.Fprintln(s.out, removed)
	}
	fmt.Fprintf(s.out, "Total:\t%s\n", sizeOf(int64(freed)))
	return nil
}

// cache prunes the build cache; a daemon without one has nothing to prune.
func (f *pruneFlags) cache(all bool) pruned {
	return func(ctx context.Context, s *session) (string, uint64, error) {
		r, err := s.api.BuildPrune(ctx, all, client.Filters(f.Filter))
		if isMissing(err) {
			return "", 0, nil
		}
		return gone("Deleted build cache objects", r.CachesDeleted), r.SpaceReclaimed, err
	}
}
