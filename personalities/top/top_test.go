package top

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
	"box/personalities/cmd"
	"box/personalities/docker/clienttest"
)

// monitored answers with a measurement as box sends it, and with a history.
func monitored(t *testing.T) *clienttest.Daemon {
	set := sample.Set{At: time.Now(), Host: sample.Host{Name: "edge", CPUs: 2, Rate: sample.HostRate{CPU: 1}},
		Containers: []sample.Container{
			{ID: strings.Repeat("a", 64), Name: "idle", Image: "redis", State: "running", Rate: sample.Rate{CPU: 0.01},
				Memory: sample.Memory{WorkingSet: 5 << 20}},
			{ID: strings.Repeat("b", 64), Name: "busy", Image: "nginx\x1b[2J", State: "running", Rate: sample.Rate{CPU: 1.5},
				Memory: sample.Memory{WorkingSet: 1 << 20, Limit: 4 << 20}, RestartsHour: 4},
			{ID: strings.Repeat("c", 64), Name: "gone", Image: "job", State: "exited", Ended: time.Now().Add(-90 * time.Minute),
				Exit: sample.Exit{Code: 3}, LastError: "no such table"}}}
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	one, two := 0.5, 2.0
	history := func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(sample.History{Series: r.FormValue("series"), At: time.Unix(60, 0), Step: 10,
			Columns: []string{"cpu", "memory"}, Values: [][]*float64{{&one, nil}, {&two, &two}}})
	}
	return clienttest.New(t, Command.Main, map[string]http.HandlerFunc{
		"GET /monitor": func(w http.ResponseWriter, r *http.Request) {
			w.Write(append(raw, '\n'))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"GET /monitor/history": history,
	})
}

func TestTable(t *testing.T) {
	d := monitored(t)
	r := d.Docker(t, "", "--once")
	lines := strings.Split(strings.TrimSpace(r.Out), "\n")
	if r.Code != 0 || len(lines) != 6 || strings.Contains(r.Out, "\x1b") {
		t.Fatalf("%d %q %s", r.Code, r.Out, r.Stderr)
	}
	for i, want := range []string{"default: 2 of 3 containers run, CPU 100% of 2", "", "NAME", "busy", "idle",
		"gone"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d: %q, want %q", i, lines[i], want)
		}
	}
	for i, want := range map[int][]string{3: {"150%", "1.0M", "25%", " 4"}, 5: {"exit 3 1h", "no such table"}} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d: %q has no %q", i, lines[i], w)
			}
		}
	}
	for args, want := range map[string]string{"--sort memory": "idle busy gone", "--sort name": "busy gone idle",
		"--sort name -r": "idle gone busy", "--running": "busy idle", "-f exited": "gone",
		"--sort restarts idle busy": "busy idle",
		"aaaaaa":                    "idle"} {
		r := d.Docker(t, "", append([]string{"--once"}, strings.Fields(args)...)...)
		var names []string
		for line := range strings.Lines(r.Out) {
			if w := strings.Fields(line); len(w) > 2 && w[0] != "NAME" && w[0] != "default:" {
				names = append(names, w[0])
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q\n%s%s", args, got, want, r.Out, r.Stderr)
		}
	}
}

func TestForPrograms(t *testing.T) {
	d := monitored(t)
	r := d.Docker(t, "", "--json", "-H", d.Host, "-H", "unix:///nowhere")
	dec := json.NewDecoder(strings.NewReader(r.Out))
	var live, dead line
	if err := dec.Decode(&live); err != nil || live.Host != d.Host || live.Kind != "box" || len(live.Set.Containers) != 3 {
		t.Errorf("%v %+v", err, live)
	}
	if err := dec.Decode(&dead); err != nil || !dead.Dead || dead.Error == "" || dead.Set != nil {
		t.Errorf("%v %+v", err, dead)
	}
	if r.Code != 1 || !strings.Contains(r.Stderr, "unix:///nowhere: Cannot connect") {
		t.Errorf("a dead host: %d %q", r.Code, r.Stderr)
	}
	r = d.Docker(t, "", "--csv", "--running")
	lines := strings.Split(strings.TrimSpace(r.Out), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "time,id,name,state,") || !strings.Contains(lines[1], ",1.5,") ||
		strings.Contains(r.Out, "\x1b") {
		t.Errorf("%q", r.Out)
	}
}

func TestSince(t *testing.T) {
	d := monitored(t)
	r := d.Docker(t, "", "--since", "2h", "--points", "7", "busy")
	if r.Code != 0 || !strings.Contains(r.Out, "CPU") || !strings.Contains(r.Out, "50%") ||
		strings.Count(r.Out, "\n") != 4 {
		t.Errorf("%d %q %q", r.Code, r.Out, r.Stderr)
	}
	asked := ""
	for _, s := range d.Seen {
		if strings.HasPrefix(s, "GET /monitor/history") {
			asked = s
		}
	}
	if !strings.Contains(asked, "points=7") || !strings.Contains(asked, "series="+strings.Repeat("b", 64)) {
		t.Errorf("%q", asked)
	}
	r = d.Docker(t, "", "--since", "1m", "--csv")
	const want = "time,host,name,cpu,memory\n1970-01-01T00:01:00Z,default,,0.5,2\n1970-01-01T00:01:10Z,default,,,2\n"
	if r.Out != want {
		t.Errorf("%q", r.Out)
	}
	r = d.Docker(t, "", "--since", "1m", "--json")
	var c chapter
	if err := json.Unmarshal([]byte(r.Out), &c); err != nil || c.Series != "host" || len(c.Values) != 2 {
		t.Errorf("%v %q", err, r.Out)
	}
	if r = d.Docker(t, "", "--since", "1m", "nobody"); r.Code != 1 ||
		!strings.Contains(r.Stderr, "no such container: nobody") {
		t.Errorf("%+v", r)
	}
}

// A history that a daemon spoils prints what it has.
func TestSpoiltHistory(t *testing.T) {
	v := 1.0
	for _, h := range []sample.History{{}, {Columns: []string{"cpu"}}, {Values: [][]*float64{{&v}}},
		{Columns: []string{"a\x1b", "b"}, Values: [][]*float64{{&v, &v}, {&v}}}} {
		c := []chapter{{History: h}}
		var csv, table strings.Builder
		if err := historyCSV(&csv, c); err != nil {
			t.Error(err)
		}
		if err := historyTables(&table, c); err != nil || strings.Contains(table.String()+csv.String(), "\x1b") {
			t.Errorf("%v %q", err, table.String())
		}
	}
}

func TestOptions(t *testing.T) {
	for args, want := range map[string]string{
		"--json --csv": "exclude each other", "--sort memry": "Did you mean: memory", "--since -5s": "positive",
		"--points 0": "at least one", "--context none": "context not found", "-H what://x": "invalid bind address",
	} {
		r := clienttest.Run(t, Command.Main, t.TempDir(), nil, strings.NewReader(""), strings.Fields(args)...)
		if r.Code == 0 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: %d %q", args, r.Code, r.Stderr)
		}
	}
	var help strings.Builder
	err := Command.Main(context.Background(), &cmd.Env{Args: []string{"--help"}, Stdout: &help, Stderr: io.Discard,
		Getenv: func(string) string { return "" }})
	if err != nil || !strings.Contains(help.String(), "--all-contexts") {
		t.Error(err, fmt.Sprintf("%q", help.String()))
	}
}

// Wide letters take two places.
func TestAlign(t *testing.T) {
	var out strings.Builder
	err := align(&out, []string{"NAME", "MEM", "X"}, []bool{false, true, false}, [][]string{{"웹서버", "5.0M", "one"},
		{"db", "12K", ""}})
	if want := "NAME     MEM  X\n웹서버  5.0M  one\ndb       12K\n"; err != nil || out.String() != want {
		t.Errorf("%v\n%s%s", err, out.String(), want)
	}
}
