package screen

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)

// simulated is a terminal that is none.
func simulated(t *testing.T, charset string, w, h int) tcell.SimulationScreen {
	t.Helper()
	s := tcell.NewSimulationScreen(charset)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	s.SetSize(w, h)
	t.Cleanup(s.Fini)
	return s
}

// shot draws a model, and returns the lines that are seen.
func shot(t *testing.T, m *Model, w, h int) []string {
	t.Helper()
	s := simulated(t, "UTF-8", w, h)
	m.Draw(s)
	s.Show()
	return read(s)
}

func read(s tcell.SimulationScreen) (lines []string) {
	cells, w, h := s.GetContents()
	for y := range h {
		var line strings.Builder
		for x := 0; x < w; x++ {
			c := cells[y*w+x]
			line.WriteString(string(c.Runes))
			if len(c.Runes) > 0 {
				x += max(0, textWidth(string(c.Runes))-1)
			}
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}

// sees fails unless one line has all of the words.
func sees(t *testing.T, lines []string, words ...string) {
	t.Helper()
	for _, l := range lines {
		all := true
		for _, w := range words {
			all = all && strings.Contains(l, w)
		}
		if all {
			return
		}
	}
	t.Errorf("no line has %q:\n%s", words, strings.Join(lines, "\n"))
}

// place is the number of the line that has a word, or -1.
func place(lines []string, word string) int {
	for y, l := range lines {
		if strings.Contains(l, word) {
			return y
		}
	}
	return -1
}

func id(n int) string { return fmt.Sprintf("%064x", n+1) }

// edge is a host with all that an operator asks of one.
func edge(name string, at time.Time) hosts.State {
	shop := map[string]string{"com.docker.compose.project": "가게"}
	return hosts.State{Name: name, Address: "unix:///s", Kind: hosts.Box, Since: at.Add(-time.Hour), Set: &sample.Set{
		At: at, Host: sample.Host{Name: "edge7", Version: "0.1.0", Driver: "overlay2", Booted: at.Add(-50 * 24 * time.Hour),
			Started: at.Add(-3 * time.Hour), CPUs: 4, Load: [3]float64{1.5, 1, 0.5}, Mode: sample.CPUModes{Idle: 1},
			Memory: sample.HostMemory{Total: 1 << 30, Available: 256 << 20}, CertEnds: at.Add(5 * 24 * time.Hour),
			Pressure: &sample.Pressure{IO: sample.Stall{SomePercent: 42}}, Rate: sample.HostRate{CPU: 2},
			Files: []sample.FileSystem{{Path: "/", Type: "ext4", Total: 100 << 30, Available: 50 << 30, Inodes: 100,
				FreeInodes: 93, Data: true, Growth: 1 << 20}},
			Heat: []sample.Heat{{Name: "soc", Celsius: 61}}, Daemon: sample.Daemon{Memory: 18 << 20}},
		Containers: []sample.Container{
			{ID: id(0), Name: "api", Image: "api:1", State: "running", Started: at.Add(-time.Hour), Labels: shop,
				Health: "healthy", Rate: sample.Rate{CPU: 0.5}, Memory: sample.Memory{WorkingSet: 95 << 20, Limit: 100 << 20}},
			{ID: id(1), Name: "db", Image: "db:2", State: "running", Started: at.Add(-time.Minute), Labels: shop,
				Rate: sample.Rate{CPU: 1.25}, RestartsHour: 4, Health: "unhealthy"},
			{ID: id(2), Name: "gone", Image: "job", State: "exited", Ended: at.Add(-90 * time.Second),
				Exit: sample.Exit{Code: 137, OOMKilled: true}, LastError: "panic: no cookies", Policy: "no"},
			{ID: id(3), Name: "web", Image: "nginx", State: "running", Started: at.Add(-time.Hour), Rate: sample.Rate{CPU: 0.75},
				Ports: []string{"0.0.0.0:8080->80/tcp"}, Memory: sample.Memory{WorkingSet: 5 << 20}},
		}}}
}

func model(t *testing.T, states ...hosts.State) *Model {
	t.Helper()
	m := NewModel(Options{}, noon)
	m.Update(states, noon)
	return m
}

// keys presses keys, and returns the requests of all.
func keys(m *Model, list ...string) (out []Request) {
	for _, k := range list {
		out = append(out, m.Key(k)...)
	}
	return out
}

// The first screen at 80x24 has the answers to an operator's first questions.
func TestFirstScreen(t *testing.T) {
	m := model(t, edge("default", noon))
	lines := shot(t, m, 80, 24)
	for _, words := range [][]string{
		{"edge7", "box 0.1.0", "overlay2", "cert 5d", "up 50d", "daemon 3h"},
		{"CPU", "50% of 4", "load 1.5 1.0 0.5", "61°C", "io 42%", "wait 0%"},
		{"Mem", "75% of 1.0G", "daemon 18M", "io r0 w0"},
		{"Disk", "50% of 100G", "free 50G", "inodes 93%", "full in 14h"},
		{"disk full in 14h", "api at 95% of its memory"}, {"db unhealthy"}, {"gone OOM-killed 1m ago"},
		{"restarted 4×"}, {"certificate ends in 5d"},
		{"NAME", "STATE", "CPU", "MEM", "%LIM", "R/h"},
		{"web", "up 1h", "75%", "5.0M"},
		{"gone", "exit 137 1m", "OOM-killed: panic: no cookies"},
		{"가게", "2 of 2 up", "175%"},
	} {
		sees(t, lines, words...)
	}
	keys(m, "end")
	lines = shot(t, m, 80, 24)
	sees(t, lines, "last error  panic: no cookies")
	sees(t, lines, "last exit OOM, 137, 1m ago", "policy no")
	keys(m, "/", "w", "e", "b", "enter")
	sees(t, shot(t, m, 80, 24), "ports 8080->80/tcp")
}

func TestColumnsFit(t *testing.T) {
	m := model(t, edge("a", noon), edge("b", noon))
	for w := minWidth; w <= 220; w += 7 {
		for h := minHeight; h <= 60; h += 9 {
			for y, l := range shot(t, m, w, h) {
				if textWidth(l) > w {
					t.Errorf("%dx%d: line %d is wider: %q", w, h, y, l)
				}
			}
		}
	}
	sees(t, shot(t, m, 20, 5), "too small")
	sees(t, shot(t, model(t, edge("a", noon)), 200, 50), "PORTS", "IMAGE", "LAST ERROR", "PIDS")
}

// Wide letters take two cells, and the columns after them stay where they are.
func TestWide(t *testing.T) {
	s := edge("default", noon)
	s.Set.Containers[3].Name = "웹서버-한국어-이름이-아주-길어서-잘립니다"
	m := model(t, s)
	w := simulated(t, "UTF-8", 80, 24)
	m.Draw(w)
	w.Show()
	cells, width, _ := w.GetContents()
	lines := read(w)
	y, head := place(lines, "웹서버"), place(lines, "NAME")
	if y < 0 || !strings.Contains(lines[y], "…") {
		t.Fatalf("%q", lines)
	}
	at := strings.Index(lines[head], "STATE") // the head is of letters with one cell
	if got := string(cells[y*width+at].Runes) + string(cells[y*width+at+1].Runes); got != "up" {
		t.Errorf("the state stands elsewhere: %q in %q", got, lines[y])
	}
}

// What names, images, errors and logs say reaches no terminal as anything but text.
func TestHostile(t *testing.T) {
	evil := "\x1b]0;evil\a\x1b[2J\u009b31m\u202e\r\n\x00"
	s := edge("default"+evil, noon)
	h := &s.Set.Host
	h.Name, h.Driver, h.Version, h.Clock, h.Warnings = "x"+evil, evil, evil, evil, []string{evil}
	h.Heat[0].Name, h.Files[0].Path, h.Files[0].Type = evil, evil, evil
	for i := range s.Set.Containers {
		c := &s.Set.Containers[i]
		c.Name, c.Image, c.LastError, c.Policy, c.Ports = c.Name+evil, evil, evil, evil, []string{evil}
		c.Labels = map[string]string{"com.docker.compose.project": "p" + evil}
	}
	m := model(t, s, hosts.State{Name: evil, Dead: true, Err: evil, Since: noon})
	views := [][]string{{}, {"h"}, {"a"}, {"esc", "D"}, {"n", "u"}, {"esc", "down", "enter"}, {"esc", "2"}, {"5"}, {"6"}}
	for _, k := range views {
		keys(m, k...)
		for _, a := range []Answer{
			{Request: Request{Verb: images}, Data: &objectTable{titles: []string{evil}, rows: []object{{evil, []string{evil}}}}},
			{Request: Request{Verb: events}, Data: evil},
			{Request: Request{Verb: log, Target: id(0)}, Data: logLines{{evil, true}}},
			{Request: Request{Verb: "stop"}, Err: fmt.Errorf("%s", evil)},
		} {
			m.Take(a)
		}
		screen := simulated(t, "UTF-8", 120, 40)
		m.Draw(screen)
		screen.Show()
		cells, _, _ := screen.GetContents()
		for _, c := range cells {
			if text := string(c.Bytes); strings.ContainsAny(text, "\x00\x1b\a\r\n\u009b\u202e") {
				t.Fatalf("after %q a cell holds %q", k, text)
			}
		}
	}
}

// ascii are the characters that any terminal can show.
func ascii() string {
	var all []byte
	for c := byte(' '); c <= '~'; c++ {
		all = append(all, c)
	}
	return string(all)
}

// A terminal without blocks shows the same in ASCII.
func TestASCII(t *testing.T) {
	m := model(t, edge("default", noon))
	s := simulated(t, "US-ASCII", 80, 24)
	fallBack(s)
	m.Draw(s)
	s.Show()
	text := ""
	cells, _, _ := s.GetContents()
	for _, c := range cells {
		text += string(c.Bytes)
	}
	if !strings.Contains(text, "###") || !strings.Contains(text, "restarted 4x") || strings.Trim(text, ascii()) != "" {
		t.Errorf("%q", text)
	}
}
