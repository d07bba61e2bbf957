package keeper

import "testing"

// TestSlot: a start that hangs does not keep others from theirs for good, and who ends late gives back nothing twice.
func TestSlot(t *testing.T) {
	k := &Keeper{slots: make(chan struct{}, 2)}
	hanging := []func(){k.slot(), k.slot()}
	k.slot()() // comes when a hanging one is counted no more
	for _, free := range hanging {
		free()
		free()
	}
	if n := len(k.slots); n != 0 {
		t.Errorf("%d slots are taken", n)
	}
}
