package container

import (
	"strings"
	"testing"

	"box/personalities/docker/table"
)

// TestLsFits: in a narrow window columns are cut and left out, those that tell containers apart last.
func TestLsFits(t *testing.T) {
	ps := "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES\n" +
		"0123456789ab\tregistry.example/team/application:1.2.3\t\"/docker-entrypoint.…\"\t2 minutes ago\t" +
		"Up 2 minutes\t0.0.0.0:8080->80/tcp, [::]:8080->80/tcp\t데이터베이스\n"
	wide := laidOut(t, psListing(false), ps, 0)
	for _, columns := range []int{200, 120, 100, 80} {
		text := laidOut(t, psListing(false), ps, columns)
		for _, kept := range []string{"0123456789ab", "Up 2 minutes", "데이터베이스"} {
			if !strings.Contains(text, kept) {
				t.Errorf("%d: no %s in\n%s", columns, kept, text)
			}
		}
		if columns == 200 && text != wide {
			t.Errorf("a table that fits was changed:\n%s", text)
		}
	}
}

// TestStatsFit: 80 columns are enough for what usually stands in the table.
func TestStatsFit(t *testing.T) {
	laidOut(t, statsListing(), "CONTAINER ID\tNAME\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS\n"+
		"0123456789ab\tproject-application-1\t100.00%\t1021MiB / 23.45GiB\t12.34%\t1.02MB / 3.44kB\t11.2MB / 105kB\t114\n",
		80)
}

// laidOut is a table in a window, which it has to fit into.
func laidOut(t *testing.T, l *table.Listing, text string, columns int) string {
	t.Helper()
	var b strings.Builder
	if err := l.LayOut(&b, text, columns); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		width := -1 // of the line's end
		for _, r := range line {
			width++
			if r >= 0xac00 && r <= 0xd7a3 { // a syllable of Korean takes two
				width++
			}
		}
		if columns > 0 && width > columns {
			t.Errorf("%d columns in a window of %d: %s", width, columns, line)
		}
	}
	return b.String()
}
