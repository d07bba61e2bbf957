package docker

import (
	"slices"
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
		if at := displayWidth(line[:cut+1]); at != 21 {
			t.Errorf("%q: the second column begins at %d", line, at)
		}
	}
}

func TestTableFits(t *testing.T) {
	ps := "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES\n" +
		"0123456789ab\tregistry.example/team/application:1.2.3\t\"/docker-entrypoint.…\"\t2 minutes ago\t" +
		"Up 2 minutes\t0.0.0.0:8080->80/tcp, [::]:8080->80/tcp\t데이터베이스\n"
	l := psListing(false)
	for _, columns := range []int{200, 120, 100, 80} {
		tab := readTable(ps)
		tab.fields = l.fieldNames()
		tab.fit(columns, l.flexible, l.optional)
		text := tableText(t, tab)
		for line := range strings.Lines(text) {
			if w := displayWidth(strings.TrimSuffix(line, "\n")); w > columns {
				t.Errorf("%d columns in a window of %d: %s", w, columns, line)
			}
		}
		for _, kept := range []string{"0123456789ab", "Up 2 minutes", "데이터베이스"} {
			if !strings.Contains(text, kept) {
				t.Errorf("%d: no %s in\n%s", columns, kept, text)
			}
		}
		if columns == 200 && text != tableText(t, readTable(ps)) {
			t.Errorf("a table that fits was changed:\n%s", text)
		}
	}
}

// Every table of the client fits into 80 columns with what usually stands in it.
func TestListingsFit(t *testing.T) {
	for name, row := range map[string]struct {
		l     *listing
		cells []string
	}{
		"images": {imageListing(false), []string{"registry.example:5000/team/application", "1.2.3-alpine", "0123456789ab",
			"2 weeks ago", "188MB"}},
		"stats": {statsListing(), []string{"0123456789ab", "project-application-1", "100.00%", "1021MiB / 23.45GiB", "12.34%",
			"1.02MB / 3.44kB", "11.2MB / 105kB", "114"}},
	} {
		var headers []string
		for _, c := range row.l.standard {
			headers = append(headers, c[1])
		}
		tab := &table{lines: [][]string{headers, slices.Clone(row.cells)}, fields: row.l.fieldNames(), gap: gap, min: minCell}
		tab.fit(80, row.l.flexible, row.l.optional)
		if tab.total() > 80 {
			t.Errorf("%s takes %d columns:\n%s", name, tab.total(), tableText(t, tab))
		}
	}
}
