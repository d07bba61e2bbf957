package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// healthy is a host on which all is well, with a container web.
func healthy() View {
	set := &sample.Set{Host: sample.Host{CPUs: 4, Memory: sample.HostMemory{Total: 1000, Available: 500},
		Files: []sample.FileSystem{{Path: "/boot", Total: 10}, {Path: "/data", Data: true, Total: 1000, Free: 500,
			Available: 500, Inodes: 100, FreeInodes: 50}}},
		Containers: []sample.Container{{ID: "1", Name: "web", State: "running", Policy: "always", Health: "healthy",
			Memory: sample.Memory{WorkingSet: 50, Limit: 100}, CPU: sample.CPU{Limit: 2}, Rate: sample.Rate{CPU: 0.5}}}}
	return View{Host: "edge", Set: set, Daemon: true}
}

func parse(t *testing.T, text string) Rules {
	t.Helper()
	all, err := Parse("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKinds: what each rule finds, and what it leaves alone.
func TestKinds(t *testing.T) {
	first := func(v *View) *sample.Container { return &v.Set.Containers[0] }
	exited := func(policy string, code int, byHand bool) func(*View) {
		return func(v *View) {
			c := first(v)
			c.State, c.Policy, c.Exit.Code, c.ByHand, c.Ended = "exited", policy, code, byHand, noon.Add(-time.Hour)
		}
	}
	for _, c := range []struct {
		rule   string
		change func(*View)
		want   string // of the alert's text; "" for none
	}{
		{"memory > 90%", func(v *View) { first(v).Memory.WorkingSet = 91 }, "web has 91 % of the memory, its limit"},
		{"memory > 90%", func(v *View) { first(v).Memory.WorkingSet = 90 }, ""},
		{"memory > 90%", func(v *View) { first(v).Memory = sample.Memory{WorkingSet: 950} }, "the host's"},
		{"memory > 90%", func(v *View) { first(v).Memory = sample.Memory{WorkingSet: 950, Limit: 1 << 62} },
			"the host's"},
		{"memory > 90%", func(v *View) { first(v).Memory.WorkingSet, first(v).State = 99, "exited" }, ""},
		{"memory > 90%", func(v *View) { first(v).Memory, v.Set.Host.Memory.Total = sample.Memory{WorkingSet: 1}, 0 },
			""},
		{"memory > 90% on web", func(v *View) { first(v).Memory.WorkingSet = 91 }, "web has"},
		{"memory > 90% on w*,x", func(v *View) { first(v).Memory.WorkingSet = 91 }, "web has"},
		{"memory > 90% on db", func(v *View) { first(v).Memory.WorkingSet = 91 }, ""},
		{"memory > 90% not w*", func(v *View) { first(v).Memory.WorkingSet = 91 }, ""},
		{"memory > 90% at edge", func(v *View) { first(v).Memory.WorkingSet = 91 }, "web has"},
		{"memory > 90% at core", func(v *View) { first(v).Memory.WorkingSet = 91 }, ""},
		{"cpu > 80%", func(v *View) { first(v).Rate.CPU = 1.9 }, "web uses 95 % of its processors"},
		{"cpu > 80%", func(v *View) { first(v).Rate.CPU, first(v).CPU.Limit = 1.9, 0 }, ""},
		{"restarts > 3", func(v *View) { first(v).RestartsHour = 4 }, "web was started again 4 times in an hour"},
		{"restarts > 3", func(v *View) { first(v).RestartsHour = 3 }, ""},
		{"unhealthy", func(v *View) { first(v).Health = "unhealthy" }, "web is unhealthy"},
		{"unhealthy", func(v *View) { first(v).Health, first(v).State = "unhealthy", "exited" }, ""},
		{"unhealthy", func(v *View) { first(v).Health = "starting" }, ""},
		{"stopped", exited("always", 0, false), "web is stopped, with exit code 0, and should run"},
		{"stopped for 30m", exited("unless-stopped", 1, false), "with exit code 1"},
		{"stopped for 2h", exited("unless-stopped", 1, false), ""},
		{"stopped", exited("always", 0, true), ""},
		{"stopped", exited("", 1, false), ""},
		{"stopped", exited("no", 1, false), ""},
		{"stopped", exited("on-failure", 0, false), ""},
		{"stopped", exited("on-failure", 2, false), "with exit code 2"},
		{"disk > 95%", func(v *View) { v.Set.Host.Files[1].Available = 40 }, "/data has used 96 % of its space"},
		{"disk > 95%", func(v *View) { v.Set.Host.Files[0].Available = 0 }, ""},
		{"disk > 95%", func(v *View) { v.Set.Host.Files = nil }, ""},
		{"inodes > 90%", func(v *View) { v.Set.Host.Files[1].FreeInodes = 5 }, "95 % of its inodes"},
		{"inodes > 90%", func(v *View) { v.Set.Host.Files[1].Inodes, v.Set.Host.Files[1].FreeInodes = 0, 0 }, ""},
		{"disk full within 1h", func(v *View) { v.Set.Host.Files[1].Growth = 1 }, "/data is full in 8m0s"},
		{"disk full within 1h", func(v *View) { v.Set.Host.Files[1].Growth = 0.01 }, ""},
		{"disk full within 1h", func(v *View) { v.Set.Host.Files[1].Growth = -1 }, ""},
		{"certificate ends within 14d", func(v *View) { v.Set.Host.CertEnds = noon.AddDate(0, 0, 13) },
			"ends 2026-12-13"},
		{"certificate ends within 14d", func(v *View) { v.Set.Host.CertEnds = noon.AddDate(0, 0, -1) },
			"ends 2026-11-29"},
		{"certificate ends within 14d", func(v *View) { v.Set.Host.CertEnds = noon.AddDate(0, 0, 15) }, ""},
		{"host memory > 90%", func(v *View) { v.Set.Host.Memory.Available = 50 }, "the host has used 95 % of its memory"},
		{"host cpu > 90%", func(v *View) { v.Set.Host.Rate.CPU = 3.9 }, "the host uses 98 % of its processors"},
		{"host gone", func(v *View) { v.Dead, v.Err = true, "connection refused" },
			"the host does not answer: connection refused"},
		{"host gone", func(v *View) { *v = View{Host: "edge", Dead: true} }, "the host does not answer"},
		{"host gone for 1m", func(v *View) { v.Dead, v.Since = true, noon.Add(-2*time.Minute) }, "the host does not answer"},
		{"host gone for 1m", func(v *View) { v.Dead, v.Since = true, noon.Add(-50*time.Second) }, ""},
		{"host gone", func(v *View) { v.Daemon = false }, ""},
		{"daemon gone", func(v *View) { v.Daemon = false }, "no daemon answers on the host"},
		{"daemon gone", func(v *View) { v.Dead, v.Daemon = true, false }, ""},
		{"daemon gone", func(v *View) { *v = View{Host: "edge"} }, ""},
	} {
		v := healthy()
		if _, changes := parse(t, c.rule).Evaluate(State{}, []View{v}, noon); len(changes) != 0 {
			t.Errorf("%s: %v though all is well", c.rule, changes)
		}
		c.change(&v)
		_, changes := parse(t, c.rule).Evaluate(State{}, []View{v}, noon)
		got := ""
		if len(changes) == 1 {
			got = changes[0].Text
		}
		if (c.want == "") != (len(changes) == 0) || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %q", c.rule, changes, c.want)
		}
	}
}

// told runs a story: at each time a value of the memory of web, -1 for a host that is dead, -2 for no container, -3 for
// nothing measured at all. The state goes through JSON each time, as over a restart.
func told(t *testing.T, rule string, story string) string {
	t.Helper()
	all := parse(t, rule)
	var s State
	var out []string
	for _, word := range strings.Fields(story) {
		var seconds, memory int
		if _, err := fmt.Sscanf(word, "%d:%d", &seconds, &memory); err != nil {
			t.Fatal(word, err)
		}
		v := healthy()
		views := []View{v}
		switch memory {
		case -1:
			views[0].Dead = true
		case -2:
			v.Set.Containers = nil
		case -3:
			views = nil
		default:
			v.Set.Containers[0].Memory.WorkingSet = uint64(memory)
		}
		raw, err := json.Marshal(s)
		var kept State
		if err == nil {
			err = json.Unmarshal(raw, &kept)
		}
		if err != nil {
			t.Fatal(err)
		}
		var changes []Alert
		s, changes = all.Evaluate(kept, views, noon.Add(time.Duration(seconds)*time.Second))
		for _, a := range changes {
			what := "+"
			if !a.Ended.IsZero() {
				what = "-"
			}
			out = append(out, fmt.Sprintf("%s%d", what, seconds))
		}
	}
	return strings.Join(out, " ")
}

// TestOnce: an alert is told once when it has lasted, and once when it is over as long, over restarts, through short
// breaks, and through what is not known.
func TestOnce(t *testing.T) {
	for _, c := range []struct{ name, rule, story, want string }{
		{"at once", "memory > 90%", "0:95 10:96 20:97 30:50 40:50 50:95", "+0 -30 +50"},
		{"lasting", "memory > 90% for 1m", "0:95 30:95 60:95 90:95", "+60"},
		{"not lasting", "memory > 90% for 1m", "0:95 30:95 50:50 60:95 90:95 110:95 120:95", "+120"},
		{"over as long", "memory > 90% for 1m", "0:95 60:95 70:50 100:50 130:50 140:50", "+60 -130"},
		{"a break in it", "memory > 90% for 1m", "0:95 60:95 70:50 100:95 130:50 140:50 200:50", "+60 -200"},
		{"nobody looked", "memory > 90% for 5m", "0:95 10:95 400:95 500:95 600:95 700:95", "+700"},
		{"the clock went back", "memory > 90% for 1m", "0:95 30:95 -500:95 -470:95 -440:95", "+-440"},
		{"the host is dead meanwhile", "memory > 90%", "0:95 10:-1 20:-1 30:95 40:50", "+0 -40"},
		{"the host is dead before", "memory > 90% for 1m", "0:95 30:-1 70:95 100:95 130:95", "+130"},
		{"the host is not asked", "memory > 90%", "0:95 10:-3 20:95", "+0"},
		{"the container goes", "memory > 90% for 1m", "0:95 60:95 70:-2 80:95", "+60 -70"},
	} {
		if got := told(t, c.rule, c.story); got != c.want {
			t.Errorf("%s: %q is told, want %q", c.name, got, c.want)
		}
	}
}

// TestRuleGoes: what a rule said that is no more is over; one whose line has moved, or that is written in another way,
// goes on.
func TestRuleGoes(t *testing.T) {
	v := healthy()
	v.Set.Containers[0].Memory.WorkingSet = 95
	s, changes := parse(t, "memory > 90%").Evaluate(State{}, []View{v}, noon)
	if len(changes) != 1 || len(s.Alerts()) != 1 {
		t.Fatal(changes)
	}
	s, changes = parse(t, "unhealthy\nmemory over 90 %").Evaluate(s, []View{v}, noon.Add(time.Second))
	if len(changes) != 0 {
		t.Error(changes)
	}
	s, changes = parse(t, "memory > 91%").Evaluate(s, []View{v}, noon.Add(2*time.Second))
	if len(changes) != 2 || len(s.Alerts()) != 1 || s.Alerts()[0].Rule != "memory > 91%" {
		t.Error(changes, s.Alerts())
	}
	v.Dead = true
	s, _ = parse(t, "memory > 91%").Evaluate(s, []View{v}, noon.Add(3*time.Second))
	if all := s.Alerts(); len(all) != 1 || !all[0].Unsure {
		t.Error(all)
	}
}

// TestFull: what grows is found the sooner the quicker it grows, from what was seen and from a history; what grew once
// is not.
func TestFull(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name  string
		used  func(minutes int) float64 // of 100 GiB
		first int                       // minute in which it is told; -1: never in two days
	}{
		{"does not grow", func(int) float64 { return 90 }, -1},
		{"shrinks", func(m int) float64 { return 90 - float64(m)/100 }, -1},
		{"full in an hour", func(m int) float64 { return min(90+float64(m)/6, 99.9) }, 10},
		{"full in a day and a half", func(m int) float64 { return 50 + float64(m)*50/2160 }, 721},
		{"full in a month", func(m int) float64 { return 50 + float64(m)*50/43200 }, -1},
		{"grew once, before", func(m int) float64 { return 60 + 30*float64(min(m/60, 1)) }, -1},
		{"goes up and down", func(m int) float64 { return 80 + float64(m%7) }, -1},
	} {
		all := parse(t, "disk full within 1d")
		var s State
		got := -1
		for m := 0; m < 2880 && got < 0; m++ {
			v := healthy()
			f := &v.Set.Host.Files[1]
			f.Total = 100 * gib
			f.Free = uint64((100 - c.used(m)) * gib)
			f.Available = f.Free
			var changes []Alert
			if s, changes = all.Evaluate(s, []View{v}, noon.Add(time.Duration(m)*time.Minute)); len(changes) > 0 {
				got = m
			}
		}
		if n := len(s.Disks["edge"]); n > maxUsed+1 {
			t.Errorf("%s: %d moments are remembered", c.name, n)
		}
		if (got < 0) != (c.first < 0) || got > c.first+c.first/10+3 || got < c.first*9/10-3 {
			t.Errorf("%s: told in minute %d, want %d", c.name, got, c.first)
		}
	}
	h := sample.History{At: noon, Step: 600, Columns: []string{"cpu", "disk"}, Values: [][]*float64{make([]*float64, 144),
		make([]*float64, 144)}}
	for n := range h.Values[1] {
		if n%10 != 3 {
			h.Values[1][n] = new(50e9 + float64(n)*0.2e9)
		}
	}
	f := &sample.FileSystem{Available: 20e9}
	if left, ok := TimeToFull(f, FromHistory(h)); !ok || left < 16*time.Hour || left > 17*time.Hour {
		t.Errorf("by a history it is full in %s, %v", left, ok)
	}
}

// TestOnceByHistory: at one moment, that something has lasted comes from the history.
func TestOnceByHistory(t *testing.T) {
	v := healthy()
	v.Set.Containers[0].Memory.WorkingSet = 95
	v.Set.Containers[0].Health = "unhealthy"
	v.Set.Host.Rate.CPU = 4
	all := parse(t, "memory > 90% for 5m\nunhealthy for 5m\nhost cpu > 90% for 5m\ndisk full within 1d")
	low, high, much := 50.0, 95.0, 3.9
	for name, c := range map[string]struct {
		memory *float64 // four minutes ago
		want   string
	}{
		"it was less":  {&low, "unhealthy for 5m, host cpu > 90% for 5m"},
		"it was more":  {&high, "memory > 90% for 5m, unhealthy for 5m, host cpu > 90% for 5m"},
		"nobody knows": {nil, "memory > 90% for 5m, unhealthy for 5m, host cpu > 90% for 5m"},
	} {
		var got []string
		for _, a := range all.Once([]View{v}, noon, func(host, series string, from, to time.Time) sample.History {
			if series == "host" {
				return sample.History{Step: 60, Columns: []string{"cpu"}, Values: [][]*float64{{&much, nil, &much}}}
			}
			if host != "edge" || series != "1" || to.Sub(from) != 5*time.Minute {
				t.Errorf("%s of %s is asked for, from %s to %s", series, host, from, to)
			}
			return sample.History{Step: 60, Columns: []string{"cpu", "memory"},
				Values: [][]*float64{{nil, nil, nil}, {nil, c.memory, &high}}}
		}) {
			got = append(got, a.Rule)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %s", name, got, c.want)
		}
	}
}
