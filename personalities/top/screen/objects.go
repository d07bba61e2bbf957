package screen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// objects is the page of the images, volumes or networks of a host.
type objects struct {
	kind   *objectKind
	host   int
	table  *objectTable
	err    error
	at     int
	top    int
	filter string
	typing bool
	asked  time.Time
	height int
}

// objectTable is a list of objects. The first word of a row names it.
type objectTable struct {
	titles []string
	rows   []object
	foot   string
}

// object is a row: what it is to the daemon, and to people.
type object struct {
	target string
	cells  []string
}

// objectKind is what is done to a kind of objects.
type objectKind struct {
	list, title    string // verb, and title of the page
	remove, create string // verbs
	makes          string // the title of the form that creates one
	field          string
	key, text      string // that opens the form
}

func kinds() map[string]*objectKind {
	return map[string]*objectKind{
		"2": {images, "images", "remove image", "pull", "Pull an image", "Name", "p", "pull"},
		"3": {volumes, "volumes", "remove volume", "create volume", "Create a volume", "Name", "c", "create"},
		"4": {networks, "networks", "remove network", "create network", "Create a network", "Name", "c", "create"},
	}
}

func newObjects(host int, k string) *objects { return &objects{kind: kinds()[k], host: host} }

func (o *objects) title(m *Model) string {
	if len(m.states) > 1 {
		return o.kind.title + " of " + m.state(o.host).Name
	}
	return o.kind.title
}

func (o *objects) hints(*Model) []hint {
	if o.typing {
		return []hint{{"enter", "keep /" + o.filter}, {"esc", "clear"}}
	}
	list := []hint{{o.kind.key, o.kind.text}, {"D", "remove"}, {"/", "filter"}}
	if o.filter != "" {
		list = append(list, hint{"esc", "all, not only /" + o.filter})
	}
	return append(list, hint{"1", "containers"}, hint{"2", "images"}, hint{"3", "volumes"}, hint{"4", "networks"},
		hint{"5", "disk"}, hint{"esc", "back"}, hint{"?", "help"})
}

func (o *objects) wants(m *Model) []Request {
	if !o.asked.IsZero() && m.now.Sub(o.asked) < 5*time.Second && m.said == "" {
		return nil
	}
	o.asked = m.now
	return []Request{{Verb: o.kind.list, Host: o.host}}
}

func (o *objects) take(m *Model, a Answer) {
	if a.Verb != o.kind.list || a.Host != o.host {
		return
	}
	if o.err = a.Err; a.Err == nil {
		if t, ok := a.Data.(*objectTable); ok {
			o.table = t
		}
	}
}

// seen are the rows that match the filter.
func (o *objects) seen() (list []object) {
	if o.table == nil {
		return nil
	}
	for _, r := range o.table.rows {
		text := strings.ToLower(strings.Join(r.cells, "\n"))
		if !slices.ContainsFunc(strings.Fields(strings.ToLower(o.filter)),
			func(w string) bool { return !strings.Contains(text, w) }) {
			list = append(list, r)
		}
	}
	return list
}

func (o *objects) choose(i int) bool {
	o.at = i
	return false
}

func (o *objects) draw(c canvas, m *Model) {
	switch {
	case o.err != nil:
		c.put(0, 1, c.w, o.err.Error(), bad)
		return
	case o.table == nil:
		c.put(0, 1, c.w, "Waiting for an answer …", dim)
		return
	}
	list := o.seen()
	o.height = max(1, c.h-2)
	o.at = max(0, min(o.at, len(list)-1))
	o.top = max(0, min(o.top, len(list)-o.height))
	o.top = min(max(o.top, o.at-o.height+1), o.at)
	var cells [][]string
	for i := o.top; i < min(len(list), o.top+o.height); i++ {
		cells = append(cells, list[i].cells)
		c.click(0, i-o.top+1, c.w, "row:", i)
	}
	drawTable(c.part(0, 0, c.w, c.h-1), o.table.titles, cells, o.at-o.top)
	c.put(1, c.h-1, c.w-1, o.table.foot, dim)
}

func (o *objects) key(m *Model, k string) ([]Request, bool) {
	if o.typing {
		switch k {
		case "enter":
			o.typing = false
		case "esc":
			o.typing, o.filter = false, ""
		default:
			o.filter = typed(o.filter, k)
		}
		return nil, true
	}
	switch k {
	case "up":
		o.at = max(0, o.at-1)
	case "down":
		o.at++
	case "pgup":
		o.at = max(0, o.at-o.height)
	case "pgdn":
		o.at += o.height
	case "home":
		o.at = 0
	case "end":
		o.at = 1 << 30
	case "/":
		o.typing = true
	case "esc":
		if o.filter == "" {
			return nil, false
		}
		o.filter = ""
	case o.kind.key:
		m.dialog = o.form()
	case "D":
		if list := o.seen(); o.at < len(list) {
			r := list[o.at]
			return m.ask(Request{Verb: o.kind.remove, Host: o.host, Target: r.target, Name: r.cells[0]}), true
		}
	default:
		return nil, false
	}
	o.at = max(0, min(o.at, len(o.seen())-1))
	return nil, true
}

// form asks for the name of what is created or pulled.
func (o *objects) form() *form {
	return &form{title: o.kind.makes, fields: []field{{o.kind.field, ""}}, done: func(v []string) (Request, error) {
		if v[0] == "" {
			return Request{}, errors.New("a name is needed")
		}
		return Request{Verb: o.kind.create, Host: o.host, Target: v[0]}, nil
	}}
}

// count formats a number of things.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
