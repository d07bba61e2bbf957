package screen

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/personalities/top/listing"
)

// disk is the page of what takes the space of a host, and of what grows.
type disk struct {
	host  int
	usage *client.DiskUsage
	err   error
	asked time.Time
	top   int
}

func (d *disk) title(m *Model) string {
	if len(m.states) > 1 {
		return "disk of " + m.state(d.host).Name
	}
	return "disk"
}

func (d *disk) hints(*Model) []hint {
	return []hint{{"1", "containers"}, {"2", "images"}, {"3", "volumes"}, {"esc", "back"}, {"?", "help"}}
}

func (d *disk) wants(m *Model) []Request {
	if !d.asked.IsZero() && m.now.Sub(d.asked) < time.Minute {
		return nil
	}
	d.asked = m.now
	return []Request{{Verb: usage, Host: d.host}}
}

func (d *disk) take(_ *Model, a Answer) {
	if a.Verb != usage || a.Host != d.host {
		return
	}
	d.err = a.Err
	if u, ok := a.Data.(client.DiskUsage); ok && a.Err == nil {
		d.usage = &u
	}
}

func (d *disk) key(_ *Model, k string) ([]Request, bool) {
	switch k {
	case "up":
		d.top = max(0, d.top-1)
	case "down":
		d.top++
	case "pgup":
		d.top = max(0, d.top-10)
	case "pgdn":
		d.top += 10
	case "home":
		d.top = 0
	default:
		return nil, false
	}
	return nil, true
}

// seenGrowth is what is worth a word, in bytes a second: 1K a minute.
const seenGrowth = 17

// taker is something that takes space.
type taker struct {
	kind, name string
	bytes      float64
	growth     float64 // bytes a second
}

func (d *disk) draw(c canvas, m *Model) {
	s := m.state(d.host)
	y := 0
	if s.Dead {
		m.drawDead(c, s, 0)
		y++
	}
	if s.Set != nil {
		c.blank(0, y, c.w, head)
		c.put(0, y, c.w, "FILE SYSTEMS", head)
		y++
		for i := range s.Set.Host.Files {
			if y > c.h/2 {
				break
			}
			d.drawFiles(c, y, s.Set.Host.Files[i].Path, m)
			y++
		}
		y++
	}
	d.drawTakers(c.part(0, y, c.w, c.h-y), d.takers(m))
}

// drawFiles draws the line of a file system: how full, inodes, how fast it grows and when it is full.
func (d *disk) drawFiles(c canvas, y int, path string, m *Model) {
	h := &m.state(d.host).Set.Host
	i := slices.IndexFunc(h.Files, func(f sample.FileSystem) bool { return f.Path == path })
	f := &h.Files[i]
	share := 0.0
	if f.Total > 0 {
		share = 1 - float64(f.Available)/float64(f.Total)
	}
	name := path
	if f.Data {
		name += " (data)"
	}
	w := max(12, c.w/6)
	c.put(0, y, w, elided(name, w), plain)
	c.gauge(w+1, y, 6, share, graded(share), dim)
	list := []piece{{fmt.Sprintf("%5s", listing.Percent(share)), plain}}
	add := adder(&list)
	add("free", listing.Size(float64(f.Available))+" of "+listing.Size(float64(f.Total)), plain)
	if f.Inodes > 0 {
		add("inodes", listing.Percent(float64(f.FreeInodes)/float64(f.Inodes)), plain)
	}
	if left, ok := untilFull(f); ok {
		add("full in", listing.Span(left), bad)
	}
	if f.Growth >= 1 || f.Growth <= -1 {
		add("", fmt.Sprintf("%+.3gM/min", f.Growth*60/(1<<20)), warn)
	}
	add("", f.Type, dim)
	c.pieces(w+8, y, list...)
}

// takers lists all that takes space: what grows first, by its speed, and then by size.
func (d *disk) takers(m *Model) (list []taker) {
	s := m.state(d.host)
	if s.Set != nil {
		for i := range s.Set.Containers {
			box := &s.Set.Containers[i]
			r := listing.Row{Container: box}
			t := taker{kind: "container", name: box.Name, bytes: float64(r.Written())}
			if tr := m.trends[key{s.Name, box.ID}]; tr != nil {
				if t.growth = tr.growth(); t.growth < seenGrowth {
					t.growth = 0
				}
			}
			if box.Disk.Log > 0 {
				t.name += "  of it the log " + listing.Size(float64(box.Disk.Log))
			}
			list = append(list, t)
		}
	}
	if u := d.usage; u != nil {
		for _, i := range u.Images {
			name := listing.Clean(i.ID)
			if len(i.RepoTags) > 0 {
				name = i.RepoTags[0]
			}
			list = append(list, taker{kind: "image", name: name, bytes: float64(i.Size)})
		}
		for _, v := range u.Volumes {
			if v.UsageData != nil {
				list = append(list, taker{kind: "volume", name: v.Name, bytes: float64(v.UsageData.Size)})
			}
		}
	}
	list = slices.DeleteFunc(list, func(t taker) bool { return t.bytes <= 0 && t.growth == 0 })
	slices.SortStableFunc(list, func(a, b taker) int {
		return cmp.Or(cmp.Compare(b.growth, a.growth), cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.name, b.name))
	})
	return list
}

func (d *disk) drawTakers(c canvas, list []taker) {
	c.blank(0, 0, c.w, head)
	c.put(0, 0, 12, "WHAT", head)
	c.cell(12, 0, 8, "SIZE", true, head)
	c.cell(21, 0, 11, "GROWS/MIN", true, head)
	c.put(34, 0, c.w, "NAME", head)
	if d.err != nil {
		c.put(0, 1, c.w, d.err.Error(), bad)
		c = c.part(0, 1, c.w, c.h-1)
	}
	d.top = max(0, min(d.top, len(list)-c.h+1))
	for y := 1; y < c.h && d.top+y-1 < len(list); y++ {
		t := list[d.top+y-1]
		style := plain
		if t.growth > 0 {
			style = warn
		}
		c.put(0, y, 12, t.kind, style)
		c.cell(12, y, 8, listing.Size(t.bytes), true, style)
		if t.growth > 0 {
			c.cell(21, y, 11, "+"+listing.Size(t.growth*60), true, style)
		}
		c.put(34, y, c.w-34, t.name, style)
	}
}
