package engine

import (
	"testing"
	"time"
)

// TestBackoff is Docker's: 100 ms, doubled up to a minute, anew after a run of 10 s.
func TestBackoff(t *testing.T) {
	var d time.Duration
	for i := range 12 {
		want := min(100*time.Millisecond<<i, time.Minute)
		if d = nextBackoff(d, time.Second); d != want {
			t.Fatalf("restart %d after %s, want %s", i+1, d, want)
		}
	}
	if d = nextBackoff(d, 10*time.Second); d != firstBackoff {
		t.Fatal(d)
	}
	if d = nextBackoff(d, 9*time.Second); d != 2*firstBackoff {
		t.Fatal(d)
	}
}
