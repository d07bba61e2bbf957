package keeper

import "testing"

// TestSlot checks that a hanging start does not keep others waiting for good, and that freeing a place late or twice
// gives back nothing more.
func TestSlot(t *testing.T) {
	k := &Keeper{slots: make(chan struct{}, 2)}
	hanging := []func(){k.slot(), k.slot()}
	k.slot()() // gets its place once a hanging start no longer counts
	for _, free := range hanging {
		free()
		free()
	}
	if n := len(k.slots); n != 0 {
		t.Errorf("%d slots are taken", n)
	}
}
