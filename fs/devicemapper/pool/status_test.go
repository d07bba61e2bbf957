package pool

import "testing"

// TestParseStatus: lines of Linux 3.2 to 6.18, and of pools that have failed.
func TestParseStatus(t *testing.T) {
	for text, want := range map[string]Status{
		"7 14/1024 5/1000 - rw discard_passdown queue_if_no_space":            {7, 14, 1024, 5, 1000, "rw", false},
		"7 14/1024 5/1000 99 ro discard_passdown error_if_no_space - 1024":    {7, 14, 1024, 5, 1000, "ro", false},
		"7 9/9 5/5 - out_of_data_space no_discard_passdown x needs_check 256": {7, 9, 9, 5, 5, "out_of_data_space", true},
	} {
		if got, err := parseStatus(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Fail", "Error", "x 1/2 3/4 - rw", "1 12 3/4 - rw", "1 1/2 /4 - rw",
		"1 1/99999999999999999999 3/4 - rw"} {
		if got, err := parseStatus(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
