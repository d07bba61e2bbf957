package screen

import (
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/engine/stats/sample"
	"box/personalities/top/listing"
)

// detail is the page of one container.
type detail struct {
	host     int
	id, name string
	tab      int
	span     int // index of spans
	past     *sample.History
	pastErr  error
	asked    map[string]time.Time // when something was last asked for
	top      *container.TopResponse
	topErr   error
	log      pager
	logFrom  time.Time // since when the log is asked for again
	events   pager
	facts    pager
	width    int // of the graphs, as last drawn
}

// The tabs of a container.
const (
	tabGraphs = iota
	tabProcesses
	tabLog
	tabEvents
	tabFacts
)

var tabNames = []string{"Graphs", "Processes", "Log", "Events", "Details"}

// spans are how much of the past the graphs show.
var spans = []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	30 * 24 * time.Hour, 365 * 24 * time.Hour}

func newDetail(host int, id, name string) *detail {
	return &detail{host: host, id: id, name: name, asked: map[string]time.Time{}, log: pager{follow: true},
		events: pager{follow: true}, width: 80}
}

func (d *detail) title(*Model) string { return d.name }

// due tells whether to ask for something again, and notes that it is asked for.
func (d *detail) due(m *Model, verb string, interval time.Duration) bool {
	at, ok := d.asked[verb]
	if ok && m.now.Sub(at) < interval {
		return false
	}
	d.asked[verb] = m.now
	return true
}

// never is the interval of what is asked for once, and then follows.
const never = 1 << 60

func (d *detail) wants(m *Model) (list []Request) {
	ask := func(verb string, interval time.Duration) {
		if d.due(m, verb, interval) {
			span := spans[d.span]
			r := Request{Verb: verb, Host: d.host, Target: d.id, From: m.now.Add(-span), To: m.now,
				Points: max(20, d.width)}
			if verb == log {
				r.From = d.logFrom
			}
			list = append(list, r)
		}
	}
	switch d.tab {
	case tabGraphs:
		ask(history, max(2*time.Second, spans[d.span]/600))
	case tabProcesses:
		ask(processes, 2*time.Second)
	case tabLog:
		if d.logFrom.IsZero() {
			ask(log, never)
		} else {
			ask(log, 2*time.Second)
		}
	case tabEvents:
		ask(events, never)
	case tabFacts:
		ask(inspect, 10*time.Second)
	}
	return list
}

func (d *detail) take(m *Model, a Answer) {
	if a.Target != d.id || a.Host != d.host {
		return
	}
	switch v := a.Data.(type) {
	case sample.History:
		if a.Err == nil {
			d.past = &v
		}
	case container.TopResponse:
		if a.Err == nil {
			d.top = &v
		}
	case container.InspectResponse:
		d.facts = pager{top: d.facts.top, search: d.facts.search, lines: factsOf(&v)}
	case logLines:
		d.asked[log], d.logFrom = m.now.Add(never/2), m.now // it follows
		for _, l := range v {
			style := plain
			if l.stderr {
				style = warn
			}
			d.log.add(l.text, style)
		}
	case string:
		d.events.add(v, plain)
	}
	switch a.Verb {
	case history:
		d.pastErr = a.Err
	case processes:
		d.topErr = a.Err
	case log:
		if a.Err != nil {
			d.log.add(a.Err.Error(), bad)
		}
		if a.Data == nil { // ended, with the container: the next run goes on
			d.asked[log], d.logFrom = m.now, m.now
		}
	case events:
		if a.Err != nil {
			d.events.add(a.Err.Error(), bad)
		}
	}
}

func (d *detail) pager() *pager {
	switch d.tab {
	case tabLog:
		return &d.log
	case tabEvents:
		return &d.events
	case tabFacts:
		return &d.facts
	}
	return nil
}

func (d *detail) hints(m *Model) (list []hint) {
	if p := d.pager(); p != nil {
		list = p.hints()
		if p.typing {
			return list
		}
	}
	if d.tab == tabGraphs {
		list = append(list, hint{"+", "zoom in"}, hint{"-", "zoom out"})
	}
	return append(list, hint{"tab", "next"}, hint{"a", "act"}, hint{"e", "shell"}, hint{"u", "limits"},
		hint{"esc", "back"}, hint{"?", "help"})
}

func (d *detail) key(m *Model, k string) ([]Request, bool) {
	if p := d.pager(); p != nil && p.key(k) {
		return nil, true
	}
	switch k {
	case "tab", "right":
		return d.show(m, d.tab+1), true
	case "backtab", "left":
		return d.show(m, d.tab+len(tabNames)-1), true
	case "l":
		return d.show(m, tabLog), true
	case "+", "=":
		d.span = max(0, d.span-1)
	case "-":
		d.span = min(len(spans)-1, d.span+1)
	default:
		for i := range tabNames {
			if k == fmt.Sprintf("tab:%d", i) {
				return d.show(m, i), true
			}
		}
		return m.do(k, d.host, d.id)
	}
	delete(d.asked, history)
	return d.wants(m), true
}

// show shows a tab. What the one before has followed is left.
func (d *detail) show(m *Model, tab int) []Request {
	d.tab = tab % len(tabNames)
	d.log, d.events = pager{follow: true}, pager{follow: true}
	d.asked, d.logFrom = map[string]time.Time{}, time.Time{}
	return append([]Request{{Verb: leave}}, d.wants(m)...)
}

func (d *detail) draw(c canvas, m *Model) {
	box := m.find(d.host, d.id)
	y := 0
	if s := m.state(d.host); s.Dead {
		m.drawDead(c, s, 0)
		y++
	}
	if box == nil {
		c.put(0, y, c.w, d.name+" is gone.", bad)
		y++
	} else {
		y = d.drawNumbers(c, y, m.rowOf(d.host, box))
	}
	x := 0
	for i, name := range tabNames {
		style := plain
		if i == d.tab {
			style = chosen
		}
		n := c.put(x, y, c.w, " "+name+" ", style)
		c.click(x, y, n, fmt.Sprintf("tab:%d", i), 0)
		x += n + 1
	}
	if d.tab == tabGraphs {
		c.put(x+1, y, c.w, "last "+listing.Span(spans[d.span]), dim)
	}
	in := c.part(0, y+1, c.w, c.h-y-1)
	switch d.tab {
	case tabGraphs:
		d.drawGraphs(in)
	case tabProcesses:
		d.drawProcesses(in)
	default:
		d.pager().draw(in)
	}
}

// drawNumbers draws the state of the container, and what it uses of its limits.
func (d *detail) drawNumbers(c canvas, y int, r listing.Row) int {
	var one, two []piece
	a, b := adder(&one), adder(&two)
	one = append(one, piece{r.StateText(), styleOf("state", r)})
	if r.Health != "" {
		one = append(one, piece{"  " + r.Health, styleOf("health", r)})
	}
	a("image", r.Image, plain)
	a("policy", r.Policy, plain)
	if r.RestartsHour > 0 || r.Restarts > 0 {
		a("restarts", fmt.Sprintf("%d in 1h, %d in all", r.RestartsHour, r.Restarts), warn)
	}
	if r.Ended.Unix() > 0 {
		a("last exit", fmt.Sprintf("%d %s ago", r.Exit.Code, listing.Span(r.Now.Sub(r.Ended))), plain)
	}
	a("ports", r.PortText(), plain)
	cpu, memory := listing.Percent(r.Rate.CPU), listing.Size(float64(r.Memory.WorkingSet))
	if r.CPU.Limit > 0 {
		cpu += " of " + listing.Percent(r.CPU.Limit)
	}
	if r.Memory.Limit > 0 {
		memory += " of " + listing.Size(float64(r.Memory.Limit))
	}
	b("CPU", cpu, plain)
	b("memory", memory, plain)
	b("pids", fmt.Sprint(r.Pids.Current), plain)
	b("net", "↓"+listing.Size(r.Rate.Rx)+" ↑"+listing.Size(r.Rate.Tx), plain)
	b("disk", "r "+listing.Size(r.Rate.Read)+" w "+listing.Size(r.Rate.Written), plain)
	b("files", listing.Size(float64(max(0, r.Disk.Writable)))+" log "+listing.Size(float64(r.Disk.Log)), plain)
	if r.Memory.OOMKills > 0 || r.Exit.OOMKilled {
		b("", "OOM-killed", bad)
	}
	c.pieces(0, y, one...)
	c.pieces(0, y+1, two...)
	if r.LastError == "" {
		return y + 2
	}
	c.pieces(0, y+2, piece{"last error  ", dim}, piece{r.LastError, warn})
	return y + 3
}

func (d *detail) drawProcesses(c canvas) {
	switch {
	case d.topErr != nil:
		c.put(0, 1, c.w, d.topErr.Error(), bad)
	case d.top == nil:
		c.put(0, 1, c.w, "Waiting for an answer …", dim)
	default:
		drawTable(c, d.top.Titles, d.top.Processes, -1)
	}
}

// drawTable draws rows under their titles; each column is as wide as its widest text, and the last one has the rest.
func drawTable(c canvas, titles []string, table [][]string, at int) {
	widths := make([]int, len(titles))
	for i, t := range titles {
		widths[i] = textWidth(t)
		for _, row := range table {
			if i < len(row) {
				widths[i] = min(max(widths[i], textWidth(row[i])), max(12, c.w/2))
			}
		}
	}
	draw := func(y int, row []string, y0 int) {
		style := plain
		if y == 0 {
			style = head
		} else if y0 == at {
			style = bar
		}
		c.blank(0, y, c.w, style)
		x := 1
		for i, text := range row {
			if i >= len(widths) {
				break
			}
			w := widths[i]
			if i == len(widths)-1 {
				w = c.w - x
			}
			c.put(x, y, w, text, style)
			x += w + 2
		}
	}
	draw(0, titles, -1)
	for y, row := range table {
		draw(y+1, row, y)
	}
}
