package listing

import (
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
)

func TestClean(t *testing.T) {
	for from, want := range map[string]string{
		"plain":                  "plain",
		"\x1b[31mred\x1b]0;x\a":  "[31mred]0;x",
		"a\tb\nc\rd":             "a b c d",
		"\u009b31m\u202eback":    "31mback",
		"웹서버":                    "웹서버",
		"bad\xffbyte":            "bad\uFFFDbyte",
		"zero\u200bwidth\u2028x": "zerowidthx",
		"\x00\x7f":               "",
	} {
		if got := Clean(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1.0K", 1023: "1.0K", 1024: "1.0K", 10 << 10: "10K",
		1000 << 10: "1.0M", 9.97 * (1 << 20): "10M", 512 << 20: "512M", 3 << 40: "3.0T", -2048: "-2.0K"} {
		if got := Size(n); got != want || len(got) > 5 {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", time.Hour: "1h",
		47 * time.Hour: "47h", 48 * time.Hour: "2d", 800 * 24 * time.Hour: "2y"} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Each column sorts by what it shows, and all texts fit and are clean whatever a daemon says.
func TestColumns(t *testing.T) {
	now := time.Now()
	evil := "\x1b]52;c;evil\a"
	small := Row{"b", &sample.Container{Name: "a", State: "created", Disk: sample.Disk{Writable: -1}}, now}
	large := Row{evil, &sample.Container{Name: "z" + evil, Image: evil, State: evil, Health: "unhealthy", LastError: evil,
		Ports: []string{evil}, RestartsHour: 3, Rate: sample.Rate{CPU: 2, Throttled: 1, Rx: 5e9, Tx: 5e9, Read: 5e9,
			Written: 5e9},
		Memory: sample.Memory{WorkingSet: 1 << 40, Limit: 1 << 40}, Pids: sample.Pids{Current: 99999},
		Disk: sample.Disk{Writable: 1 << 40}}, now}
	for _, c := range Columns() {
		for _, state := range []string{"running", evil, "exited"} {
			large.State = state
			for _, text := range []string{c.Text(large), c.Text(small)} {
				if strings.ContainsAny(text, "\x1b\a\n") {
					t.Errorf("%s: %q", c.Name, text)
				}
				if c.Width > 0 && state != evil && len([]rune(text)) > c.Width {
					t.Errorf("%s: %q is wider than %d", c.Name, text, c.Width)
				}
			}
		}
		if c.Order(small, large) >= 0 && c.Name != "host" && c.Name != "health" {
			t.Errorf("%s: %q is not after %q", c.Name, c.Text(large), c.Text(small))
		}
		rows := []Row{small, large}
		if Sort(rows, c, false); c.Down && rows[0].Name != large.Name {
			t.Errorf("%s: the largest is not first", c.Name)
		}
		if Sort(rows, c, true); c.Down && rows[0].Name != "a" {
			t.Errorf("%s reversed: the smallest is not first", c.Name)
		}
	}
}

func TestPorts(t *testing.T) {
	r := Row{Container: &sample.Container{Ports: []string{"0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp",
		"127.0.0.1:53->53/udp", "9/tcp"}}}
	if got := r.PortText(); got != "8080->80/tcp, 127.0.0.1:53->53/udp, 9/tcp" {
		t.Error(got)
	}
}

func TestMatches(t *testing.T) {
	r := Row{"edge", &sample.Container{ID: "abc123", Name: "Web-1", Image: "nginx", State: "running",
		Labels: map[string]string{"com.docker.compose.project": "shop"}, Ports: []string{"0.0.0.0:8080->80/tcp"}},
		time.Time{}}
	for filter, want := range map[string]bool{"": true, "web": true, "shop nginx": true, "8080": true, "abc": true,
		"bc1": false, "web exited": false, "EDGE": true} {
		if r.Matches(filter) != want {
			t.Errorf("%q: %v", filter, !want)
		}
	}
}
