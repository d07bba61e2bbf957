package tree

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"box/fs"
)

// TestCounts: a folder is counted again after each writer, while there is one, and when its mark or its age says so.
func TestCounts(t *testing.T) { synctest.Test(t, counts) }

func counts(t *testing.T) {
	var c Counts
	walks := 0
	during := func() {}
	of := func(mark int64) int64 {
		u, err := c.Of("a", mark, func() (fs.Usage, error) {
			walks++
			during()
			return fs.Usage{Bytes: int64(walks)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return u.Bytes
	}
	for _, row := range []struct {
		what   string
		before func()
		mark   int64
		want   int64
	}{
		{"first", func() {}, 1, 1},
		{"kept", func() {}, 1, 1},
		{"another mark", func() {}, 2, 2},
		{"too old", func() { time.Sleep(11 * time.Minute) }, 2, 3},
		{"kept again", func() {}, 2, 3},
		{"a writer", func() { c.Begin("a") }, 2, 4},
		{"still", func() {}, 2, 5},
		{"two", func() { c.Begin("a"); c.End("a") }, 2, 6},
		{"none", func() { c.End("a") }, 2, 7},
		{"kept after that", func() {}, 2, 7},
		{"another's writer", func() { c.Begin("b") }, 2, 7},
		{"a short one", func() { c.Begin("a"); c.End("a") }, 2, 8},
		{"gone", func() { c.Begin("a"); c.Forget("a") }, 2, 9},
		{"gone with its writers", func() {}, 2, 9},
		{"written while it is counted", func() { c.Forget("a"); during = func() { c.Begin("a"); c.End("a") } }, 2, 10},
		{"which is no count", func() { during = func() {} }, 2, 11},
	} {
		row.before()
		if got := of(row.mark); got != row.want {
			t.Errorf("%s: count %d, want %d", row.what, got, row.want)
		}
	}
	broken := errors.New("broken")
	for range 2 {
		if _, err := c.Of("c", 0, func() (fs.Usage, error) { return fs.Usage{}, broken }); err != broken {
			t.Errorf("%v", err)
		}
	}
}
