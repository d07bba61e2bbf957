package progress

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"box/personalities/docker/session"
)

// TestReader: what is quick is not told of; what is not, now and then, and in a terminal on one line that is whole at
// the end.
func TestReader(t *testing.T) {
	for _, row := range []struct {
		name  string
		step  time.Duration
		tty   bool
		total int64
		want  string
	}{
		{"quick", 10 * time.Millisecond, false, 0, ""},
		{"lines", 2 * time.Second, false, 0, "Saving 1B\nSaving 6B\nSaving 11B\n"},
		{"lines with a total", 3 * time.Second, false, 12, "Saving [=>               ]       1B/12B\n"},
		{"a terminal", 4 * time.Second, true, 0, "\r\x1b[KSaving 1B\r\x1b[KSaving 2B\r\x1b[KSaving 3B"},
		{"a terminal and a total", 4 * time.Second, true, 12, "\r\x1b[KSaving [=>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out bytes.Buffer
			now := time.Unix(0, 0)
			s := &session.Session{Err: &out}
			g, done := Reader(s, "Saving", row.total, strings.NewReader("123456789abc"))
			g.begun, g.tty, g.now = now, row.tty, func() time.Time { now = now.Add(row.step); return now }
			if row.total > 0 {
				g.columns = 40
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, g, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			done()
			got := out.String()
			if !strings.HasPrefix(got, row.want) || row.want == "" && got != "" || row.tty &&
				!strings.HasSuffix(got, "]      12B/12B\n") {
				t.Errorf("told %q, want %q", got, row.want)
			}
		})
	}
}
