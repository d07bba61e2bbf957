package web

import (
	"testing"

	"github.com/moby/moby/api/types/container"
)

// Daemons refuse a new limit of memory without a word of swap where none was limited: such a container keeps all swap.
func TestSwapWith(t *testing.T) {
	for _, row := range []struct{ memory, swap, want int64 }{{0, 0, -1}, {5, -1, -1}, {5, 5, 100}, {5, 12, 107}} {
		old := container.Resources{Memory: row.memory, MemorySwap: row.swap}
		if got := swapWith(100, &old); got != row.want {
			t.Errorf("of %+v: %d", row, got)
		}
	}
}
