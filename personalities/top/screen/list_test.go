package screen

import (
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
	"box/personalities/top/rules"
)

// order returns the names of the lines of the list.
func order(m *Model) string {
	var names []string
	for _, it := range m.list.items {
		if it.project != "" {
			names = append(names, "["+it.project+"]")
		} else {
			names = append(names, it.row.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestListKeys(t *testing.T) {
	for _, row := range []struct{ keys, want string }{
		{"", "[가게] db api web gone"},
		{"i", "[가게] api db web gone"},
		{"g", "db web api gone"},
		{"x", "[가게] db api web"},
		{"left", "[가게] web gone"},
		{"space", "[가게] web gone"},
		{"space space", "[가게] db api web gone"},
		{"down left", "[가게] web gone"},
		{"/ n g i", "web"},
		{"/ e x i t e d enter esc", "[가게] db api web gone"},
		{"/ n o n e", ""},
		{"g sort:memory", "api web db gone"},
		{"g sort:name", "api db gone web"},
		{"g sort:name sort:name", "web gone db api"},
		{"g sort:restarts", "db api gone web"},
		{"F", "[가게] web gone"}, {"F F", "[가게] db api web gone"},
		{"g >", "api db web gone"}, {"g <", "db api gone web"},
	} {
		m := model(t, edge("default", noon))
		for k := range strings.FieldsSeq(row.keys) {
			if k == "space" {
				k = " "
			}
			m.Key(k)
		}
		if got := order(m); got != row.want {
			t.Errorf("%s: %q, want %q", row.keys, got, row.want)
		}
		shot(t, m, 80, 24)
	}
}

// The cursor stays on its container while the order changes, and finds a place when it is gone.
func TestCursorStays(t *testing.T) {
	m := model(t, edge("default", noon))
	keys(m, "g", "down", "down")
	if it := m.list.current(); it.row.Name != "api" {
		t.Fatalf("on %s", it.row.Name)
	}
	s := edge("default", noon.Add(time.Second))
	s.Set.Containers[0].Rate.CPU = 9
	m.Update([]hosts.State{s}, noon.Add(time.Second))
	if it := m.list.current(); it.row.Name != "api" || m.list.at != 0 {
		t.Errorf("on %s, line %d", it.row.Name, m.list.at)
	}
	s = edge("default", noon.Add(2*time.Second))
	s.Set.Containers = s.Set.Containers[3:]
	m.Update([]hosts.State{s}, noon.Add(2*time.Second))
	if it := m.list.current(); it == nil || it.row.Name != "web" {
		t.Errorf("on %+v", it)
	}
	s.Set = &sample.Set{At: noon.Add(3 * time.Second)}
	m.Update([]hosts.State{s}, noon)
	keys(m, "down", "enter", "s", "D", "l", "end", "pgdn", " ")
	sees(t, shot(t, m, 80, 24), "No containers.")
}

// What destroys asks first, and what is asked for is done to the container under the cursor, on its host.
func TestActs(t *testing.T) {
	for _, row := range []struct{ keys, want string }{
		{"s", ""}, {"s y", "stop db"}, {"s n", ""}, {"s enter", ""}, {"r y", "restart db"}, {"K y", "kill db"},
		{"p", "pause db"}, {"e", "shell db"}, {"D y", "remove db"}, {"D esc", ""},
		{"a s y", "stop db"}, {"a enter y", "stop db"}, {"a esc s n", ""}, {"end s", "start gone"}, {"end p", ""},
		{"end e", ""}, {"end D y", "remove gone"},
		{"u 6 4 M enter", "update db"}, {"u n o enter", ""}, {"u esc", ""}, {"u tab 2 enter", "update db"},
	} {
		m := model(t, edge("one", noon), edge("two", noon))
		keys(m, "h", "h", "g")
		var got []string
		for k := range strings.FieldsSeq(row.keys) {
			for _, r := range m.Key(k) {
				got = append(got, r.Verb+" "+r.Name)
				if r.Host != 1 || r.Target == "" {
					t.Errorf("%s: %+v", row.keys, r)
				}
			}
		}
		if strings.Join(got, ", ") != row.want {
			t.Errorf("%s: %q, want %q", row.keys, got, row.want)
		}
	}
	m := model(t, edge("one", noon), edge("two", noon))
	keys(m, "g", "D")
	sees(t, shot(t, m, 80, 24), "Remove db", "anonymous volumes")
	sees(t, shot(t, m, 80, 24), "On one.")
	m.Key("y")
	m.Take(Answer{Request: Request{Verb: "remove", Name: "db"}, Err: nil})
	sees(t, shot(t, m, 80, 24), "removed db")
	m.Tick(noon.Add(time.Minute))
	if place(shot(t, m, 80, 24), "removed db") >= 0 {
		t.Error("the result stays for ever")
	}
}

// A file of rules says what is wrong in the place of what the screen finds of the same kind.
func TestRules(t *testing.T) {
	limits, err := rules.Parse("rules", strings.NewReader("memory > 50%\nrestarts > 9\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := NewModel(Options{Rules: &limits}, noon)
	s := edge("default", noon)
	m.Update([]hosts.State{s}, noon)
	texts := map[string]bool{}
	for _, p := range m.problems(s) {
		texts[p.text] = true
	}
	if texts["api at 95% of its memory"] || texts["db restarted 4× in 1h"] || !texts["db unhealthy"] {
		t.Errorf("%v", texts)
	}
	alerts := m.ruled.Alerts()
	if len(alerts) != 1 || !texts[alerts[0].Text] || !strings.Contains(alerts[0].Text, "api") {
		t.Errorf("%+v in %v", alerts, texts)
	}
}

// A click chooses and opens a line, sorts by a title, and presses the keys of the last line.
func TestMouse(t *testing.T) {
	m := model(t, edge("default", noon))
	m.Key("g")
	click := func(word string) []Request {
		t.Helper()
		lines := shot(t, m, 100, 24)
		y := place(lines, word)
		x := textWidth(lines[max(0, y)][:max(0, strings.Index(lines[max(0, y)], word))])
		return m.Mouse(x, y, tcell.Button1)
	}
	click("nginx") // nowhere: the image of web is in no column
	click("up 1h")
	if it := m.list.current(); it.row.Name != "web" {
		t.Errorf("on %s", it.row.Name)
	}
	click("NAME")
	if got := order(m); got != "api db gone web" {
		t.Error(got)
	}
	m.Mouse(0, 0, tcell.WheelUp)
	if it := m.list.current(); it.row.Name != "gone" {
		t.Errorf("on %s", it.row.Name)
	}
	click("filter")
	if !m.list.typing {
		t.Error("a click on a key is not that key")
	}
	m.Key("esc")
	click("exit 137")
	if len(m.pages) != 2 {
		t.Error("a click on the chosen line opens nothing")
	}
	click("Log")
	if d, ok := m.page().(*detail); !ok || d.tab != tabLog {
		t.Errorf("%+v", m.page())
	}
}

// Several hosts stand side by side, a dead one with the time of its death.
func TestHosts(t *testing.T) {
	dead := edge("three", noon)
	dead.Dead, dead.Err, dead.Since = true, "connection refused", noon.Add(-5*time.Minute)
	far := hosts.State{Name: "oracle", Kind: hosts.Docker, Set: &sample.Set{At: noon, Host: sample.Host{Name: "far",
		CPUs: 2, Memory: sample.HostMemory{Total: 1 << 30}}}}
	m := model(t, edge("one", noon), edge("two", noon), dead, far, hosts.State{Name: "new"})
	lines := shot(t, m, 80, 24)
	sees(t, lines, "5 hosts, 1 dead")
	sees(t, lines, "one", "50%", "75%", "3/4", "50d", "box")
	sees(t, lines, "three", "dead since 11:55:00 (5m): connection refused")
	sees(t, lines, "oracle", "0/0", "Docker")
	sees(t, lines, "new", "connecting")
	sees(t, lines, "HOST", "NAME")
	keys(m, "h", "h", "h")
	lines = shot(t, m, 80, 24)
	sees(t, lines, "DEAD since 11:55:00 (5m), shown as it was: connection refused")
	sees(t, lines, "web", "75%")
	if n := strings.Count(order(m), "web"); n != 1 {
		t.Errorf("%d hosts are shown", n)
	}
	m.Key("H")
	m.Key("H")
	m.Key("H")
	if m.only != -1 {
		t.Errorf("only host %d", m.only)
	}
	groups := hosts.State{Name: "default", Kind: hosts.Groups, Dead: true, Since: noon, Err: "nobody listens",
		Set: &sample.Set{At: noon}}
	sees(t, shot(t, model(t, groups), 80, 24), "No daemon", "control groups are read")
}

// Sparklines and growth come from what was seen, and from the history before.
func TestTrends(t *testing.T) {
	m := NewModel(Options{}, noon)
	for i := range 30 {
		s := edge("default", noon.Add(time.Duration(i)*time.Second))
		s.Set.Containers[3].Disk = sample.Disk{Writable: int64(i) << 20}
		m.Update([]hosts.State{s}, s.Set.At)
		m.Update([]hosts.State{s}, s.Set.At) // the same once more
	}
	tr := m.trends[key{"default", id(3)}]
	if len(tr.cpu) != 30 || tr.growth() < 0.99*(1<<20) || tr.growth() > 1.01*(1<<20) {
		t.Errorf("%d values, growth %v", len(tr.cpu), tr.growth())
	}
	sees(t, shot(t, m, 120, 24), "most web +60M")
	shot(t, m, 80, 24)
	asked := m.Tick(noon.Add(30 * time.Second))
	if len(asked) != 3 || asked[0].Verb != history { // of those that run
		t.Errorf("%+v", asked)
	}
	if again := m.Tick(noon.Add(31 * time.Second)); len(again) != 0 {
		t.Errorf("asked again: %+v", again)
	}
	one := 0.25
	m.Take(Answer{Request: Request{Verb: history, Target: id(3)}, Data: sample.History{At: noon.Add(-3 * time.Second),
		Step: 1, Columns: []string{"cpu", "memory"}, Values: [][]*float64{{&one, nil, &one, &one, &one}, {&one}}}})
	if len(tr.cpu) != 32 || tr.cpu[0] != 0.25 || tr.cpu[2] != 0.75 {
		t.Errorf("%d values: %v", len(tr.cpu), tr.cpu)
	}
	s := edge("default", noon.Add(time.Minute))
	s.Set.Containers = s.Set.Containers[:3]
	m.Update([]hosts.State{s}, s.Set.At)
	if m.trends[key{"default", id(3)}] != nil {
		t.Error("what is gone is remembered")
	}
}
