package lifecycle

import (
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
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

// TestAgain: each policy at each kind of end, and when the daemon starts.
func TestAgain(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	policy := func(name api.RestartPolicyMode, most int) api.RestartPolicy {
		return api.RestartPolicy{Name: name, MaximumRetryCount: most}
	}
	for _, row := range []struct {
		what        string
		p           api.RestartPolicy
		st          Status
		code        int
		again, boot bool
	}{
		{"none", policy("no", 0), Status{}, 1, false, false},
		{"unset", policy("", 0), Status{}, 1, false, false},
		{"always, well", policy("always", 0), Status{}, 0, true, true},
		{"always, stopped", policy("always", 0), Status{ByHand: true, NoRestart: true}, 0, false, true},
		{"always, killed with another signal", policy("always", 0), Status{ByHand: true}, 0, true, true},
		{"unless-stopped", policy("unless-stopped", 0), Status{}, 0, true, true},
		{"unless-stopped, stopped", policy("unless-stopped", 0), Status{ByHand: true}, 0, false, false},
		{"on-failure, well", policy("on-failure", 0), Status{}, 0, false, false},
		{"on-failure, ill", policy("on-failure", 0), Status{Restarts: 99}, 3, true, true},
		{"on-failure, tries left", policy("on-failure", 3), Status{Restarts: 2}, 3, true, true},
		{"on-failure, no tries left", policy("on-failure", 3), Status{Restarts: 3}, 3, false, false},
		{"on-failure, stopped", policy("on-failure", 0), Status{ByHand: true, NoRestart: true}, 143, false, false},
	} {
		row.st.Started = begin
		again, delay := Again(row.p, &row.st, row.code, begin.Add(time.Second))
		if again != row.again || (delay > 0) != again {
			t.Errorf("%s: again %v after %s", row.what, again, delay)
		}
		row.st.ExitCode = row.code
		if boot := AtBoot(row.p, &row.st); boot != row.boot {
			t.Errorf("%s: when the daemon starts %v", row.what, boot)
		}
	}
}
