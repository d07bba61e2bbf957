package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"

	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// shown is a column of the list with its place.
type shown struct {
	listing.Column
	x, w  int
	spark string // of which trend, for a column that is none of listing's
}

// ranked are the columns in the order in which they get a place.
var ranked = []string{"name", "state", "cpu", "memory", "limit", "restarts", "health", "~cpu", "host", "rx", "tx",
	"disk", "pids", "written", "read", "~memory", "throttled", "ports", "error", "image"}

// placed are the columns in the order in which they stand.
var placed = []string{"name", "host", "state", "health", "cpu", "~cpu", "throttled", "memory", "~memory", "limit",
	"restarts", "rx", "tx", "read", "written", "pids", "disk", "image", "ports", "error"}

// widths are those of columns whose texts have any.
var widths = map[string]int{"name": 16, "host": 12, "image": 22, "ports": 26, "error": 24, "~cpu": 8, "~memory": 8}

// columns chooses what fits into a width. What is left goes to the names and to the last column.
func (l *list) columns(w int, hosts bool) []shown {
	var use []string
	left := w - 2
	for _, name := range ranked {
		if name == "host" && !hosts {
			continue
		}
		c := columnOf(name)
		if c.w+1 > left {
			break
		}
		left -= c.w + 1
		use = append(use, name)
	}
	var list []shown
	x := 2
	for _, name := range placed {
		if !slices.Contains(use, name) {
			continue
		}
		c := columnOf(name)
		if name == "name" {
			extra := min(left, 16)
			c.w += extra
			left -= extra
		}
		c.x = x
		x += c.w + 1
		list = append(list, c)
	}
	if n := len(list); n > 0 && !list[n-1].Right {
		list[n-1].w += left
	}
	return list
}

func columnOf(name string) shown {
	of, isSpark := strings.CutPrefix(name, "~")
	c, _ := listing.Find(of)
	s := shown{Column: c, w: max(c.Width, len(c.Title))}
	if w := widths[name]; w > 0 {
		s.w = w
	}
	if isSpark {
		s.spark, s.Title, s.Right = of, "", false
	}
	return s
}

func (l *list) draw(c canvas, m *Model) {
	y := m.drawHeads(c)
	foot := 2
	if c.h-y < 8 {
		foot = 0
	}
	l.table(c.part(0, y, c.w, c.h-y-foot), m)
	if foot > 0 {
		l.detail(c.part(0, c.h-foot, c.w, foot), m)
	}
}

// table draws the heads of the columns and the lines.
func (l *list) table(c canvas, m *Model) {
	cols := l.columns(c.w, len(m.states) > 1 && m.only < 0)
	c.blank(0, 0, c.w, head)
	for _, col := range cols {
		title := col.Title
		style := head
		if col.Name == l.sort && col.spark == "" {
			style = head.Reverse(true)
		}
		if col.spark != "" {
			continue
		}
		c.cell(col.x, 0, col.w, title, col.Right, style)
		c.click(col.x, 0, col.w, "sort:"+col.Name, 0)
	}
	l.height = max(1, c.h-1)
	l.top = max(0, min(l.top, len(l.items)-l.height))
	l.top = min(max(l.top, l.at-l.height+1), l.at)
	for y := 1; y < c.h && l.top+y-1 < len(l.items); y++ {
		i := l.top + y - 1
		l.line(c, y, &l.items[i], cols, m, i == l.at)
		c.click(0, y, c.w, "row:", i)
	}
	if len(l.items) == 0 {
		c.put(2, 2, c.w-2, l.empty(m), dim)
	}
}

func (l *list) empty(m *Model) string {
	for _, s := range m.states {
		if s.Set != nil && l.filter != "" {
			return "No container matches " + l.filter + ". Esc shows all."
		}
		if s.Set != nil {
			return "No containers."
		}
	}
	return "Waiting for an answer …"
}

// line draws one container, or the head of a project.
func (l *list) line(c canvas, y int, it *item, cols []shown, m *Model, at bool) {
	base := plain
	if at {
		base = bar
		c.blank(0, y, c.w, base)
		c.put(0, y, 1, "▸", base)
	}
	if it.project != "" {
		l.head(c, y, it, cols, elided(nameOf(m.state(it.host)), widths["host"]), base)
		return
	}
	if s := m.state(it.host); s.Dead && s.Kind != hosts.Groups {
		at, base = true, base.Dim(true) // as it was: no colour says how it is
	}
	t := m.trends[it.key()]
	for i, col := range cols {
		switch {
		case col.spark != "" && t != nil && it.row.Live():
			values, most := t.cpu, 1.0
			if col.spark == "memory" {
				values, most = t.memory, largest(t.memory)
				if it.row.Memory.Limit > 0 {
					most = float64(it.row.Memory.Limit)
				}
			} else if it.row.CPU.Limit > 0 {
				most = it.row.CPU.Limit
			}
			c.spark(col.x, y, col.w, values, most, toned(base, calm, at))
		case col.spark != "":
		case col.Name == "name" && it.inside:
			c.cell(col.x+2, y, col.w-2, it.row.Name, false, base)
		case !it.row.Live() && col.Name == "cpu":
			// a container that does not run uses nothing: how it ended has the place
			end := cols[len(cols)-1]
			c.put(col.x, y, end.x+end.w-col.x, ended(it.row), toned(base, dim, at))
			return
		case col.Name == "host":
			c.cell(col.x, y, col.w, elided(nameOf(m.state(it.host)), col.w), false, toned(base, dim, at))
		default:
			c.cell(col.x, y, col.w, col.Text(it.row), col.Right, toned(base, styleOf(cols[i].Name, it.row), at))
		}
	}
}

// head draws the head of a project with its sums.
func (l *list) head(c canvas, y int, it *item, cols []shown, where string, base tcell.Style) {
	mark := "▾ "
	if l.folded[it.row.Host+"/"+it.project] {
		mark = "▸ "
	}
	s := it.sum
	texts := map[string]string{"name": mark + it.project, "state": fmt.Sprintf("%d of %d up", s.running, s.all),
		"cpu": listing.Percent(s.cpu), "memory": listing.Size(s.memory), "rx": listing.Size(s.rx),
		"tx": listing.Size(s.tx), "restarts": fmt.Sprint(s.restarts), "host": where}
	for _, col := range cols {
		if text := texts[col.Name]; text != "" && col.spark == "" {
			c.cell(col.x, y, col.w, text, col.Right, base.Bold(true))
		}
	}
}

// toned gives a line its colour, unless the cursor is on it.
func toned(base, style tcell.Style, at bool) tcell.Style {
	if at {
		return base
	}
	return style
}

// styleOf is the colour of a cell.
func styleOf(column string, r listing.Row) tcell.Style {
	switch column {
	case "state":
		switch r.State {
		case "running":
			return good
		case "restarting", "dead":
			return bad
		case "paused":
			return warn
		}
		return dim
	case "health":
		if r.Health == "unhealthy" {
			return bad
		}
		return good
	case "limit":
		if share := r.MemoryShare(); share >= 0.75 {
			return graded(share)
		}
	case "restarts":
		if r.RestartsHour > 0 {
			return warn
		}
		return dim
	case "throttled":
		if r.Rate.Throttled >= heldBack {
			return warn
		}
	case "error":
		return warn
	}
	return plain
}

// ended tells how a container that does not run has ended, and why.
func ended(r listing.Row) string {
	parts := []string{}
	if r.State == "exited" && r.Exit.Code == 0 {
		parts = append(parts, "done")
	}
	if text := r.Trouble(); text != "" {
		parts = append(parts, text)
	}
	if r.RestartsHour > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts in 1h", r.RestartsHour))
	}
	return strings.Join(parts, " · ")
}

func largest(values []float64) float64 {
	if len(values) == 0 {
		return 1
	}
	return max(slices.Max(values), 1)
}

// detail tells of the container under the cursor what the columns have no place for.
func (l *list) detail(c canvas, m *Model) {
	c.blank(0, 0, c.w, dim)
	it := l.current()
	if it == nil || it.project != "" {
		return
	}
	r := it.row
	list := []piece{{r.Name, bold}, {"  " + r.Image, plain}}
	add := func(label, text string, style tcell.Style) {
		if text != "" {
			list = append(list, piece{"  " + label, dim}, piece{text, style})
		}
	}
	add("ports ", r.PortText(), plain)
	add("policy ", r.Policy, plain)
	if !r.Ended.IsZero() && r.Ended.Unix() > 0 {
		style := plain
		text := fmt.Sprintf("%d, %s ago", r.Exit.Code, listing.Span(r.Now.Sub(r.Ended)))
		if r.Exit.OOMKilled {
			text, style = "OOM, "+text, bad
		}
		add("last exit ", text, style)
	}
	if t := m.trends[it.key()]; t != nil {
		if g := t.growth(); g >= 1 {
			add("grows ", listing.Size(g*60)+"/min", warn)
		}
	}
	c.pieces(0, 0, list...)
	c.blank(0, 1, c.w, plain)
	if r.LastError != "" {
		c.pieces(0, 1, piece{"last error  ", dim}, piece{r.LastError, warn})
	}
}
