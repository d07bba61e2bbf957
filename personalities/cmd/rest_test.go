package cmd

import (
	"os"
	"strings"
	"testing"
)

// TestGiveBack: less of the program is in memory afterwards, and it runs on.
func TestGiveBack(t *testing.T) {
	if len(programPages()) == 0 {
		t.Fatal("no mapping of the executable was found")
	}
	touched := strings.Repeat("x", 1<<20)
	before := resident(t)
	new(Rest).giveBack()
	if after := resident(t); after >= before {
		t.Errorf("%s kB of files were mapped before, %s kB after", before, after)
	}
	if strings.Count(touched, "x") != 1<<20 {
		t.Error("memory of our own is gone")
	}
}

// resident is what is mapped of files, kB in eight digits.
func resident(t *testing.T) string {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if w := strings.Fields(line); w[0] == "RssFile:" {
			return strings.Repeat("0", 8-len(w[1])) + w[1]
		}
	}
	t.Fatal("no RssFile")
	return ""
}
