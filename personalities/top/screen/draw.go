package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// Draw draws the whole screen.
func (m *Model) Draw(s tcell.Screen) {
	w, h := s.Size()
	m.areas = m.areas[:0]
	s.HideCursor()
	s.Fill(' ', plain)
	all := canvas{s, 0, 0, w, h, &m.areas}
	m.drawTitle(all)
	m.page().draw(all.part(0, 1, w, h-2), m)
	m.drawFoot(all.part(0, h-1, w, 1))
	if m.dialog != nil {
		m.areas = m.areas[:0]
		m.dialog.draw(all)
	}
	if w < minWidth || h < minHeight {
		s.Fill(' ', plain)
		all.put(0, 0, w, fmt.Sprintf("%dx%d is too small: %dx%d at least", w, h, minWidth, minHeight), bold)
	}
}

const (
	minWidth  = 40
	minHeight = 10
)

// drawTitle draws the first line: the page, and the host that it is about.
func (m *Model) drawTitle(c canvas) {
	c.blank(0, 0, c.w, bar)
	x := c.put(0, 0, c.w, " box top ", chosen)
	right := m.now.Local().Format(time.TimeOnly) + " "
	left := " " + m.page().title(m)
	switch {
	case len(m.states) == 1 || m.only >= 0:
		s := m.state(max(0, m.only))
		if len(m.pages) == 1 {
			left = identity(s)
		}
		left = " " + nameOf(s) + left
	case len(m.pages) == 1:
		dead := 0
		for _, s := range m.states {
			if s.Dead {
				dead++
			}
		}
		left = fmt.Sprintf(" %d hosts", len(m.states))
		if dead > 0 {
			left += fmt.Sprintf(", %d dead", dead)
		}
	}
	c.put(x, 0, c.w-x-len(right)-1, left, bar)
	c.put(c.w-len(right), 0, len(right), right, bar)
}

// nameOf is what a host is called: as the user did, but where that is only an address, as it calls itself.
func nameOf(s hosts.State) string {
	if s.Set != nil && s.Set.Host.Name != "" && s.Name == "default" {
		return s.Set.Host.Name
	}
	return strings.TrimPrefix(strings.TrimPrefix(s.Name, "unix://"), "tcp://")
}

// elided shortens a name that is too wide: a path from its beginning, since the ends of paths differ.
func elided(name string, w int) string {
	name = listing.Clean(name)
	if textWidth(name) <= w || !strings.HasPrefix(name, "/") {
		return name
	}
	return "…" + tailOf(name, w-1)
}

// identity tells what a host is: daemon, driver, how long it and its machine are up, its certificate and its clock.
func identity(s hosts.State) string {
	if s.Set == nil {
		return ""
	}
	h := &s.Set.Host
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Kind == hosts.Box {
		add("box %s", h.Version)
	} else {
		add("%s", s.Kind)
	}
	if h.Driver != "" {
		add("%s", h.Driver)
	}
	if h.Clock != "" {
		add("clock!")
	}
	if !h.CertEnds.IsZero() {
		add("cert %s", listing.Span(h.CertEnds.Sub(s.Set.At)))
	}
	if !h.Booted.IsZero() {
		add("up %s", listing.Span(s.Set.At.Sub(h.Booted)))
	}
	if !h.Started.IsZero() {
		add("daemon %s", listing.Span(s.Set.At.Sub(h.Started)))
	}
	return "  " + strings.Join(parts, " · ")
}

// drawFoot draws the last line: the result of the last action, what is typed into the filter, or the keys.
func (m *Model) drawFoot(c canvas) {
	x := 0
	if l := &m.list; m.page() == page(l) && (l.typing || l.filter != "") {
		x = c.pieces(0, 0, piece{"/", bold}, piece{l.filter, bold})
		if l.typing {
			c.s.ShowCursor(c.x+x, c.y)
		}
		x += 2
	}
	if m.said != "" {
		style := good
		if m.saidBad {
			style = bad
		}
		c.put(x, 0, c.w-x, m.said, style)
		return
	}
	for _, h := range m.page().hints(m) {
		n := textWidth(h.key) + textWidth(h.text) + 3
		if x+n > c.w+1 {
			break
		}
		c.put(x, 0, c.w, h.key, head)
		c.put(x+textWidth(h.key), 0, c.w, " "+h.text, plain)
		c.click(x, 0, n-1, h.key, 0)
		x += n
	}
}
