package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
	"box/personalities/top/rules"
)

// Model is all that the screen shows. Keys, measurements and answers change it and draw reads it; it starts nothing
// itself, but returns what is to be done as requests.
type Model struct {
	now     time.Time
	states  []hosts.State
	only    int // index of the one host that is shown; -1: all
	trends  map[key]*trend
	pages   []page // the last one is shown
	dialog  dialog // over the page; nil: none
	said    string // the result of the last action
	saidBad bool
	saidAt  time.Time
	areas   []area // of the last drawing
	list    list
	rules   *rules.Rules // nil: what this package finds wrong is shown
	ruled   rules.State
	ended   bool
}

// page is one thing to look at.
type page interface {
	title(m *Model) string
	hints(m *Model) []hint
	draw(c canvas, m *Model)
	key(m *Model, k string) ([]Request, bool) // false: the key is none of the page
	wants(m *Model) []Request                 // what is to be asked for now
	take(m *Model, a Answer)
}

// hint is a key of the bottom line.
type hint struct{ key, text string }

// dialog is a question over a page.
type dialog interface {
	draw(c canvas)
	key(m *Model, k string) []Request
}

// NewModel returns the model of hosts before anything is known of them.
func NewModel(o Options, now time.Time) *Model {
	m := &Model{now: now, rules: o.Rules, only: -1, trends: map[key]*trend{}}
	m.list = newList(o)
	m.pages = []page{&m.list}
	return m
}

// Ended tells whether the user has left.
func (m *Model) Ended() bool { return m.ended }

// Update takes what is known of the hosts now.
func (m *Model) Update(states []hosts.State, now time.Time) {
	m.states, m.now = states, now
	for _, s := range states {
		m.remember(s)
	}
	m.judge()
	m.list.arrange(m)
}

// Tick lets time pass, and returns what is to be asked for.
func (m *Model) Tick(now time.Time) []Request {
	m.now = now
	if m.said != "" && now.Sub(m.saidAt) > saidFor {
		m.said = ""
	}
	return m.page().wants(m)
}

// saidFor is how long the result of an action is shown.
const saidFor = 8 * time.Second

func (m *Model) page() page { return m.pages[len(m.pages)-1] }

// open shows a page over the one that is shown, and asks for what it needs.
func (m *Model) open(p page) []Request {
	m.pages = append(m.pages, p)
	return append([]Request{{Verb: leave}}, p.wants(m)...)
}

// back returns to the page before.
func (m *Model) back() []Request {
	if len(m.pages) == 1 {
		return nil
	}
	m.pages = m.pages[:len(m.pages)-1]
	return append([]Request{{Verb: leave}}, m.page().wants(m)...)
}

// jump shows a page over the first one alone: what the digits open.
func (m *Model) jump(p page) []Request {
	m.pages = m.pages[:1]
	if p == nil {
		return []Request{{Verb: leave}}
	}
	return m.open(p)
}

// say shows a result until the next.
func (m *Model) say(bad bool, text string) { m.said, m.saidBad, m.saidAt = text, bad, m.now }

// Take takes the answer to a request.
func (m *Model) Take(a Answer) []Request {
	if text, ok := a.Data.(progress); ok {
		m.say(false, fmt.Sprintf("%s %s: %s", a.Verb, a.label(), text))
		return nil
	}
	if a.changes() {
		if a.Err != nil {
			m.say(true, a.Err.Error())
		} else {
			m.say(false, a.done())
		}
		return m.page().wants(m)
	}
	for _, p := range m.pages {
		p.take(m, a)
	}
	return nil
}

// Key handles a key, and returns what is to be done.
func (m *Model) Key(k string) []Request {
	if k == "ctrl-c" {
		m.ended = true
		return nil
	}
	if m.dialog != nil {
		return m.dialog.key(m, k)
	}
	if requests, ok := m.page().key(m, k); ok {
		return requests
	}
	switch k {
	case "q":
		if len(m.pages) == 1 {
			m.ended = true
			return nil
		}
		return m.back()
	case "esc":
		return m.back()
	case "?":
		return m.open(&help{})
	case "1":
		return m.jump(nil)
	case "2", "3", "4":
		return m.jump(newObjects(m.host(), k))
	case "5":
		return m.jump(&disk{host: m.host()})
	case "6":
		return m.jump(newEvents(m.host(), ""))
	case "h":
		return m.turn(1)
	case "H":
		return m.turn(-1)
	}
	return nil
}

// turn shows the next of: all hosts, and each one.
func (m *Model) turn(by int) []Request {
	n := len(m.states) + 1
	if n <= 2 {
		return nil
	}
	m.only = (m.only+1+by+n)%n - 1
	m.list.arrange(m)
	if len(m.pages) > 1 {
		return m.jump(nil)
	}
	return nil
}

// Mouse handles a click or a turn of the wheel.
func (m *Model) Mouse(x, y int, buttons tcell.ButtonMask) []Request {
	switch {
	case buttons&tcell.WheelUp != 0:
		return m.Key("up")
	case buttons&tcell.WheelDown != 0:
		return m.Key("down")
	case buttons&tcell.Button1 == 0:
		return nil
	}
	for i := len(m.areas) - 1; i >= 0; i-- {
		if a := m.areas[i]; a.y == y && a.x <= x && x < a.x+a.w {
			if word, ok := strings.CutPrefix(a.key, "row:"); ok {
				return m.row(word, a.row)
			}
			return m.Key(a.key)
		}
	}
	return nil
}

// row is a click on a row of a list: the first chooses it, one on the chosen row opens it.
func (m *Model) row(_ string, i int) []Request {
	p, ok := m.page().(interface{ choose(i int) bool })
	if ok && m.dialog == nil && p.choose(i) {
		return m.Key("enter")
	}
	return nil
}

// host is the index of the host that pages without containers are about.
func (m *Model) host() int {
	if m.only >= 0 {
		return m.only
	}
	if it := m.list.current(); it != nil && it.host >= 0 {
		return it.host
	}
	return 0
}

// state returns the state of a host.
func (m *Model) state(host int) hosts.State {
	if host < 0 || host >= len(m.states) {
		return hosts.State{}
	}
	return m.states[host]
}

// find returns a container of a host, or nil if it is gone.
func (m *Model) find(host int, id string) *sample.Container {
	s := m.state(host)
	if s.Set == nil {
		return nil
	}
	for i := range s.Set.Containers {
		if s.Set.Containers[i].ID == id {
			return &s.Set.Containers[i]
		}
	}
	return nil
}

// rowOf returns a container as a row.
func (m *Model) rowOf(host int, c *sample.Container) listing.Row {
	s := m.state(host)
	return listing.Row{Host: s.Name, Container: c, Now: s.Set.At}
}
