package top

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/stats/sample"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// hostSeries is the name of a host's history.
const hostSeries = "host"

// chapter is the history of a container or of a host.
type chapter struct {
	Host string
	Name string `json:",omitempty"` // of the container
	sample.History
}

// printHistory prints the past of the containers that were named, or else of the hosts.
func (o *options) printHistory(ctx context.Context, w io.Writer, all []*hosts.Host, names []string) error {
	late, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	states := hosts.Once(late, all)
	to := time.Now()
	var chapters []chapter
	for i, h := range all {
		list, err := o.chapters(late, h, states[i], to, names)
		if err != nil {
			return &cmd.Exit{Code: 1, Err: fmt.Errorf("box top: %s: %w", listing.Clean(states[i].Name), err)}
		}
		chapters = append(chapters, list...)
	}
	if len(chapters) == 0 {
		return &cmd.Exit{Code: 1, Err: fmt.Errorf("box top: no such container: %s", strings.Join(names, " "))}
	}
	switch {
	case o.JSON:
		e := json.NewEncoder(w)
		for _, c := range chapters {
			if err := e.Encode(c); err != nil {
				return err
			}
		}
		return nil
	case o.CSV:
		return historyCSV(w, chapters)
	}
	return historyTables(w, chapters)
}

// chapters asks one host for what was named.
func (o *options) chapters(ctx context.Context, h *hosts.Host, s hosts.State, to time.Time, names []string) (
	list []chapter, err error) {
	if s.Set == nil {
		return nil, fmt.Errorf("no answer: %s: %w", reason(s), errdefs.ErrUnavailable)
	}
	series := []chapter{{Host: s.Name, History: sample.History{Series: hostSeries}}}
	if len(names) > 0 {
		series = nil
		for _, r := range o.rows([]hosts.State{s}, names) {
			series = append(series, chapter{s.Name, r.Name, sample.History{Series: r.ID}})
		}
	}
	for _, c := range series {
		if c.History, err = h.History(ctx, c.Series, to.Add(-o.Since), to, o.Points); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// each calls f with each moment of a history.
func (c *chapter) each(f func(at time.Time, values []*float64)) {
	rows := c.Values[:min(len(c.Values), len(c.Columns))]
	if len(rows) == 0 {
		return
	}
	for k := range rows[0] {
		var values []*float64
		for _, row := range rows {
			if k >= len(row) {
				return // a daemon that sends rows of different lengths
			}
			values = append(values, row[k])
		}
		f(c.At.Add(time.Duration(float64(k)*c.Step*float64(time.Second))), values)
	}
}

// historyCSV prints a line for each moment. Containers and hosts have different columns: those that are not theirs are
// empty.
func historyCSV(w io.Writer, chapters []chapter) error {
	var names []string
	for _, c := range chapters {
		for _, name := range c.Columns {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	out := csv.NewWriter(w)
	head := []string{"time", "host", "name"}
	for _, name := range names {
		head = append(head, listing.Clean(name))
	}
	_ = out.Write(head) // Error has it
	for _, c := range chapters {
		c.each(func(at time.Time, values []*float64) {
			cells := []string{at.UTC().Format(time.RFC3339), listing.Clean(c.Host), listing.Clean(c.Name)}
			for _, name := range names {
				text := ""
				if i := slices.Index(c.Columns, name); i >= 0 && i < len(values) {
					text = number(values[i])
				}
				cells = append(cells, text)
			}
			_ = out.Write(cells)
		})
	}
	out.Flush()
	return out.Error()
}

func historyTables(w io.Writer, chapters []chapter) error {
	for i, c := range chapters {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s\n", listing.Clean(c.Host), listing.Clean(c.Name))
		titles := []string{"TIME"}
		for _, name := range c.Columns {
			titles = append(titles, strings.ToUpper(listing.Clean(name)))
		}
		var rows [][]string
		c.each(func(at time.Time, values []*float64) {
			row := []string{at.Local().Format("01-02 15:04:05")}
			for i, v := range values {
				row = append(row, historyText(c.Columns[i], v))
			}
			rows = append(rows, row)
		})
		if err := align(w, titles, []bool{false}, rows); err != nil {
			return err
		}
	}
	return nil
}

// historyText formats a value in the unit of its column.
func historyText(column string, v *float64) string {
	switch {
	case v == nil:
		return "-"
	case strings.HasPrefix(column, "cpu"), column == "throttled", column == "iowait":
		return listing.Percent(*v)
	case column == "load":
		return fmt.Sprintf("%.2f", *v)
	case column == "heat":
		return fmt.Sprintf("%.0f°C", *v)
	case column == "pids", column == "inodes":
		return fmt.Sprintf("%.0f", *v)
	}
	return listing.Size(*v)
}
