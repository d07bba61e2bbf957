package push

import (
	"math"
	"strconv"
	"strings"

	"box/engine/stats/sample"
	"box/personalities/top/metrics"
)

// lines encodes a measurement: one line for each number of `/metrics`, with the labels that tell containers, interfaces
// and devices apart.
func (t *Target) lines(set *sample.Set) []byte {
	var out []byte
	at := set.At
	host := set.Host.Name
	metrics.Each(set, func(name string, labels []string, value float64) {
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return
		}
		if t.kind == graphite {
			out = append(out, t.name(host, name, labels)+" "+number(value)+" "+strconv.FormatInt(at.Unix(), 10)+"\n"...)
			return
		}
		out = append(out, measurement.Replace(name)...)
		if host != "" {
			out = append(out, ",host="+tag(host)...)
		}
		for i := 0; i+1 < len(labels); i += 2 {
			if value := labels[i+1]; value != "" && kept(labels[i]) { // a tag cannot be empty
				out = append(out, ","+tag(labels[i])+"="+tag(value)...)
			}
		}
		out = append(out, " value="+number(value)+" "+strconv.FormatInt(at.UnixMilli(), 10)+"\n"...)
	})
	return out
}

// kept tells whether a label is sent: those of containers' own would make a series of each value.
func kept(label string) bool { return !strings.HasPrefix(label, "container_label_") }

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// What InfluxDB's line protocol escapes; a line cannot have a newline or end in a backslash before a comma.
var (
	measurement = strings.NewReplacer(",", `\,`, " ", `\ `, "\n", `\ `)
	tags        = strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `, "\n", `\ `, "\r", `\ `, `\`, "/")
)

func tag(s string) string { return tags.Replace(strings.ToValidUTF8(s, "_")) }

// name is the name of a number in Graphite: PREFIX.HOST.CONTAINER.NUMBER and what else tells it apart.
func (t *Target) name(host, name string, labels []string) string {
	words := []string{}
	if t.prefix != "" {
		words = append(words, strings.Split(t.prefix, ".")...)
	}
	words = append(words, host)
	container := ""
	var rest []string
	for i := 0; i+1 < len(labels); i += 2 {
		switch label := labels[i]; {
		case label == "name":
			container = labels[i+1]
		case label == "id" && labels[i+1] == "/":
			container = "host"
		case label != "id" && label != "image" && kept(label):
			rest = append(rest, labels[i+1])
		}
	}
	if container != "" {
		words = append(words, container)
	}
	words = append(append(words, name), rest...)
	for i := range words {
		words[i] = word(words[i])
	}
	return strings.Join(words, ".")
}

// word replaces what a part of Graphite's names cannot have.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '.' || r == '/' || r == ';' || r == 0x7f || r == '�' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "_"
	}
	return s
}
