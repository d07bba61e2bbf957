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
	all, force bool
	filters    filters
}

func (f *pruneFlags) flags(what string) []cmd.Flag {
	flags := []cmd.Flag{
		{Value: &f.filters, Name: "filter", Kind: "filter", Help: "Only those that match: until=..., label=..."},
		{Value: &f.force, Name: "force", Short: "f", Help: "Do not ask"},
	}
	if what != "" {
		flags = append([]cmd.Flag{{Value: &f.all, Name: "all", Short: "a", Help: what}}, flags...)
	}
	return flags
}

// prune makes the action of one prune: the question, the call, what went and how much it freed.
func prune(f *pruneFlags, warning func(context.Context, *session) (string, error), call func(context.Context, *session) (string, uint64, error)) action {
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		if !f.force {
			text, err := warning(ctx, s)
			if err == nil {
				err = s.confirm(ctx, text)
			}
			if err != nil {
				return err
			}
		}
		if _, err := s.client(); err != nil {
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
}

// warn is a warning that depends on nothing.
func warn(text string) func(context.Context, *session) (string, error) {
	return func(context.Context, *session) (string, error) { return text, nil }
}

// gone lists what was removed, under a title; nothing removed is nothing said.
func gone(title string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return title + ":\n" + strings.Join(names, "\n") + "\n"
}

func containerPruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	u.Flags = f.flags("")
	return prune(&f, warn("This will remove all stopped containers."), f.containers)
}

func (f *pruneFlags) containers(ctx context.Context, s *session) (string, uint64, error) {
	r, err := s.api.ContainerPrune(ctx, client.Filters(f.filters))
	return gone("Deleted Containers", r.ContainersDeleted), r.SpaceReclaimed, err
}

func imagePruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	u.Flags = f.flags("Images that no container uses, not only those without a name")
	return prune(&f, func(context.Context, *session) (string, error) {
		if f.all {
			return "This will remove all images without at least one container associated to them.", nil
		}
		return "This will remove all dangling images.", nil
	}, f.images)
}

func (f *pruneFlags) images(ctx context.Context, s *session) (string, uint64, error) {
	r, err := s.api.ImagePrune(ctx, with(f.filters, "dangling", fmt.Sprint(!f.all)))
	var lines []string
	for _, d := range r.ImagesDeleted {
		lines = append(lines, deletion(d))
	}
	return gone("Deleted Images", lines), r.SpaceReclaimed, err
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

func volumePruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	u.Flags = f.flags("Named volumes, too")
	return prune(&f, f.volumeWarning, f.volumes)
}

// volumeWarning says which volumes go: of a daemon before 1.42, named ones always.
func (f *pruneFlags) volumeWarning(ctx context.Context, s *session) (string, error) {
	which := "anonymous local volumes"
	named, err := f.namedVolumes(ctx, s)
	if named {
		which = "all local volumes"
	}
	return "This will remove " + which + " not used by at least one container.", err
}

// namedVolumes tells whether a prune of volumes takes named ones. An older daemon refuses to be asked for them.
func (f *pruneFlags) namedVolumes(ctx context.Context, s *session) (bool, error) {
	api, err := s.client()
	if err != nil {
		return false, err
	}
	known, err := api.AtLeast(ctx, "1.42")
	if err != nil || known || !f.all {
		return f.all || !known, err
	}
	version, _ := api.Version(ctx)
	return false, fmt.Errorf(`"--all" requires API version 1.42, but the Docker daemon API version is %s`, version)
}

func (f *pruneFlags) volumes(ctx context.Context, s *session) (string, uint64, error) {
	filters := client.Filters(f.filters)
	if f.all {
		if _, err := f.namedVolumes(ctx, s); err != nil {
			return "", 0, err
		}
		filters = with(f.filters, "all", "true")
	}
	r, err := s.api.VolumePrune(ctx, filters)
	return gone("Deleted Volumes", r.VolumesDeleted), r.SpaceReclaimed, err
}

func networkPruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	u.Flags = f.flags("")
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		if !f.force {
			if err := s.confirm(ctx, "This will remove all custom networks not used by at least one container."); err != nil {
				return err
			}
		}
		if _, err := s.client(); err != nil {
			return err
		}
		removed, _, err := f.networks(ctx, s)
		if err == nil && removed != "" {
			fmt.Fprintln(s.out, removed)
		}
		return err
	}
}

func (f *pruneFlags) networks(ctx context.Context, s *session) (string, uint64, error) {
	names, err := s.api.NetworkPrune(ctx, client.Filters(f.filters))
	return gone("Deleted Networks", names), 0, err
}

func systemPruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	withVolumes := false
	u.Flags = append(f.flags("Images that no container uses, not only those without a name"),
		cmd.Flag{Value: &withVolumes, Name: "volumes", Help: "Anonymous volumes, too"})
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		if withVolumes && len(f.filters["until"]) > 0 {
			return errors.New(`ERROR: The "until" filter is not supported with "--volumes"`)
		}
		if !f.force {
			if err := s.confirm(ctx, f.systemWarning(withVolumes)); err != nil {
				return err
			}
		}
		if _, err := s.client(); err != nil {
			return err
		}
		return f.system(ctx, s, withVolumes)
	}
}

func (f *pruneFlags) systemWarning(volumes bool) string {
	text := "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
	if volumes {
		text += "  - all anonymous volumes not used by at least one container\n"
	}
	if f.all {
		text += "  - all images without at least one container associated to them\n  - all build cache\n"
	} else {
		text += "  - all dangling images\n  - unused build cache\n"
	}
	if len(f.filters) == 0 {
		return text
	}
	text += "\n  Items to be pruned will be filtered with:\n"
	for _, name := range sortedKeys(f.filters) {
		for _, value := range f.filters[name] {
			text += "  - " + name + "=" + value + "\n"
		}
	}
	return text
}

// system prunes kind by kind: a container goes before what it held on to.
func (f *pruneFlags) system(ctx context.Context, s *session, volumes bool) error {
	steps := []func(context.Context, *session) (string, uint64, error){f.containers, f.networks}
	if volumes {
		anonymous := *f
		anonymous.all = false
		steps = append(steps, anonymous.volumes)
	}
	steps = append(steps, f.images, f.cache)
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

func builderPruneCommand(u *cmd.Usage) action {
	var f pruneFlags
	u.Flags = f.flags("Cache that images still use, too")
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		if !f.force {
			if err := s.confirm(ctx, f.cacheWarning()); err != nil {
				return err
			}
		}
		if _, err := s.client(); err != nil {
			return err
		}
		removed, freed, err := f.cache(ctx, s)
		if err != nil {
			return err
		}
		if removed != "" {
			fmt.Fprintln(s.out, removed)
		}
		fmt.Fprintf(s.out, "Total:\t%s\n", sizeOf(int64(freed)))
		return nil
	}
}

func (f *pruneFlags) cacheWarning() string {
	if f.all {
		return "This will remove all build cache."
	}
	return "This will remove all dangling build cache."
}

// cache prunes the build cache; a daemon without one has nothing to prune.
func (f *pruneFlags) cache(ctx context.Context, s *session) (string, uint64, error) {
	r, err := s.api.BuildPrune(ctx, f.all, client.Filters(f.filters))
	if isMissing(err) {
		return "", 0, nil
	}
	return gone("Deleted build cache objects", r.CachesDeleted), r.SpaceReclaimed, err
}
