package screen

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/personalities/top/hosts"
)

// opened returns a model with the page of the container web.
func opened(t *testing.T) (*Model, *detail) {
	t.Helper()
	m := model(t, edge("default", noon))
	list := keys(m, "/", "w", "e", "b", "enter", "enter")
	d, ok := m.page().(*detail)
	if !ok || d.id != id(3) {
		t.Fatalf("%+v", m.page())
	}
	if len(list) != 2 || list[0].Verb != leave || list[1].Verb != history || list[1].Target != id(3) {
		t.Errorf("asked for %+v", list)
	}
	return m, d
}

func TestGraphs(t *testing.T) {
	m, _ := opened(t)
	sees(t, shot(t, m, 80, 24), "Waiting for an answer")
	web := Request{Verb: history, Target: id(3)}
	m.Take(Answer{Request: web, Err: errors.New("no history here")})
	sees(t, shot(t, m, 80, 24), "no history here")
	half, one := 0.5, 1.0
	m.Take(Answer{Request: web, Data: sample.History{At: noon, Step: 1, Columns: []string{"cpu", "memory", "rx", "lost"},
		Values: [][]*float64{{&half, &one, nil, &half}, {&one}}}})
	zero := 0.0
	if v, last, most := seriesOf(&sample.History{Columns: []string{"rx", "tx"}, Values: [][]*float64{{&one, nil, &zero},
		{&half, nil, nil}}}, []string{"rx", "tx"}, 4); fmt.Sprint(v) != "[NaN 1.5 NaN 0]" || last != 0 || most != 1.5 {
		t.Errorf("%v, last %v, most %v", v, last, most)
	}
	for _, size := range [][2]int{{80, 24}, {200, 50}, {40, 10}} {
		lines := shot(t, m, size[0], size[1])
		sees(t, lines, "CPU", "now 50%", "most 100%")
		sees(t, lines, "█")
	}
	sees(t, shot(t, m, 80, 24), "ports 8080->80/tcp")
	for _, row := range []struct {
		keys string
		span time.Duration
	}{{"-", time.Hour}, {"+", 10 * time.Minute}, {"+", 10 * time.Minute}, {"- - - - - - - - -", 365 * 24 * time.Hour}} {
		var list []Request
		for k := range strings.FieldsSeq(row.keys) {
			list = m.Key(k)
		}
		if len(list) != 1 || list[0].To.Sub(list[0].From) != row.span {
			t.Errorf("%s: %+v", row.keys, list)
		}
	}
	if list := m.Tick(noon.Add(time.Second)); len(list) != 0 {
		t.Errorf("asked too often: %+v", list)
	}
}

func TestTabs(t *testing.T) {
	m, d := opened(t)
	for i, verb := range []string{processes, log, events, inspect, history} {
		list := m.Key("tab")
		if len(list) != 2 || list[0].Verb != leave || list[1].Verb != verb {
			t.Errorf("tab %d: %+v", i+1, list)
		}
	}
	m.Key("tab")
	web := Request{Target: id(3)}
	web.Verb = processes
	m.Take(Answer{Request: web, Data: container.TopResponse{Titles: []string{"PID", "CMD"},
		Processes: [][]string{{"7", "nginx -g"}, {"8"}, {"9", "x", "more"}}}})
	sees(t, shot(t, m, 80, 24), "7", "nginx -g")
	keys(m, "backtab", "backtab")
	web.Verb = inspect
	i := container.InspectResponse{ID: id(3), Path: "nginx", Config: &container.Config{Env: []string{"TZ=UTC"},
		Labels: map[string]string{"owner": "anna"}}, HostConfig: &container.HostConfig{},
		Mounts: []container.MountPoint{{Type: "volume", Name: "data", Destination: "/srv"}}}
	i.HostConfig.Memory = 64 << 20
	m.Take(Answer{Request: web, Data: i})
	lines := shot(t, m, 80, 40)
	for _, words := range [][]string{{"command", "nginx"}, {"memory", "64M"}, {"volume ro", "/srv", "data"}, {"TZ=UTC"},
		{"owner=anna"}} {
		sees(t, lines, words...)
	}
	if d.tab != tabFacts {
		t.Errorf("tab %d", d.tab)
	}
	keys(m, "esc")
	if len(m.pages) != 1 {
		t.Error("still open")
	}
}

// A log is followed at its end; who has moved or searched stays there until f.
func TestLog(t *testing.T) {
	m, d := opened(t)
	keys(m, "l")
	web := Request{Verb: log, Target: id(3)}
	add := func(from, to int) {
		var lines logLines
		for i := from; i < to; i++ {
			lines = append(lines, logLine{fmt.Sprintf("line %d", i), i%10 == 0})
		}
		m.Take(Answer{Request: web, Data: lines})
	}
	add(0, 100)
	sees(t, shot(t, m, 80, 24), "line 99")
	keys(m, "/")
	for k := range strings.SplitSeq("LINE 42", "") {
		m.Key(k)
	}
	m.Key("enter")
	if lines := shot(t, m, 80, 24); place(lines, "line 42") != place(lines, "Graphs")+1 {
		t.Errorf("%q", lines)
	}
	add(100, 110)
	if place(shot(t, m, 80, 24), "line 109") >= 0 {
		t.Error("it follows although the user looks elsewhere")
	}
	keys(m, "esc", "f")
	sees(t, shot(t, m, 80, 24), "line 109")
	add(110, 3*maxLines)
	if len(d.log.lines) > 2*maxLines {
		t.Errorf("%d lines are kept", len(d.log.lines))
	}
	sees(t, shot(t, m, 80, 24), fmt.Sprintf("line %d", 3*maxLines-1))
	m.Take(Answer{Request: web, Data: logLines{{strings.Repeat("한", 60) + "END", false}}})
	sees(t, shot(t, m, 80, 24), "END") // on the second row of its line
	keys(m, "home")
	if d.log.follow || d.log.top != 0 {
		t.Error("not at the beginning")
	}
	// the container ends, and is started again: what follows is asked for, not all once more
	m.Take(Answer{Request: web})
	list := m.Tick(noon.Add(5 * time.Second))
	if len(list) != 1 || list[0].Verb != log || list[0].From.IsZero() {
		t.Errorf("%+v", list)
	}
}

func TestObjectPages(t *testing.T) {
	m := model(t, edge("default", noon))
	list := m.Key("2")
	if len(list) != 2 || list[1].Verb != images {
		t.Fatalf("%+v", list)
	}
	m.Take(Answer{Request: Request{Verb: images}, Data: &objectTable{titles: []string{"NAME", "SIZE"}, foot: "2 images",
		rows: []object{{"a:1", []string{"a:1", "5M"}}, {"b:2", []string{"b:2", "6M"}}}}})
	sees(t, shot(t, m, 80, 24), "a:1", "5M")
	keys(m, "down", "D")
	sees(t, shot(t, m, 80, 24), "Remove the image b:2?")
	if list = m.Key("y"); len(list) != 1 || list[0].Verb != "remove image" || list[0].Target != "b:2" {
		t.Errorf("%+v", list)
	}
	keys(m, "p")
	if list = m.Key("enter"); list != nil || m.dialog == nil {
		t.Errorf("an image without a name: %+v", list)
	}
	if list = keys(m, "n", "g", "enter"); len(list) != 1 || list[0].Verb != "pull" || list[0].Target != "ng" {
		t.Errorf("%+v", list)
	}
	keys(m, "/", "b", ":", "enter")
	if lines := shot(t, m, 80, 24); place(lines, "a:1") >= 0 {
		t.Errorf("%q", lines)
	}
	keys(m, "esc", "end", "down", "pgdn", "home", "up", "pgup")
	shot(t, m, 80, 24)
	m.Take(Answer{Request: Request{Verb: images}, Err: errors.New("gone")})
	sees(t, shot(t, m, 80, 24), "gone")
	if list = m.Key("3"); list[1].Verb != volumes {
		t.Errorf("%+v", list)
	}
	keys(m, "c", "esc")
	if list = m.Key("4"); list[1].Verb != networks || len(m.pages) != 2 {
		t.Errorf("%+v", list)
	}
}

// The page of the disk puts what grows first, and says when it is full.
func TestDisk(t *testing.T) {
	m := NewModel(Options{}, noon)
	for i := range 40 {
		s := edge("default", noon.Add(time.Duration(i)*time.Second))
		s.Set.Containers[3].Disk = sample.Disk{Writable: int64(i) << 20, Log: 1 << 20}
		s.Set.Containers[0].Disk = sample.Disk{Writable: 1 << 40}
		m.Update([]hosts.State{s}, s.Set.At)
	}
	if list := m.Key("5"); len(list) != 2 || list[1].Verb != usage {
		t.Errorf("%+v", list)
	}
	var u client.DiskUsage
	m.Take(Answer{Request: Request{Verb: usage}, Data: u})
	lines := shot(t, m, 80, 24)
	sees(t, lines, "/ (data)", "50%", "full in 14h", "+60M/min", "93%")
	sees(t, lines, "container", "+60M", "web  of it the log 1.0M")
	if place(lines, "web") > place(lines, "api") {
		t.Error("what grows is not first")
	}
}

func TestEventPage(t *testing.T) {
	m := model(t, edge("default", noon))
	if list := m.Key("6"); len(list) != 2 || list[1].Verb != events || list[1].Target != "" {
		t.Errorf("%+v", list)
	}
	all := Request{Verb: events}
	m.Take(Answer{Request: all, Data: "container die            web"})
	m.Take(Answer{Request: all, Data: "container exec_die: x    web"})
	lines := shot(t, m, 80, 24)
	sees(t, lines, "die", "web")
	if place(lines, "exec_die") >= 0 {
		t.Error("programs of health checks are shown")
	}
	if list := m.Key("x"); len(list) != 2 || list[1].Verb != events {
		t.Errorf("%+v", list)
	}
	m.Take(Answer{Request: all, Data: "container exec_die: x    web"})
	sees(t, shot(t, m, 80, 24), "exec_die")
	keys(m, "?")
	sees(t, shot(t, m, 80, 24), "fold or unfold a compose project")
	keys(m, "q", "q", "q")
	if !m.Ended() {
		t.Error("q on the first page does not leave")
	}
}
