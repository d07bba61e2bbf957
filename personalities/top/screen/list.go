package screen

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// list is the first page: the hosts, and the containers of those that are shown.
type list struct {
	sort    string
	reverse bool
	filter  string
	typing  bool // keys go to the filter
	running bool // hide what does not run
	flat    bool // no projects
	folded  map[string]bool

	items  []item
	cursor key // stays on a container however the order changes
	at     int
	moved  bool // by the user: until then the cursor is on the first line
	top    int  // first item that is seen
	height int  // of the last drawing
}

// item is a line of the list: a container, or the head of a project.
type item struct {
	host    int
	row     listing.Row
	project string // whose head it is
	inside  bool   // of a project
	sum     sums
}

// sums are the numbers of a project.
type sums struct {
	running, all, restarts int
	cpu, memory, rx, tx    float64
}

func newList(o Options) list {
	return list{sort: cmp.Or(o.Sort, "cpu"), reverse: o.Reverse, filter: strings.TrimSpace(o.Filter), running: o.Running,
		folded: map[string]bool{}}
}

func (i *item) key() key {
	if i.project != "" {
		return key{i.row.Host, "project " + i.project}
	}
	return key{i.row.Host, i.row.ID}
}

// arrange makes the lines anew from the measurements.
func (l *list) arrange(m *Model) {
	var rows []listing.Row
	hostOf := map[string]int{}
	for i, s := range m.states {
		if m.only >= 0 && m.only != i || s.Set == nil {
			continue
		}
		hostOf[s.Name] = i
		for k := range s.Set.Containers {
			r := listing.Row{Host: s.Name, Container: &s.Set.Containers[k], Now: s.Set.At}
			if r.Matches(l.filter) && (r.Live() || !l.running) {
				rows = append(rows, r)
			}
		}
	}
	by, ok := listing.Find(l.sort)
	if !ok {
		by, _ = listing.Find("cpu")
	}
	listing.Sort(rows, by, l.reverse)
	l.items = nil
	heads := map[key]bool{}
	for _, r := range rows {
		it := item{host: hostOf[r.Host], row: r}
		project := r.Project()
		if project == "" || l.flat {
			l.items = append(l.items, it)
			continue
		}
		head := item{host: it.host, row: listing.Row{Host: r.Host, Container: r.Container, Now: r.Now}, project: project}
		if heads[head.key()] {
			continue // with its project, where that first appears
		}
		heads[head.key()] = true
		l.project(head, rows)
	}
	l.restore()
}

// project adds the head of a project and, unless it is folded, its containers.
func (l *list) project(head item, rows []listing.Row) {
	var inside []item
	for _, r := range rows {
		if r.Host != head.row.Host || r.Project() != head.project {
			continue
		}
		inside = append(inside, item{host: head.host, row: r, inside: true})
		s := &head.sum
		s.all++
		if r.Live() {
			s.running++
		}
		s.restarts += r.RestartsHour
		s.cpu, s.memory = s.cpu+r.Rate.CPU, s.memory+float64(r.Memory.WorkingSet)
		s.rx, s.tx = s.rx+r.Rate.Rx, s.tx+r.Rate.Tx
	}
	l.items = append(l.items, head)
	if !l.folded[head.row.Host+"/"+head.project] {
		l.items = append(l.items, inside...)
	}
}

// restore puts the cursor on what it was on, or on what took its place.
func (l *list) restore() {
	i := slices.IndexFunc(l.items, func(i item) bool { return i.key() == l.cursor })
	switch {
	case !l.moved:
		l.at = 0
	case i >= 0:
		l.at = i
	}
	l.move(0)
}

// move moves the cursor.
func (l *list) move(by int) {
	l.moved = l.moved || by != 0
	l.at = max(0, min(l.at+by, len(l.items)-1))
	if l.at < len(l.items) {
		l.cursor = l.items[l.at].key()
	}
}

// current returns the line under the cursor, or nil.
func (l *list) current() *item {
	if l.at >= len(l.items) {
		return nil
	}
	return &l.items[l.at]
}

func (l *list) choose(i int) bool {
	same := l.at == i
	l.at, l.moved = i, true
	l.move(0)
	return same
}

func (l *list) title(*Model) string { return "containers" }

// prefill is how many sparklines are asked for at a time.
const prefill = 10

// wants asks for the past of the containers that are seen, once each, for their sparklines.
func (l *list) wants(m *Model) (list []Request) {
	for i := l.top; i < min(len(l.items), l.top+l.height+1) && len(list) < prefill; i++ {
		it := &l.items[i]
		t := m.trends[it.key()]
		if t == nil || t.asked || m.state(it.host).Kind != hosts.Box || !it.row.Live() {
			continue
		}
		t.asked = true
		list = append(list, Request{Verb: history, Host: it.host, Target: it.row.ID, From: m.now.Add(-2 * time.Minute),
			To: m.now, Points: 120})
	}
	return list
}

// take puts the past before what was seen.
func (l *list) take(m *Model, a Answer) {
	h, ok := a.Data.(sample.History)
	t := m.trends[key{m.state(a.Host).Name, a.Target}]
	if !ok || a.Err != nil || t == nil || h.Step > 2 || len(t.cpu) > maxTrend/4 {
		return
	}
	t.before(&h)
}

func (l *list) hints(m *Model) []hint {
	if l.typing {
		return []hint{{"enter", "keep"}, {"esc", "clear"}}
	}
	list := []hint{{"enter", "open"}, {"a", "act"}, {"l", "log"}, {"e", "shell"}, {"/", "filter"}, {">", "sort"}}
	if len(m.states) > 1 {
		list = append(list, hint{"h", "host"})
	}
	return append(list, hint{"2", "images"}, hint{"5", "disk"}, hint{"6", "events"}, hint{"?", "help"}, hint{"q", "quit"})
}

func (l *list) key(m *Model, k string) ([]Request, bool) {
	if l.typing {
		l.typeKey(m, k)
		return nil, true
	}
	switch k {
	case "up":
		l.move(-1)
	case "down":
		l.move(1)
	case "pgup":
		l.move(-max(1, l.height-1))
	case "pgdn":
		l.move(max(1, l.height-1))
	case "home":
		l.move(-len(l.items))
	case "end":
		l.move(len(l.items))
	case "/":
		l.typing = true
	case "esc":
		if l.filter == "" {
			return nil, false
		}
		l.filter = ""
		l.arrange(m)
	case "<", ">":
		l.resort(m, k == ">")
	case "i":
		l.reverse = !l.reverse
		l.arrange(m)
	case "x":
		l.running = !l.running
		l.arrange(m)
	case "g":
		l.flat = !l.flat
		l.arrange(m)
	case "F":
		l.foldAll(m)
	case " ", "left", "right":
		l.fold(m, k)
	case "enter", "l":
		return l.enter(m, k)
	default:
		if name, ok := strings.CutPrefix(k, "sort:"); ok {
			l.reverse = l.sort == name && !l.reverse
			l.sort = name
			l.arrange(m)
			return nil, true
		}
		if it := l.current(); it != nil && it.project == "" {
			return m.do(k, it.host, it.row.ID)
		}
		return nil, false
	}
	return nil, true
}

// enter opens the container under the cursor, or folds the project.
func (l *list) enter(m *Model, k string) ([]Request, bool) {
	it := l.current()
	if it == nil {
		return nil, true
	}
	if it.project != "" {
		l.fold(m, " ")
		return nil, true
	}
	p := newDetail(it.host, it.row.ID, it.row.Name)
	if k == "l" {
		p.tab = tabLog
	}
	return m.open(p), true
}

// fold folds or unfolds the project of the line under the cursor.
func (l *list) fold(m *Model, k string) {
	it := l.current()
	if it == nil {
		return
	}
	project := it.project
	if it.inside {
		project = it.row.Project()
	}
	if project == "" {
		return
	}
	name := it.row.Host + "/" + project
	l.folded[name] = k == "left" || k == " " && !l.folded[name]
	if l.folded[name] {
		l.moved = true
		l.cursor = key{it.row.Host, "project " + project}
	}
	l.arrange(m)
}

// foldAll folds all projects, or unfolds them if there is none to fold.
func (l *list) foldAll(m *Model) {
	open := false
	for i := range l.items {
		it := &l.items[i]
		open = open || it.project != "" && !l.folded[it.row.Host+"/"+it.project]
	}
	for i := range l.items {
		if it := &l.items[i]; it.project != "" {
			l.folded[it.row.Host+"/"+it.project] = open
		}
	}
	l.arrange(m)
}

func (l *list) typeKey(m *Model, k string) {
	switch k {
	case "enter":
		l.typing = false
	case "esc":
		l.typing, l.filter = false, ""
	case "up", "down":
		l.typing = false
		l.key(m, k)
		return
	default:
		l.filter = typed(l.filter, k)
	}
	l.arrange(m)
}

// resort sorts by the next column or the one before.
func (l *list) resort(m *Model, next bool) {
	names := listing.Names()
	i := slices.Index(names, l.sort)
	if next {
		i++
	} else {
		i += len(names) - 1
	}
	l.sort, l.reverse = names[i%len(names)], false
	l.arrange(m)
}
