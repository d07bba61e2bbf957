package filter

import "testing"

func TestValidPorts(t *testing.T) {
	for v, want := range map[string]bool{"80": true, "80/udp": true, "1-5": true, "5-1": false, "x": false, "": false,
		"70000": false, "1-2-3": false} {
		if ValidPorts(v) != want {
			t.Errorf("%q: %v", v, !want)
		}
	}
}
