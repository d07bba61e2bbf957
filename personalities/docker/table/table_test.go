package table

import (
	"strings"
	"testing"
	"text/tabwriter"
)

func tableText(t *testing.T, tab *table) string {
	t.Helper()
	var b strings.Builder
	if err := tab.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A table is laid out as Docker's, which text/tabwriter makes.
func TestTableLayout(t *testing.T) {
	for _, text := range []string{
		"A\tB\n",
		"CONTAINER ID\tIMAGE\tNAMES\n0123456789ab\tbusybox\tone\n0123456789ac\ta-much-longer-name\ttwo\n",
		"A\tB\tC\n\t\t\nx\t\ty\n",
		"NAME\n한국\n",
	} {
		var want strings.Builder
		w := tabwriter.NewWriter(&want, minCell, 1, gap, ' ', 0)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got := tableText(t, readTable(text)); got != want.String() {
			t.Errorf("%q:\n%s\nwant:\n%s", text, got, want.String())
		}
	}
}

// Columns stand one under the other on the screen, whatever is in them.
func TestTableWide(t *testing.T) {
	got := tableText(t, readTable("NAME\tDRIVER\n데이터베이스저장소\tlocal\nplain\tlocal\n漢字\tlocal\n"))
	for line := range strings.Lines(got) {
		cut := strings.LastIndex(line, " ")
		if at := Width(line[:cut+1]); at != 21 {
			t.Errorf("%q: the second column begins at %d", line, at)
		}
	}
}
