// Package prune is what the prune commands of all nouns share.
package prune

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/netapi/client"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

// Flags are the flags that all prune commands share.
type Flags struct {
	Filter values.Filters `placeholder:"filter" help:"Filter: until=..., label=..."`
	Force  bool           `short:"f" help:"Do not ask for confirmation"`
}

// Pruned removes unused objects of one kind. It returns their names under a title, and how much space that freed.
type Pruned func(ctx context.Context, s *session.Session) (removed string, freed uint64, err error)

// Agreed asks for confirmation unless --force is set, and then connects to the daemon.
func (f *Flags) Agreed(ctx context.Context, s *session.Session, warning string) error {
	if !f.Force {
		if err := s.Confirm(ctx, warning); err != nil {
			return err
		}
	}
	_, err := s.Client()
	return err
}

// Prune asks, removes, and prints what was removed and how much space that freed.
func (f *Flags) Prune(ctx context.Context, s *session.Session, warning string, call Pruned) error {
	if err := f.Agreed(ctx, s, warning); err != nil {
		return err
	}
	gone, freed, err := call(ctx, s)
	if err != nil {
		return err
	}
	if gone != "" {
		fmt.Fprintln(s.Out, gone)
	}
	fmt.Fprintln(s.Out, "Total reclaimed space:", table.SizeOf(int64(freed)))
	return nil
}

// gone lists names under a title, or returns "" if there are none.
func gone(title string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return title + ":\n" + strings.Join(names, "\n") + "\n"
}

// StoppedContainers removes stopped containers.
func (f *Flags) StoppedContainers(ctx context.Context, s *session.Session) (string, uint64, error) {
	r, err := s.API.ContainerPrune(ctx, client.Filters(f.Filter))
	return gone("Deleted Containers", r.ContainersDeleted), r.SpaceReclaimed, err
}

// UnusedImages removes images that no container uses: all of them, or only those without a name.
func (f *Flags) UnusedImages(all bool) Pruned {
	return func(ctx context.Context, s *session.Session) (string, uint64, error) {
		r, err := s.API.ImagePrune(ctx, values.With(f.Filter, "dangling", fmt.Sprint(!all)))
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

// NamedVolumes tells whether pruning volumes removes named ones, too: before API 1.42 it always does, and --all is an
// error.
func NamedVolumes(ctx context.Context, s *session.Session, all bool) (bool, error) {
	api, err := s.Client()
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

// UnusedVolumes removes volumes that no container uses: all of them, or only anonymous ones.
func (f *Flags) UnusedVolumes(all bool) Pruned {
	return func(ctx context.Context, s *session.Session) (string, uint64, error) {
		filters := client.Filters(f.Filter)
		if all {
			if _, err := NamedVolumes(ctx, s, all); err != nil {
				return "", 0, err
			}
			filters = values.With(f.Filter, "all", "true")
		}
		r, err := s.API.VolumePrune(ctx, filters)
		return gone("Deleted Volumes", r.VolumesDeleted), r.SpaceReclaimed, err
	}
}

// UnusedNetworks removes networks that no container uses.
func (f *Flags) UnusedNetworks(ctx context.Context, s *session.Session) (string, uint64, error) {
	names, err := s.API.NetworkPrune(ctx, client.Filters(f.Filter))
	return gone("Deleted Networks", names), 0, err
}

// BuildCache removes the build cache. It does nothing if the daemon does not have one.
func (f *Flags) BuildCache(all bool) Pruned {
	return func(ctx context.Context, s *session.Session) (string, uint64, error) {
		r, err := s.API.BuildPrune(ctx, all, client.Filters(f.Filter))
		if session.IsMissing(err) {
			return "", 0, nil
		}
		return gone("Deleted build cache objects", r.CachesDeleted), r.SpaceReclaimed, err
	}
}
