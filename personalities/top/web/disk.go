package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
)

// What is growing is told from this span of the past.
const (
	growthSpan   = time.Hour
	growthPoints = 12
)

type imageRow struct {
	ID         string
	Tags       []string
	Size       int64
	Shared     int64
	Containers int64
	Created    int64 // Unix seconds
}

type volumeRow struct {
	Name, Driver, Created string
	Size, Uses            int64 // -1: not known
}

type networkRow struct{ ID, Name, Driver, Scope string }

// disk returns what takes space on a host.
func (s *Server) disk(w http.ResponseWriter, r *http.Request) error {
	h, err := s.host(r)
	if err != nil {
		return err
	}
	usage, err := h.Client().DiskUsage(r.Context())
	if err != nil {
		return err
	}
	networks, err := h.Client().NetworkList(r.Context(), nil)
	if err != nil {
		return err
	}
	out := struct {
		Layers   int64
		Images   []imageRow
		Volumes  []volumeRow
		Networks []networkRow
		Growth   map[string]float64 // of containers by ID, in bytes a second
	}{Layers: usage.LayersSize, Images: []imageRow{}, Volumes: []volumeRow{}, Networks: []networkRow{},
		Growth: s.growth(r.Context(), h)}
	for _, i := range usage.Images {
		out.Images = append(out.Images, imageRow{i.ID, i.RepoTags, i.Size, max(0, i.SharedSize), i.Containers, i.Created})
	}
	for _, v := range usage.Volumes {
		row := volumeRow{Name: v.Name, Driver: v.Driver, Created: v.CreatedAt, Size: -1, Uses: -1}
		if v.UsageData != nil {
			row.Size, row.Uses = v.UsageData.Size, v.UsageData.RefCount
		}
		out.Volumes = append(out.Volumes, row)
	}
	for _, n := range networks {
		out.Networks = append(out.Networks, networkRow{n.ID, n.Name, n.Driver, n.Scope})
	}
	return reply(w, out)
}

// growth returns how fast the layers of containers grew in the last hour.
func (s *Server) growth(ctx context.Context, h *hosts.Host) map[string]float64 {
	out := map[string]float64{}
	set := h.State().Set
	if set == nil {
		return out
	}
	now := time.Now()
	for i := range set.Containers[:min(len(set.Containers), maxSparks)] {
		past, err := h.History(ctx, set.Containers[i].ID, now.Add(-growthSpan), now, growthPoints)
		if err != nil {
			break // without a past nothing is known
		}
		if rate, ok := slope(past, "disk"); ok {
			out[set.Containers[i].ID] = rate
		}
	}
	return out
}

// slope returns the change of a column by second, between the first and the last moment that were measured.
func slope(h sample.History, column string) (float64, bool) {
	at := slices.Index(h.Columns, column)
	if at < 0 || at >= len(h.Values) {
		return 0, false
	}
	values := h.Values[at]
	known := func(v *float64) bool { return v != nil && *v >= 0 }
	first := slices.IndexFunc(values, known)
	last := len(values) - 1
	for last > first && !known(values[last]) {
		last--
	}
	if first < 0 || last <= first || h.Step <= 0 {
		return 0, false
	}
	return (*values[last] - *values[first]) / (float64(last-first) * h.Step), true
}
