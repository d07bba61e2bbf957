// Package metrics writes measurements in the text format of Prometheus (version 0.0.4), with the names and labels of
// cAdvisor for containers and the machine, and of Docker's daemon for what the daemon does. A counter whose name does
// not end in _total is written as a gauge, and a gauge whose name does without a type: so the names stay, and
// `promtool check metrics` has nothing to say.
package metrics

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"box/engine/stats/sample"
)

// ContentType is that of what Write writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Host is a measurement of one host.
type Host struct {
	Name string // told as label host; empty: no such label
	Set  *sample.Set
}

// The types of families.
const (
	counter   = "counter"
	gauge     = "gauge"
	untyped   = "untyped"
	histogram = "histogram"
)

// family is one metric. Its functions say the values, each by a call of put.
type family struct {
	name, kind, help string
	container        func(c *sample.Container, put put)
	host             func(h *sample.Host, put put)
	all              func(s *sample.Set, put put)
	seen             bool // the value is the time of the measurement
}

// both is a family of containers and hosts; either function may be nil.
func both(name, kind, help string, container func(*sample.Container, put), host func(*sample.Host, put)) family {
	return family{name: name, kind: kind, help: help, container: container, host: host}
}

// put writes a value with more labels, as pairs of names and values.
type put func(value float64, labels ...string)

// Write writes all families of all hosts. Hosts without a measurement are left out.
func Write(w io.Writer, hosts ...Host) error {
	out := &writer{Writer: bufio.NewWriter(w)}
	var known []Host
	var labels [][]string // of each container of each host, as they are written
	for _, h := range hosts {
		if h.Set == nil {
			continue
		}
		known = append(known, h)
		var list []string
		for i := range h.Set.Containers {
			list = append(list, text(append(of(h.Name), identity(&h.Set.Containers[i])...)))
		}
		labels = append(labels, list)
	}
	for _, f := range families() {
		out.begin(&f)
		for i, h := range known {
			own := text(of(h.Name))
			f.write(h.Set, func(container int) {
				out.labels = own
				if container >= 0 {
					out.labels = labels[i][container]
				}
			}, out.put)
		}
	}
	return out.Flush()
}

// write puts the values of a family for one host. about is called before those of each container, and with -1 before
// those of the host.
func (f *family) write(set *sample.Set, about func(container int), put put) {
	about(-1)
	if f.host != nil {
		f.host(&set.Host, put)
	}
	if f.all != nil {
		f.all(set, put)
	}
	if f.seen {
		put(stamp(set.At), root...)
	}
	for i := range set.Containers {
		about(i)
		if f.container != nil {
			f.container(&set.Containers[i], put)
		}
		if f.seen {
			put(stamp(set.At))
		}
	}
}

// Each calls fn for every number of a measurement but the parts of histograms, with its labels as pairs of names and
// values.
func Each(set *sample.Set, fn func(name string, labels []string, value float64)) {
	var containers [][]string
	for i := range set.Containers {
		containers = append(containers, identity(&set.Containers[i]))
	}
	for _, f := range families() {
		if f.kind == histogram {
			continue
		}
		var labels []string
		f.write(set, func(i int) {
			labels = nil
			if i >= 0 {
				labels = containers[i]
			}
		}, func(value float64, more ...string) { fn(f.name, slices.Concat(labels, more), value) })
	}
}

// of returns the label of a host.
func of(name string) []string {
	if name == "" {
		return nil
	}
	return []string{"host", name}
}

// identity returns the labels of a container: those of cAdvisor, and its own with a prefix.
func identity(c *sample.Container) []string {
	list := []string{"id", "/docker/" + c.ID, "image", c.Image, "name", c.Name}
	used := map[string]bool{}
	for _, key := range slices.Sorted(keys(c.Labels)) {
		name := "container_label_" + labelName(key)
		if !used[name] { // two that differ in what a name of a label cannot have
			used[name] = true
			list = append(list, name, c.Labels[key])
		}
	}
	return list
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// labelName replaces what a name of a label cannot have.
func labelName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}

// writer writes families.
type writer struct {
	*bufio.Writer
	name   string
	labels string // of what is written about, as text
	digits []byte // that a number is made in
}

func (w *writer) begin(f *family) {
	w.name = f.name
	w.WriteString("# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.kind + "\n")
}

// put writes a line. A value without a name before it belongs to the family; the label name "" is a suffix of the name.
func (w *writer) put(value float64, more ...string) {
	w.WriteString(w.name)
	if len(more) > 1 && more[0] == "" {
		w.WriteString(more[1])
		more = more[2:]
	}
	if w.labels != "" || len(more) > 1 {
		w.WriteByte('{')
		w.WriteString(w.labels)
		for i := 0; i+1 < len(more); i += 2 {
			if i > 0 || w.labels != "" {
				w.WriteByte(',')
			}
			w.label(more[i], more[i+1])
		}
		w.WriteByte('}')
	}
	w.digits = append(appendNumber(append(w.digits[:0], ' '), value), '\n')
	w.Write(w.digits)
}

func (w *writer) label(name, value string) {
	w.WriteString(name)
	w.WriteString(`="`)
	w.WriteString(escape(value))
	w.WriteByte('"')
}

// text is how labels are written.
func text(labels []string) string {
	var b strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(labels[i] + `="` + escape(labels[i+1]) + `"`)
	}
	return b.String()
}

// escape escapes the value of a label.
func escape(s string) string {
	if !strings.ContainsAny(s, "\\\"\n") {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "�"))
}

func appendNumber(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.AppendInt(b, int64(v), 10)
	case math.Abs(v) >= 1e-3 && math.Abs(v) < 1e15:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// seconds is nanoseconds as Prometheus has times.
func seconds(nanoseconds uint64) float64 { return float64(nanoseconds) / 1e9 }

// stamp is a moment; none is 0.
func stamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
