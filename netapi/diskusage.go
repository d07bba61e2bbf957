package netapi

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/build"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"box/engine"
	"box/engine/refuse"
	"box/netapi/version"
)

// oldDiskUsage is the reply before 1.52, which lists all objects.
type oldDiskUsage struct {
	LayersSize  int64
	Images      []any
	Containers  []any
	Volumes     []volume.Volume
	BuildCache  []build.CacheRecord
	BuilderSize *int64 `json:",omitempty"`
}

// diskUsage measures what takes space. The build cache is always empty.
func (s *Server) diskUsage(w http.ResponseWriter, r *http.Request) error {
	v := version.Of(r.Context())
	if err := r.ParseForm(); err != nil {
		return refuse.Invalid("%v", err)
	}
	of, cache := engine.DiskUsageOf{Images: true, Containers: true, Volumes: true}, true
	if kinds := r.Form["type"]; v >= 42 && len(kinds) > 0 {
		for _, k := range kinds {
			if !slices.Contains([]string{"container", "image", "volume", "build-cache"}, k) {
				return refuse.Invalid("unknown object type: %s", k)
			}
		}
		has := func(k system.DiskUsageObject) bool { return slices.Contains(kinds, string(k)) }
		of = engine.DiskUsageOf{Images: has(system.ImageObject), Containers: has(system.ContainerObject),
			Volumes: has(system.VolumeObject)}
		cache = has(system.BuildCacheObject)
	}
	u, err := s.e.DiskUsage(r.Context(), of)
	if err != nil {
		return err
	}
	old := oldDiskUsage{LayersSize: u.Layers, Volumes: u.Volumes}
	if u.Images != nil {
		old.Images = []any{}
		for i := range u.Images {
			old.Images = append(old.Images, version.ImageSummary(&u.Images[i], v))
		}
	}
	if u.Containers != nil {
		old.Containers = []any{}
		for i := range u.Containers {
			c, err := version.Summary(&u.Containers[i], v)
			if err != nil {
				return err
			}
			old.Containers = append(old.Containers, c)
		}
	}
	if cache {
		old.BuildCache = []build.CacheRecord{}
	}
	if v < 42 {
		old.BuilderSize = new(int64)
	}
	if v < 52 {
		return writeJSON(w, http.StatusOK, old)
	}
	summed := summedUsage(&u, cache, flag(r, "verbose"))
	if flag(r, "verbose") || r.Form.Has("type") {
		return writeJSON(w, http.StatusOK, summed)
	}
	// Clients that use the daemon's newest version, such as Python's library, still read the old fields.
	return writeJSON(w, http.StatusOK, struct {
		system.DiskUsage
		oldDiskUsage
	}{summed, old})
}

// summedUsage returns the reply since 1.52: sums, and if verbose is set all objects.
func summedUsage(u *engine.DiskUsage, cache, verbose bool) system.DiskUsage {
	var out system.DiskUsage
	if u.Images != nil {
		i := &image.DiskUsage{TotalCount: int64(len(u.Images)), TotalSize: u.Layers, Reclaimable: u.Layers}
		for _, s := range u.Images {
			if s.Containers > 0 {
				i.ActiveCount++
				i.Reclaimable -= s.Size - s.SharedSize
			}
		}
		if verbose {
			i.Items = u.Images
		}
		out.ImageUsage = i
	}
	if u.Containers != nil {
		c := &api.DiskUsage{TotalCount: int64(len(u.Containers))}
		for _, s := range u.Containers {
			c.TotalSize += s.SizeRw
			if s.State == api.StateRunning || s.State == api.StatePaused || s.State == api.StateRestarting {
				c.ActiveCount++
			} else {
				c.Reclaimable += s.SizeRw
			}
		}
		if verbose {
			c.Items = u.Containers
		}
		out.ContainerUsage = c
	}
	if u.Volumes != nil {
		out.VolumeUsage = volumeUsage(u.Volumes, verbose)
	}
	if cache {
		out.BuildCacheUsage = &build.DiskUsage{}
	}
	return out
}

func volumeUsage(list []volume.Volume, verbose bool) *volume.DiskUsage {
	out := &volume.DiskUsage{TotalCount: int64(len(list))}
	for _, v := range list {
		if v.UsageData == nil || v.UsageData.Size < 0 {
			continue
		}
		out.TotalSize += v.UsageData.Size
		if v.UsageData.RefCount > 0 {
			out.ActiveCount++
		} else {
			out.Reclaimable += v.UsageData.Size
		}
	}
	if verbose {
		out.Items = list
	}
	return out
}

// pruneBuilds removes the build cache.
func (s *Server) pruneBuilds(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	for _, key := range []string{"keep-storage", "reserved-space", "max-used-space", "min-free-space"} {
		if text := r.FormValue(key); text != "" {
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				return refuse.Invalid("%s is in bytes and expects an integer, got %s: %v", key, text, err)
			}
		}
	}
	done, err := s.e.PruneBuilds(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, build.CachePruneReport{CachesDeleted: done})
}
