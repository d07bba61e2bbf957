package progress

import (
	"bytes"
	"strings"
	"testing"

	"box/netapi/wire"
)

func TestProgressInATerminal(t *testing.T) {
	var out bytes.Buffer
	d := display{w: &out, tty: true, fd: -1, lines: map[string]int{}}
	for _, m := range []wire.Message{
		{ID: "a", Status: "Waiting", Detail: &wire.Progress{}},
		{ID: "b", Status: "Waiting", Detail: &wire.Progress{}},
		{ID: "a", Status: "Downloading", Detail: &wire.Progress{Current: 50, Total: 100}},
		{Status: "Done"},
	} {
		if err := d.show(&m); err != nil {
			t.Fatal(err)
		}
	}
	got := out.String()
	if !strings.Contains(got, "\x1b[2A\x1b[2K\ra: Downloading [") || !strings.HasSuffix(got, "\x1b[2BDone\n") {
		t.Errorf("%q", got)
	}
}

func TestBar(t *testing.T) {
	for _, row := range []struct {
		p     wire.Progress
		width int
		want  string
	}{
		{wire.Progress{}, 80, ""},
		{wire.Progress{Current: 1500}, 80, "1.5kB"},
		{wire.Progress{Current: 50, Total: 100}, 30, "[=======>      ]      50B/100B"},
		{wire.Progress{Current: 100, Total: 100}, 30, "[==============]     100B/100B"},
		{wire.Progress{Current: 2, Total: 5, Units: "files"}, 12, "2/5 files"},
		{wire.Progress{Current: 200, Total: 100}, 30, "200B"},
	} {
		if got := bar(&row.p, row.width); got != row.want {
			t.Errorf("%+v in %d: %q, want %q", row.p, row.width, got, row.want)
		}
	}
}
