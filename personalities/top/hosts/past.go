package hosts

import (
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/stats/sample"
)

// past is what was seen of a daemon that keeps no history: a second each, up to an hour.
type past struct {
	mu     sync.Mutex
	series map[string]*seen
}

// seen is the past of one container or of the host.
type seen struct {
	columns []sample.Column
	at      []int64 // Unix milliseconds, ascending
	rows    [][]float32
}

// maxSeen is the number of moments that are kept.
const maxSeen = 3600

// hostSeries is the series of the host.
const hostSeries = "host"

// add keeps a measurement. Containers that are gone are forgotten once all of theirs is older than the rest.
func (p *past) add(set *sample.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.series == nil {
		p.series = map[string]*seen{}
	}
	p.row(hostSeries, sample.HostColumns, set.At, hostRow(&set.Host))
	for i := range set.Containers {
		if c := &set.Containers[i]; running(c) {
			p.row(c.ID, sample.ContainerColumns, set.At, containerRow(c))
		}
	}
	oldest := set.At.UnixMilli() - maxSeen*1000
	for id, s := range p.series {
		if s.at[len(s.at)-1] < oldest {
			delete(p.series, id)
		}
	}
}

func (p *past) row(id string, columns []sample.Column, at time.Time, row []float32) {
	s := p.series[id]
	if s == nil {
		s = &seen{columns: columns}
		p.series[id] = s
	}
	ms := at.UnixMilli()
	if n := len(s.at); n > 0 && ms <= s.at[n-1] {
		return // the clock was set back
	}
	s.at, s.rows = append(s.at, ms), append(s.rows, row)
	if extra := len(s.at) - maxSeen; extra > maxSeen/4 { // seldom, since it moves all
		s.at, s.rows = append([]int64(nil), s.at[extra:]...), append([][]float32(nil), s.rows[extra:]...)
	}
}

// containerRow returns the values of sample.ContainerColumns.
func containerRow(c *sample.Container) []float32 {
	r, m := &c.Rate, float32(c.Memory.WorkingSet)
	return []float32{float32(r.CPU), float32(r.CPU), float32(r.Throttled), m, m, float32(r.Rx), float32(r.Tx),
		float32(r.Read), float32(r.Written), float32(c.Pids.Current), float32(max(0, c.Disk.Writable) + c.Disk.Log)}
}

// hostRow returns the values of sample.HostColumns.
func hostRow(h *sample.Host) []float32 {
	r := &h.Rate
	var used, inodes, heat float32
	for _, f := range h.Files {
		if f.Data {
			used, inodes = float32(f.Total-f.Free), float32(f.Inodes-f.FreeInodes)
		}
	}
	for _, t := range h.Heat {
		heat = max(heat, float32(t.Celsius))
	}
	m := float32(h.Memory.Total - min(h.Memory.Total, h.Memory.Available))
	return []float32{float32(r.CPU), float32(r.CPU), float32(r.IOWait), float32(h.Load[0]), m, m,
		float32(h.Memory.SwapTotal - h.Memory.SwapFree), float32(r.Rx), float32(r.Tx), float32(r.Read),
		float32(r.Written), used, inodes, heat}
}

// query returns a span of the past in at most points moments, each a mean or a maximum.
func (p *past) query(series string, from, to time.Time, points int) (sample.History, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.series[series]
	if s == nil {
		return sample.History{}, fmt.Errorf("history of %s: nothing was seen of it: %w", series, errdefs.ErrNotFound)
	}
	step := time.Second
	if n := time.Duration(max(1, points)); to.Sub(from) > n*step {
		step = (to.Sub(from)/n + time.Second - 1).Truncate(time.Second)
	}
	from = from.Truncate(step)
	count := int(min(max(0, to.Sub(from)/step), maxSeen*2))
	h := sample.History{Series: series, At: from, Step: step.Seconds(), Values: make([][]*float64, len(s.columns))}
	for i, c := range s.columns {
		h.Columns = append(h.Columns, c.Name)
		h.Values[i] = make([]*float64, count)
	}
	in := make([]float64, count) // measurements within each moment
	for n, at := range s.at {
		k := (at - from.UnixMilli()) / step.Milliseconds()
		if at < from.UnixMilli() || k >= int64(count) {
			continue
		}
		in[k]++
		for i, c := range s.columns {
			h.Values[i][k] = joined(h.Values[i][k], float64(s.rows[n][i]), in[k], c.Max)
		}
	}
	return h, nil
}

// joined adds the nth value to a maximum, or to a mean.
func joined(have *float64, v, n float64, most bool) *float64 {
	switch {
	case have == nil:
		return &v
	case most:
		v = max(*have, v)
	default:
		v = *have + (v-*have)/n
	}
	return &v
}
