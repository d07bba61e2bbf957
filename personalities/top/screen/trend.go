package screen

import (
	"slices"
	"time"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// trend is what the screen remembers of a container or a host, for its sparklines and its growth.
type trend struct {
	cpu, memory []float64
	disk        []used
	at          time.Time
	begun       time.Time // when the screen began to see it
	asked       bool      // for what was before
}

// used is how much was in use at a time.
type used struct {
	at    time.Time
	bytes float64
}

const (
	maxTrend  = 240              // values of a sparkline
	growthAge = 10 * time.Minute // over which growth is measured
	growthMin = 20 * time.Second // below which it is not known
)

// key names a container of a host, or with an empty ID the host itself.
type key struct {
	host string
	id   string
}

// remember takes the measurement of a host, if it is new.
func (m *Model) remember(s hosts.State) {
	if s.Set == nil {
		return
	}
	h := &s.Set.Host
	t := m.trend(key{s.Name, ""})
	if !t.at.Before(s.Set.At) {
		return
	}
	cpus := float64(max(1, h.CPUs))
	t.add(s.Set.At, h.Rate.CPU/cpus, memoryShare(h), 0)
	for i := range s.Set.Containers {
		c := &s.Set.Containers[i]
		r := listing.Row{Container: c}
		m.trend(key{s.Name, c.ID}).add(s.Set.At, c.Rate.CPU, float64(c.Memory.WorkingSet), float64(r.Written()))
	}
	m.forget(s)
}

func (m *Model) trend(k key) *trend {
	t := m.trends[k]
	if t == nil {
		t = &trend{}
		m.trends[k] = t
	}
	return t
}

// forget drops what is remembered of containers that are gone.
func (m *Model) forget(s hosts.State) {
	for k, t := range m.trends {
		if k.host == s.Name && k.id != "" && t.at.Before(s.Set.At) {
			delete(m.trends, k)
		}
	}
}

func (t *trend) add(at time.Time, cpu, memory, disk float64) {
	t.at = at
	if t.begun.IsZero() {
		t.begun = at
	}
	t.cpu = kept(append(t.cpu, cpu))
	t.memory = kept(append(t.memory, memory))
	if n := len(t.disk); n == 0 || at.Sub(t.disk[n-1].at) >= growthMin/4 {
		t.disk = append(t.disk, used{at, disk})
	}
	for len(t.disk) > 2 && at.Sub(t.disk[0].at) > growthAge {
		t.disk = t.disk[1:]
	}
}

// before puts a history before what was seen, as far as it is older.
func (t *trend) before(h *sample.History) {
	old := func(column string) (list []float64) {
		i := slices.Index(h.Columns, column)
		if i < 0 || i >= len(h.Values) {
			return nil
		}
		for k, v := range h.Values[i] {
			at := h.At.Add(time.Duration(float64(k) * h.Step * float64(time.Second)))
			if v != nil && at.Before(t.begun.Add(-time.Second/2)) {
				list = append(list, *v)
			}
		}
		return list
	}
	t.cpu, t.memory = kept(append(old("cpu"), t.cpu...)), kept(append(old("memory"), t.memory...))
}

func kept(values []float64) []float64 {
	if len(values) > 2*maxTrend {
		return append([]float64(nil), values[len(values)-maxTrend:]...)
	}
	return values
}

// growth is how fast the files of a container grow, in bytes a second.
func (t *trend) growth() float64 {
	n := len(t.disk)
	if n < 2 {
		return 0
	}
	first, last := t.disk[0], t.disk[n-1]
	if span := last.at.Sub(first.at); span >= growthMin {
		return (last.bytes - first.bytes) / span.Seconds()
	}
	return 0
}

// memoryShare is the memory of a host that is in use.
func memoryShare(h *sample.Host) float64 {
	if h.Memory.Total == 0 || h.Memory.Available == 0 {
		return 0
	}
	return 1 - float64(h.Memory.Available)/float64(h.Memory.Total)
}

// dataFiles returns the file system of the data root, else that of the machine's root, or nil.
func dataFiles(h *sample.Host) (root *sample.FileSystem) {
	for i := range h.Files {
		switch f := &h.Files[i]; {
		case f.Data:
			return f
		case f.Path == "/":
			root = f
		}
	}
	return root
}

// untilFull is when a file system is full if it goes on growing; ok is false if it does not grow.
func untilFull(f *sample.FileSystem) (d time.Duration, ok bool) {
	if f.Growth <= 0 {
		return 0, false
	}
	seconds := float64(f.Available) / f.Growth
	if seconds > float64(10*365*24*time.Hour/time.Second) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
