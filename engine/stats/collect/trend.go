package collect

import (
	"time"

	"box/engine/stats/sample"
)

// How long file systems are looked back at, and how long one has to be known before its growth is told.
const (
	trendSpan  = 10 * time.Minute
	trendLeast = time.Minute
)

// trends remembers how full file systems were.
type trends struct {
	past map[string][]fill // by path, oldest first
}

type fill struct {
	at   time.Time
	used float64
}

// note remembers how full each of files is, and sets its growth.
func (t *trends) note(now time.Time, files []sample.FileSystem) {
	past := map[string][]fill{}
	for i := range files {
		f := &files[i]
		list := append(t.past[f.Path], fill{now, float64(f.Total - f.Free)})
		for len(list) > 1 && (now.Sub(list[0].at) > trendSpan || now.Before(list[0].at)) {
			list = list[1:]
		}
		past[f.Path] = list
		if over := now.Sub(list[0].at); over >= trendLeast {
			f.Growth = (list[len(list)-1].used - list[0].used) / over.Seconds()
		}
	}
	t.past = past
}
