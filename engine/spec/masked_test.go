package spec

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestThrottling: the masks are those of the processors that are there and say something, and of nothing that is
// called alike.
func TestThrottling(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"cpu0/thermal_throttle", "cpu1/thermal_throttle", "cpu12/thermal_throttle", "cpu3/cache",
		"cpufreq/thermal_throttle", "cpuidle"} {
		if err := os.MkdirAll(filepath.Join(root, "sys/devices/system/cpu", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{}
	for _, cpu := range []string{"cpu0", "cpu1", "cpu12"} {
		want = append(want, "/sys/devices/system/cpu/"+cpu+"/thermal_throttle")
	}
	if got := throttling(root); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, path := range throttling("") {
		if !slices.Contains(MaskedPaths(), path) {
			t.Errorf("%s is not masked", path)
		}
	}
}
