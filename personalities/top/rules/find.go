package rules

import (
	"fmt"
	"time"

	"box/engine/stats/sample"
)

// find looks at everything that a rule may be about.
func (r *Rule) find(v *View, disk []Used, now time.Time) []finding {
	if shapes[r.Kind].container {
		var all []finding
		for i := range v.Set.Containers {
			c := &v.Set.Containers[i]
			f := r.container(c, &v.Set.Host)
			f.name, f.id = c.Name, c.ID
			all = append(all, f)
		}
		return all
	}
	return []finding{r.host(v, disk, now)}
}

func (r *Rule) container(c *sample.Container, h *sample.Host) finding {
	running := c.State == "running" || c.State == "paused"
	switch r.Kind {
	case Memory:
		limit, of := c.Memory.Limit, "its limit"
		if limit == 0 || limit > h.Memory.Total && h.Memory.Total > 0 {
			limit, of = h.Memory.Total, "the host's"
		}
		return r.share(c.Name+" has", float64(c.Memory.WorkingSet), float64(limit), "of the memory, "+of, running)
	case CPU:
		limit := c.CPU.Limit
		if limit == 0 {
			limit = float64(h.CPUs)
		}
		return r.share(c.Name+" uses", c.Rate.CPU, limit, "of its processors", running)
	case Restarts:
		n := float64(c.RestartsHour)
		return finding{holds: n > r.Over, value: n,
			text: fmt.Sprintf("%s was started again %g times in an hour", c.Name, n)}
	case Unhealthy:
		return finding{holds: running && c.Health == "unhealthy", text: c.Name + " is unhealthy"}
	default: // Stopped
		return finding{holds: stopped(c), since: c.Ended, value: float64(c.Exit.Code),
			text: fmt.Sprintf("%s is stopped, with exit code %d, and should run", c.Name, c.Exit.Code)}
	}
}

// stopped tells whether a container is stopped though its policy says that it runs.
func stopped(c *sample.Container) bool {
	if c.State != "exited" && c.State != "dead" || c.ByHand {
		return false
	}
	return c.Policy == "always" || c.Policy == "unless-stopped" || c.Policy == "on-failure" && c.Exit.Code != 0
}

// share is a finding that a part of a whole is too much.
func (r *Rule) share(who string, part, whole float64, of string, known bool) finding {
	if whole <= 0 || !known {
		return finding{}
	}
	v := part / whole
	return finding{holds: v > r.Over, value: v, whole: whole, text: fmt.Sprintf("%s %.0f %% %s", who, v*100, of)}
}

func (r *Rule) host(v *View, disk []Used, now time.Time) finding {
	switch r.Kind {
	case HostGone:
		text := "the host does not answer"
		if v.Err != "" {
			text += ": " + v.Err
		}
		return finding{holds: v.Dead, since: v.Since, text: text}
	case DaemonGone:
		return finding{holds: !v.Dead && !v.Daemon && v.Set != nil, since: v.Since,
			text: "no daemon answers on the host"}
	}
	h := &v.Set.Host
	switch r.Kind {
	case HostMemory:
		used := float64(h.Memory.Total) - float64(h.Memory.Available)
		return r.share("the host has used", used, float64(h.Memory.Total), "of its memory", true)
	case HostCPU:
		return r.share("the host uses", h.Rate.CPU, float64(h.CPUs), "of its processors", true)
	case Certificate:
		left := h.CertEnds.Sub(now)
		return finding{holds: !h.CertEnds.IsZero() && left < r.Within, value: left.Seconds(),
			text: "the daemon's certificate ends " + h.CertEnds.UTC().Format(time.DateTime)}
	}
	f := dataFiles(h)
	if f == nil {
		return finding{}
	}
	switch r.Kind {
	case Disk:
		used := float64(f.Total) - float64(f.Available)
		return r.share(f.Path+" has used", used, float64(f.Total), "of its space", true)
	case Inodes:
		used := float64(f.Inodes) - float64(f.FreeInodes)
		return r.share(f.Path+" has used", used, float64(f.Inodes), "of its inodes", true)
	default: // DiskFull
		if len(disk) < 2 {
			disk = nil
		}
		left, ok := TimeToFull(f, disk)
		return finding{holds: ok && left < r.Within, value: left.Seconds(),
			text: fmt.Sprintf("%s is full in %s", f.Path, left.Round(time.Minute))}
	}
}

// dataFiles is the file system that the data root is on.
func dataFiles(h *sample.Host) *sample.FileSystem {
	for i := range h.Files {
		if h.Files[i].Data {
			return &h.Files[i]
		}
	}
	return nil
}
