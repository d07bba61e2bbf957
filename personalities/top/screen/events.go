package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"box/netapi/client"
)

// eventPage is the page of the events of a host, of the last day and as they come.
type eventPage struct {
	host  int
	asked bool
	execs bool // show programs that were executed; those of health checks come every few seconds
	pager pager
}

func newEvents(host int, _ string) *eventPage {
	return &eventPage{host: host, pager: pager{follow: true}}
}

func (e *eventPage) title(m *Model) string {
	if len(m.states) > 1 {
		return "events of " + m.state(e.host).Name
	}
	return "events"
}

func (e *eventPage) hints(*Model) []hint {
	list := e.pager.hints()
	if e.pager.typing {
		return list
	}
	return append(list, hint{"x", "execs"}, hint{"1", "containers"}, hint{"5", "disk"}, hint{"esc", "back"},
		hint{"?", "help"})
}

func (e *eventPage) wants(m *Model) []Request {
	if e.asked {
		return nil
	}
	e.asked = true
	return []Request{{Verb: events, Host: e.host, From: m.now.Add(-24 * time.Hour)}}
}

func (e *eventPage) take(_ *Model, a Answer) {
	if a.Verb != events || a.Host != e.host || a.Target != "" {
		return
	}
	if text, ok := a.Data.(string); ok && (e.execs || !strings.Contains(text, " exec_")) {
		style := plain
		if strings.Contains(text, " die ") || strings.Contains(text, " oom ") || strings.Contains(text, "unhealthy") {
			style = warn
		}
		e.pager.add(text, style)
	}
	if a.Err != nil {
		e.pager.add(a.Err.Error(), bad)
	}
	if a.Data == nil {
		e.asked = false
	}
}

func (e *eventPage) key(m *Model, k string) ([]Request, bool) {
	if k == "x" && !e.pager.typing {
		e.execs, e.asked, e.pager = !e.execs, false, pager{follow: true}
		return append([]Request{{Verb: leave}}, e.wants(m)...), true
	}
	return nil, e.pager.key(k)
}

func (e *eventPage) draw(c canvas, m *Model) {
	if s := m.state(e.host); s.Dead {
		m.drawDead(c, s, 0)
		c = c.part(0, 1, c.w, c.h-1)
	}
	if len(e.pager.lines) == 0 {
		c.put(0, 1, c.w, "No events yet.", dim)
	}
	e.pager.draw(c)
}

// eventText is an event in one line: when, what, to whom, and how.
func eventText(e *client.Event) string {
	at := time.Unix(0, e.TimeNano)
	if e.TimeNano == 0 {
		at = time.Unix(e.Time, 0)
	}
	name := e.Actor.Attributes["name"]
	if name == "" {
		name = e.Actor.ID[:min(12, len(e.Actor.ID))]
	}
	text := fmt.Sprintf("%s  %-9s %-14s %s", at.Local().Format("01-02 15:04:05"), e.Type, e.Action, name)
	for _, k := range sortedKeys(e.Actor.Attributes) {
		if slices.Contains([]string{"exitCode", "signal", "image", "container", "oldName", "execDuration"}, k) {
			text += "  " + k + "=" + e.Actor.Attributes[k]
		}
	}
	return text
}
