package screen

import (
	"math"
	"slices"

	"github.com/gdamore/tcell/v2"

	"box/engine/stats/sample"
	"box/personalities/top/listing"
)

// chart is one graph of a container's past.
type chart struct {
	label   string
	columns []string // summed up
	text    func(float64) string
	style   tcell.Style
}

func charts() []chart {
	return []chart{
		{"CPU", []string{"cpu"}, listing.Percent, good},
		{"Memory", []string{"memory"}, listing.Size, calm},
		{"Network, bytes a second", []string{"rx", "tx"}, listing.Size, warn},
		{"Disk, bytes a second", []string{"read", "written"}, listing.Size, plain},
	}
}

// leastHeight is the least height of a graph with its label.
const leastHeight = 3

// drawGraphs draws the graphs below each other, or where there is width, two beside two.
func (d *detail) drawGraphs(c canvas) {
	list := charts()
	across := 1
	if c.w >= 120 {
		across = 2
	}
	if fit := max(1, c.h/leastHeight) * across; fit < len(list) {
		list = list[:fit] // the first are those that matter
	}
	w, h := (c.w-across+1)/across, c.h/((len(list)+across-1)/across)
	d.width = w - 1
	if d.past == nil {
		text, style := "Waiting for an answer …", dim
		if d.pastErr != nil {
			text, style = d.pastErr.Error(), bad
		}
		c.put(0, 1, c.w, text, style)
		return
	}
	for i, ch := range list {
		ch.draw(c.part(i%across*(w+1), i/across*h, w, h), d.past)
	}
}

// draw draws a graph under its label, with the last and the largest value.
func (ch chart) draw(c canvas, h *sample.History) {
	values, last, most := seriesOf(h, ch.columns, c.w)
	var list []piece
	list = append(list, piece{ch.label, bold}, piece{"  now ", dim}, piece{ch.text(last), plain}, piece{"  most ", dim},
		piece{ch.text(most), plain})
	c.pieces(0, 0, list...)
	c.part(0, 1, c.w, c.h-1).graph(values, most, ch.style)
}

// seriesOf sums up columns of a history into so many values at most, the newest last. A moment without a measurement
// is NaN.
func seriesOf(h *sample.History, columns []string, w int) (values []float64, last, most float64) {
	n := 0
	for _, name := range columns {
		i := slices.Index(h.Columns, name)
		if i < 0 || i >= len(h.Values) {
			continue
		}
		n = max(n, len(h.Values[i]))
		for len(values) < n {
			values = append(values, math.NaN())
		}
		for k, v := range h.Values[i] {
			switch {
			case v == nil:
			case math.IsNaN(values[k]):
				values[k] = *v
			default:
				values[k] += *v
			}
		}
	}
	values = values[max(0, len(values)-w):]
	for _, v := range values {
		if v > most {
			most = v
		}
	}
	for i := len(values) - 1; i >= max(0, len(values)-3); i-- { // the newest moment may not be measured yet
		if last = values[i]; !math.IsNaN(last) {
			break
		}
	}
	if math.IsNaN(last) {
		last = 0
	}
	gap := slices.Repeat([]float64{math.NaN()}, max(0, w-len(values)))
	return append(gap, values...), last, most
}
