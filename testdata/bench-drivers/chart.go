package main

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// The measures of the chart, in pixels.
const (
	width, left, right = 900, 260, 90
	bar, gap, head     = 12, 10, 34
)

// chart draws the table: for each row a bar of box's and one of the other daemon's, on a logarithmic scale from a
// millisecond, so that one shows what takes milliseconds and what takes seconds.
func chart(table []result) []byte {
	most := time.Millisecond
	height := 2 * head
	for n, r := range table {
		if n == 0 || r.driver != table[n-1].driver {
			height += head
		}
		height += gap + bar*len(r.took)
		for _, t := range r.took {
			most = max(most, t)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+
		"\n<title>Storage drivers: box and Docker</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", width, height)
	text(&b, 10, 20, "#1668b8", "box")
	text(&b, 50, 20, "#a0a0a0", "Docker")
	text(&b, left, 20, "#333", "milliseconds, logarithmic: shorter is better")
	y := head
	for n, r := range table {
		if n == 0 || r.driver != table[n-1].driver {
			y += head
			fmt.Fprintf(&b, `<text x="10" y="%d" font-weight="bold">%s</text>`+"\n", y-8, r.driver)
		}
		text(&b, 24, y+bar, "#333", r.what)
		for side, t := range r.took {
			long := int(float64(width-left-right) * scale(t) / scale(most))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", left, y, long, bar-2,
				[]string{"#1668b8", "#c8c8c8"}[side])
			text(&b, left+long+6, y+bar-3, "#333", fmt.Sprintf("%.0f", float64(t)/1e6))
			y += bar
		}
		y += gap
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func scale(t time.Duration) float64 { return math.Log10(1 + float64(t)/float64(time.Millisecond)) }

func text(b *bytes.Buffer, x, y int, colour, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", x, y, colour, s)
}
