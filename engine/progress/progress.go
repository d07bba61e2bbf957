// Package progress is what long requests tell of themselves line by line.
package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// Line is one line of the stream that a load, an import, a pull or a push sends.
type Line struct {
	Stream string  `json:"stream,omitempty"`
	Status string  `json:"status,omitempty"`
	Detail *Detail `json:"progressDetail,omitempty"` // an empty one says that the line is about an item
	Bar    string  `json:"progress,omitempty"`       // Detail drawn, for clients older than it
	ID     string  `json:"id,omitempty"`             // of the item
	Aux    any     `json:"aux,omitempty"`            // for programs
}

// Detail counts bytes towards a total, 0 for one that is not known.
type Detail struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// Said is a line of text alone.
func Said(format string, args ...any) Line { return Line{Status: fmt.Sprintf(format, args...)} }

// About is a line on the item id.
func About(id, status string) Line { return Line{Status: status, Detail: &Detail{}, ID: id} }

// Counted is a line on how far the item id is.
func Counted(id, status string, current, total int64) Line {
	return Line{Status: status, Detail: &Detail{Current: current, Total: total}, Bar: bar(current, total), ID: id}
}

// Every is the least time between two reports on one item.
const Every = 100 * time.Millisecond

// Paced leaves out reports that come too soon after one another, but not the last.
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

// bar draws progress in text as Docker's daemon does: 50 cells and the counts.
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
