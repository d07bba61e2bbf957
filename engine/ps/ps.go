// Package ps lists processes from /proc for `docker top`, with the options, titles and values of ps(1), as fields
// instead of text.
package ps

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
)

// Table is a list of processes.
type Table struct {
	Titles []string
	Rows   [][]string
}

// Source is where processes are read from.
type Source struct {
	Proc   string                 // mount of proc
	Now    time.Time              //
	User   func(id uint32) string // name of a user, "" for none
	Group  func(id uint32) string // of a group
	Memory uint64                 // bytes of the machine
	Pages  int                    // bytes of a page
}

// List describes the processes pids that exist, as args ask for, which are arguments of ps. Options that select
// processes are accepted and have no effect.
func List(s Source, args string, pids []int) (Table, error) {
	o, err := parse(args)
	if err != nil {
		return Table{}, err
	}
	if !slices.ContainsFunc(o.columns, func(c column) bool { return c.title == "PID" }) {
		return Table{}, problem("Couldn't find PID field in ps output")
	}
	h, err := s.host()
	if err != nil {
		return Table{}, err
	}
	var all []*process
	for _, pid := range pids {
		all = append(all, h.read(pid, o.threads)...)
	}
	o.sort(h, all)
	t := Table{Rows: [][]string{}}
	for _, c := range o.columns {
		t.Titles = append(t.Titles, c.title)
	}
	for _, p := range all {
		row := make([]string, 0, len(o.columns))
		for _, c := range o.columns {
			row = append(row, c.show(h, p, c.width))
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// problem is an error in ps's words.
type problem string

func (p problem) Error() string { return string(p) }
func (problem) Unwrap() error   { return errdefs.ErrInternal } // Docker's class for what ps refuses

// order is a sort key.
type order struct {
	column
	down bool
}

// sort sorts by the requested keys, then by pid.
func (o *options) sort(h *host, all []*process) {
	slices.SortStableFunc(all, func(a, b *process) int {
		for _, k := range o.order {
			n := compare(k.show(h, a, 0), k.show(h, b, 0))
			if k.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Compare(a.pid, b.pid)
	})
}

// compare compares numbers as numbers.
func compare(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	switch {
	case err1 == nil && err2 == nil && x < y:
		return -1
	case err1 == nil && err2 == nil && x > y:
		return 1
	case err1 == nil && err2 == nil || a == b:
		return 0
	case a < b:
		return -1
	}
	return 1
}
