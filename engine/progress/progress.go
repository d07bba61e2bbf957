// Package progress has the lines that long requests send while they run.
package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// Line is a line of the stream of a load, an import, a pull or a push.
type Line struct {
	Stream string  `json:"stream,omitempty"`
	Status string  `json:"status,omitempty"`
	Detail *Detail `json:"progressDetail,omitempty"` // an empty one says that the line is about an item
	Bar    string  `json:"progress,omitempty"`       // Detail drawn, for clients older than it
	ID     string  `json:"id,omitempty"`             // of the item
	Aux    any     `json:"aux,omitempty"`            // for programs
}

// Detail counts bytes towards a total, which is 0 if it is not known.
type Detail struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// Said returns a line of text only.
func Said(format string, args ...any) Line { return Line{Status: fmt.Sprintf(format, args...)} }

// About returns a line about the item id.
func About(id, status string) Line { return Line{Status: status, Detail: &Detail{}, ID: id} }

// Counted returns a line about the progress of the item id.
func Counted(id, status string, current, total int64) Line {
	return Line{Status: status, Detail: &Detail{Current: current, Total: total}, Bar: bar(current, total), ID: id}
}

// Every is the minimum time between two reports about one item.
const Every = 100 * time.Millisecond

// Paced drops reports that follow too soon, but never the last.
func Paced(tell func(current, total int64) error) func(current, total int64) error {
	var last time.Time
	return func(current, total int64) error {
		now := time.Now()
		if current != total && now.Sub(last) < Every {
			return nil
		}
		last = now
		return tell(current, total)
	}
}

// bar draws a progress bar as Docker's daemon does: 50 cells and the counts.
func bar(current, total int64) string {
	switch {
	case current <= 0 && total <= 0:
		return ""
	case total <= 0:
		return fmt.Sprintf("%8v", units.HumanSize(float64(current)))
	}
	done := min(int(float64(current)/float64(total)*100)/2, 50)
	box := fmt.Sprintf("[%s>%s] %8v", strings.Repeat("=", done), strings.Repeat(" ", 50-done),
		units.HumanSize(float64(current)))
	if current > total {
		return box
	}
	return box + "/" + units.HumanSize(float64(total))
}
