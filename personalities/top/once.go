package top

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"box/engine/stats/sample"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// printOnce prints one measurement. The exit code is 1 if a host does not answer.
func (o *options) printOnce(ctx context.Context, env *cmd.Env, all []*hosts.Host, names []string) error {
	late, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	states := hosts.Once(late, all)
	if ctx.Err() != nil {
		return &cmd.Exit{Code: 130}
	}
	print := o.printTable
	switch {
	case o.JSON:
		print = o.printJSON
	case o.CSV:
		print = o.printCSV
	}
	if err := print(env.Stdout, states, names); err != nil {
		return err
	}
	for _, s := range states {
		if s.Dead {
			fmt.Fprintf(env.Stderr, "box top: %s: %s\n", listing.Clean(s.Name), reason(s))
		}
	}
	return answered(states)
}

// answered returns the exit code of hosts that do not answer.
func answered(states []hosts.State) error {
	for _, s := range states {
		if s.Dead {
			return &cmd.Exit{Code: 1}
		}
	}
	return nil
}

// reason tells why a host is dead, in one line.
func reason(s hosts.State) string {
	text := listing.Clean(s.Err)
	if s.Kind == hosts.Groups {
		text += " (the control groups were read)"
	}
	return text
}

// line is what --json prints of a host.
type line struct {
	Host    string
	Address string
	Kind    string
	Dead    bool `json:",omitempty"`
	Since   time.Time
	Error   string `json:",omitempty"`
	Set     *sample.Set
}

func (o *options) printJSON(w io.Writer, states []hosts.State, names []string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, s := range states {
		l := line{Host: s.Name, Address: s.Address, Kind: s.Kind.String(), Dead: s.Dead, Since: s.Since, Error: s.Err}
		if s.Set != nil {
			set := *s.Set
			set.Containers = []sample.Container{}
			for _, r := range o.rows([]hosts.State{s}, names) {
				set.Containers = append(set.Containers, *r.Container)
			}
			l.Set = &set
		}
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// printCSV prints a line for each container: time, host and ID, and then all columns.
func (o *options) printCSV(w io.Writer, states []hosts.State, names []string) error {
	out := csv.NewWriter(w)
	_ = out.Write(append([]string{"time", "id"}, listing.Names()...)) // Error has it
	for _, r := range o.rows(states, names) {
		cells := []string{r.Now.UTC().Format(time.RFC3339), r.ID}
		for _, c := range listing.Columns() {
			raw := c.Raw
			if raw == nil {
				raw = c.Text
			}
			cells = append(cells, listing.Clean(raw(r)))
		}
		_ = out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

// columns of the table, which has the host's as well where there are several.
func columns(several bool) []string {
	names := []string{"name", "state", "health", "cpu", "memory", "limit", "rx", "tx", "read", "written", "pids", "disk",
		"restarts", "ports", "error"}
	if several {
		return append([]string{"host"}, names...)
	}
	return names
}

func (o *options) printTable(w io.Writer, states []hosts.State, names []string) error {
	var text strings.Builder
	for _, s := range states {
		fmt.Fprintln(&text, Headline(s))
	}
	var titles []string
	var right []bool
	var cols []listing.Column
	for _, name := range columns(len(states) > 1) {
		c, _ := listing.Find(name)
		cols, titles, right = append(cols, c), append(titles, c.Title), append(right, c.Right)
	}
	var cells [][]string
	for _, r := range o.rows(states, names) {
		var row []string
		for _, c := range cols {
			row = append(row, c.Text(r))
		}
		cells = append(cells, row)
	}
	fmt.Fprintln(&text)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return err
	}
	return align(w, titles, right, cells)
}

// Headline tells of a host in one line what its containers do not.
func Headline(s hosts.State) string {
	name := listing.Clean(s.Name)
	if s.Set == nil {
		return name + ": does not answer: " + reason(s)
	}
	h, parts := &s.Set.Host, []string{}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	running := 0
	for _, c := range s.Set.Containers {
		if (listing.Row{Container: &c}).Live() {
			running++
		}
	}
	if s.Dead {
		add("dead since %s", s.Since.Format(time.DateTime))
	}
	add("%d of %d containers run", running, len(s.Set.Containers))
	if h.CPUs > 0 && h.Rate.CPU > 0 {
		add("CPU %s of %d", listing.Percent(h.Rate.CPU), h.CPUs)
	}
	if m := h.Memory; m.Total > 0 && m.Available > 0 {
		add("memory %s of %s free", listing.Size(float64(m.Available)), listing.Size(float64(m.Total)))
	}
	for _, f := range h.Files {
		if f.Data {
			add("disk %s of %s free", listing.Size(float64(f.Available)), listing.Size(float64(f.Total)))
		}
	}
	if h.Clock != "" {
		add("clock: %s", listing.Clean(h.Clock))
	}
	if !h.CertEnds.IsZero() {
		add("certificate %s", listing.Span(h.CertEnds.Sub(s.Set.At)))
	}
	return name + ": " + strings.Join(parts, ", ")
}

// number formats a value of a history for a program.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}
