package listing

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"box/engine/stats/sample"
)

// Row is a container of a host.
type Row struct {
	Host string
	*sample.Container
	Now time.Time // of the measurement
}

// Column is one thing that is told of containers.
type Column struct {
	Name  string // as --sort and CSV have it
	Title string
	Width int  // of the widest text; 0: any
	Right bool // aligned to the right
	Text  func(Row) string
	Raw   func(Row) string   // for programs; nil: Text
	Order func(a, b Row) int // ascending; the first row of a listing is the last of this for numbers
	Down  bool               // the largest first
}

// Live tells whether a container has processes.
func (r Row) Live() bool { return r.State == "running" || r.State == "paused" }

// MemoryShare is the memory in use as a share of the limit, 0 without a limit.
func (r Row) MemoryShare() float64 {
	if r.Memory.Limit == 0 {
		return 0
	}
	return float64(r.Memory.WorkingSet) / float64(r.Memory.Limit)
}

// Written is what the files of a container take, as far as they were counted.
func (r Row) Written() int64 { return max(0, r.Disk.Writable) + r.Disk.Log }

// Project is the compose project of a container, or "".
func (r Row) Project() string { return r.Labels["com.docker.compose.project"] }

// StateText tells the state, and since when: "up 3h", "exit 137 2m".
func (r Row) StateText() string {
	since := func(t time.Time) string {
		if t.IsZero() || t.Unix() <= 0 {
			return ""
		}
		return " " + Span(r.Now.Sub(t))
	}
	switch r.State {
	case "running":
		return "up" + since(r.Started)
	case "exited", "dead":
		return fmt.Sprintf("exit %d%s", r.Exit.Code, since(r.Ended))
	case "paused":
		return "paused" + since(r.Started)
	}
	return Clean(r.State)
}

// PortText lists the published ports, those of all addresses without these: "8080->80/tcp, 127.0.0.1:53->53/udp".
func (r Row) PortText() string {
	var list []string
	for _, p := range r.Ports {
		for _, all := range []string{"0.0.0.0:", "[::]:", ":::"} {
			p = strings.TrimPrefix(p, all)
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return strings.Join(list, ", ")
}

// HealthText is the health in few letters.
func (r Row) HealthText() string {
	switch r.Health {
	case "healthy":
		return "ok"
	case "unhealthy":
		return "BAD"
	case "starting":
		return "…"
	}
	return ""
}

// number is a column of numbers.
func number(name, title string, width int, value func(Row) float64, text func(float64) string) Column {
	return Column{Name: name, Title: title, Width: width, Right: true, Down: true,
		Text: func(r Row) string {
			if !r.Live() {
				return ""
			}
			return text(value(r))
		},
		Raw:   func(r Row) string { return strconv.FormatFloat(value(r), 'f', -1, 64) },
		Order: func(a, b Row) int { return cmp.Compare(value(a), value(b)) }}
}

// word is a column of texts.
func word(name, title string, width int, value func(Row) string) Column {
	return Column{Name: name, Title: title, Width: width, Text: func(r Row) string { return Clean(value(r)) },
		Order: func(a, b Row) int { return strings.Compare(value(a), value(b)) }}
}

// always shows a number of containers that do not run, too.
func always(c Column, text func(Row) string) Column {
	c.Text = text
	return c
}

func count(n float64) string { return strconv.Itoa(int(n)) }

// Columns returns all columns.
func Columns() []Column {
	return []Column{
		word("name", "NAME", 0, func(r Row) string { return r.Name }),
		{Name: "state", Title: "STATE", Width: 12, Text: Row.StateText, Raw: func(r Row) string { return r.State },
			Order: func(a, b Row) int {
				return cmp.Or(strings.Compare(a.State, b.State), a.Started.Compare(b.Started))
			}},
		word("health", "HLTH", 4, Row.HealthText),
		number("cpu", "CPU", 5, func(r Row) float64 { return r.Rate.CPU }, Percent),
		number("throttled", "THRT", 4, func(r Row) float64 { return r.Rate.Throttled }, Percent),
		number("memory", "MEM", 5, func(r Row) float64 { return float64(r.Memory.WorkingSet) }, Size),
		number("limit", "%LIM", 4, Row.MemoryShare, func(s float64) string {
			if s == 0 {
				return "-"
			}
			return Percent(s)
		}),
		number("rx", "RX/s", 5, func(r Row) float64 { return r.Rate.Rx }, Size),
		number("tx", "TX/s", 5, func(r Row) float64 { return r.Rate.Tx }, Size),
		number("read", "RD/s", 5, func(r Row) float64 { return r.Rate.Read }, Size),
		number("written", "WR/s", 5, func(r Row) float64 { return r.Rate.Written }, Size),
		number("pids", "PIDS", 5, func(r Row) float64 { return float64(r.Pids.Current) }, count),
		always(number("disk", "DISK", 5, func(r Row) float64 { return float64(r.Written()) }, Size),
			func(r Row) string {
				if r.Disk.Writable < 0 && r.Disk.Log == 0 {
					return "-"
				}
				return Size(float64(r.Written()))
			}),
		always(number("restarts", "R/h", 3, func(r Row) float64 { return float64(r.RestartsHour) }, count),
			func(r Row) string { return strconv.Itoa(r.RestartsHour) }),
		word("image", "IMAGE", 0, func(r Row) string { return r.Image }),
		word("ports", "PORTS", 0, Row.PortText),
		word("error", "LAST ERROR", 0, Row.Trouble),
		word("host", "HOST", 0, func(r Row) string { return r.Host }),
	}
}

// Trouble tells how the last run ended if that was no success, and the last error line.
func (r Row) Trouble() string {
	var parts []string
	switch {
	case r.Exit.OOMKilled:
		parts = append(parts, "OOM-killed")
	case r.Exit.Code > 128 && !r.Ended.IsZero() && r.Live():
		parts = append(parts, fmt.Sprintf("last exit %d", r.Exit.Code))
	}
	if r.LastError != "" {
		parts = append(parts, r.LastError)
	}
	return Clean(strings.Join(parts, ": "))
}

// Find returns the column of a name.
func Find(name string) (Column, bool) {
	all := Columns()
	i := slices.IndexFunc(all, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return all[i], true
}

// Names returns the names of all columns.
func Names() (names []string) {
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	return names
}

// Sort sorts rows by a column, the largest number or the first word first, or the other way round. Those for which it
// says nothing come last. Equal rows are in the order of their names, which stays the same from one measurement to the
// next.
func Sort(rows []Row, by Column, reverse bool) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		c := by.Order(a, b)
		if by.Down != reverse {
			c = -c
		}
		if none := by.Text(a) == ""; none != (by.Text(b) == "") { // such as what uses nothing, because it does not run
			if c = -1; none {
				c = 1
			}
		}
		return cmp.Or(c, strings.Compare(a.Name, b.Name), strings.Compare(a.Host, b.Host))
	})
}

// Matches tells whether a container is meant by a filter: each word is in its name, image, state, health, ports,
// project or host, or the beginning of its ID.
func (r Row) Matches(filter string) bool {
	text := strings.ToLower(strings.Join(append([]string{r.Name, r.Image, r.State, r.Health, r.Project(), r.Host},
		r.Ports...), "\n"))
	for w := range strings.FieldsSeq(strings.ToLower(filter)) {
		if !strings.Contains(text, w) && !strings.HasPrefix(r.ID, w) {
			return false
		}
	}
	return true
}
