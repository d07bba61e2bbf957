package history

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"box/engine/stats/sample"
)

var day = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// openTest opens a store that is closed with the test.
func openTest(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// add is Append by a clock that is quicker than the disk, which is therefore written to here every minute.
func add(s *Store, series string, at time.Time, values []float64) {
	s.Append(series, at, values)
	s.mu.Lock()
	now := s.flushed
	s.mu.Unlock()
	if written[s] != now {
		written[s] = now
		_ = s.Flush()
	}
}

// written is when the stores of add were written to.
var written = map[*Store]int64{}

// row is a row of a container: its first column is v, and so is its maximum.
func row(v float64) []float64 {
	r := make([]float64, len(sample.ContainerColumns))
	for i := range r {
		r[i] = math.NaN()
	}
	r[0], r[1] = v, v
	return r
}

// cell is a value of a history, or NaN.
func cell(h sample.History, column, n int) float64 {
	if p := h.Values[column][n]; p != nil {
		return *p
	}
	return math.NaN()
}

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 0.006*math.Abs(b)+1e-4
}

// TestQuery: every tier is there, in one step, never more than was asked for, and a restart changes nothing of what is
// on disk.
func TestQuery(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	at := day
	for ; at.Before(day.Add(48 * time.Hour)); at = at.Add(10 * time.Second) {
		add(s, "c", at, row(float64(at.Unix()/3600%24)+1)) // the hour
	}
	for end := at.Add(5 * time.Minute); at.Before(end); at = at.Add(time.Second) {
		add(s, "c", at, row(float64(at.Unix()%60)))
	}
	for _, row := range []struct {
		name   string
		back   time.Duration
		points int
		step   float64
	}{
		{"seconds", 2 * time.Minute, 200, 1},
		{"tens", 2 * time.Hour, 1000, 10},
		{"a day", 24 * time.Hour, 100, 870},
		{"all", 48 * time.Hour, 1000, 180},
		{"one", time.Hour, 1, 3600},
		{"two", time.Hour, 2, 3600},
		{"more than is kept", 400 * 24 * time.Hour, 500, 69260},
	} {
		h := s.Query("c", at.Add(-row.back), at, row.points)
		if h.Step != row.step || len(h.Values) != len(h.Columns) || len(h.Values[0]) > row.points {
			t.Errorf("%s: a step of %g s, %d moments", row.name, h.Step, len(h.Values[0]))
		}
	}
	h := s.Query("c", at.Add(-2*time.Minute), at, 200)
	for n := range h.Values[0] {
		moment := h.At.Add(time.Duration(n) * time.Second)
		got, want := cell(h, 0, n), float64(moment.Add(time.Second).Unix()%60)
		if moment.Before(at.Add(-time.Second)) && !near(got, want) {
			t.Fatalf("at %s it is %g, want %g", moment, got, want)
		}
	}
	check := func(s *Store) {
		t.Helper()
		for _, span := range []time.Duration{24 * time.Hour, 47 * time.Hour} {
			h := s.Query("c", day.Add(48*time.Hour-span), day.Add(48*time.Hour), 10_000)
			for n := range h.Values[0] {
				moment := h.At.Add(time.Duration(float64(n)*h.Step) * time.Second)
				if m := moment.Minute(); m < 5 || m > 54 {
					continue // a row may be of two hours
				}
				if got, want := cell(h, 0, n), float64(moment.Unix()/3600%24)+1; !near(got, want) {
					t.Fatalf("%s: at %s it is %g, want %g", span, moment, got, want)
				}
			}
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, Options{})
	check(s)
	if h := s.Query("none", day, at, 10); len(h.Values) != len(sample.ContainerColumns) || len(h.Values[0]) != 0 {
		t.Errorf("%+v of a series that is none", h)
	}
	if h := s.Query("host", day, at, 10); len(h.Columns) != len(sample.HostColumns) {
		t.Errorf("%v of the host", h.Columns)
	}
}

// TestSums: what was sent in a time is the same however it is cut: means are of the time that they stand for, a row
// that two measurements are part of included, and maxima are maxima.
func TestSums(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	at, total, highest := day, 0.0, 0.0
	for n := range 2000 {
		every := 9500*time.Millisecond + time.Duration(n*7919%1000)*time.Millisecond
		at = at.Add(every)
		v := float64(n%50) + 1
		if n > 0 { // the first stands for ten seconds
			total += v * every.Seconds()
		} else {
			total += v * 10
		}
		highest = max(highest, v)
		add(s, "c", at, row(v))
	}
	for _, points := range []int{3, 40, 300, 2500} {
		h := s.Query("c", day.Add(-time.Minute), at.Add(time.Minute), points)
		got, most := 0.0, 0.0
		for n := range h.Values[0] {
			if v := cell(h, 1, n); !math.IsNaN(v) {
				most = max(most, v)
			}
		}
		for n := range h.Values[0] {
			if v := cell(h, 0, n); !math.IsNaN(v) {
				from := h.At.Add(time.Duration(n) * time.Duration(h.Step) * time.Second)
				to := from.Add(time.Duration(h.Step) * time.Second)
				if first := day.Add(-500 * time.Millisecond); from.Before(first) {
					from = first
				}
				if to.After(at) {
					to = at
				}
				got += v * to.Sub(from).Seconds()
			}
		}
		if math.Abs(got/total-1) > 0.01 || !near(most, highest) {
			t.Errorf("%d points: a sum of %g, want %g; the highest is %g, want %g", points, got, total, most, highest)
		}
	}
}

// TestGone: what is gone is kept for a while, and no more than a few.
func TestGone(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{KeepMax: 3, Keep: time.Hour})
	for n := range 5 {
		name := fmt.Sprint("c", n)
		for k := range 10 {
			add(s, name, day.Add(time.Duration(k)*10*time.Second), row(float64(n+1)))
		}
		if n > 0 {
			s.Gone(name, day.Add(time.Duration(n)*10*time.Minute))
		}
	}
	_ = s.Flush()
	if got := fmt.Sprint(s.Series()); got != "[c0 c2 c3 c4]" {
		t.Errorf("%s are kept", got)
	}
	if h := s.Query("c2", day, day.Add(time.Minute), 10); !near(cell(h, 0, 2), 3) {
		t.Errorf("what is gone was %g", cell(h, 0, 2))
	}
	s.Close()
	s = openTest(t, dir, Options{KeepMax: 3, Keep: time.Hour})
	add(s, "c0", day.Add(85*time.Minute), row(1))
	add(s, "c3", day.Add(85*time.Minute), row(1)) // it is back
	for _, name := range []string{"c1", "c2", "c4"} {
		s.Gone(name, day.Add(10*time.Minute)) // of which the last was said to be so later, and is
	}
	_ = s.Flush()
	if got := fmt.Sprint(s.Series()); got != "[c0 c3 c4]" {
		t.Errorf("%s are kept", got)
	}
	s.Forget("c3")
	s.Forget("c3")
	if got := fmt.Sprint(s.Series()); got != "[c0 c4]" {
		t.Errorf("%s are kept", got)
	}
}

// TestDamage: files that are no history, cut, or of zeros are set aside, and it begins anew; one bad page is a gap.
func TestDamage(t *testing.T) {
	good := t.TempDir()
	s := openTest(t, good, Options{})
	for n := range 2000 {
		add(s, "c", day.Add(time.Duration(n)*10*time.Second), row(3))
	}
	s.broken = true // so that there are pages
	s.Close()
	raw := map[string][]byte{}
	for _, name := range []string{"journal", "pages"} {
		raw[name], _ = os.ReadFile(filepath.Join(good, name))
	}
	if len(raw["pages"]) == 0 || len(raw["journal"]) == 0 {
		t.Fatal("nothing was written")
	}
	for name, c := range map[string]struct {
		file  string
		data  []byte
		aside bool
	}{
		"an empty journal":      {"journal", nil, true},
		"a journal of zeros":    {"journal", make([]byte, 4096), true},
		"a journal of text":     {"journal", []byte("hello, this is not a journal at all"), true},
		"half a journal":        {"journal", raw["journal"][:len(raw["journal"])/2], true},
		"more behind it":        {"journal", append(bytes.Clone(raw["journal"]), 1, 2, 3), false},
		"pages of zeros":        {"pages", make([]byte, len(raw["pages"])), false},
		"no pages":              {"pages", nil, false},
		"pages, cut":            {"pages", raw["pages"][:100], false},
		"a byte of a page":      {"pages", flip(raw["pages"], 100), false},
		"a byte of the journal": {"journal", flip(raw["journal"], 12), true},
	} {
		dir := t.TempDir()
		for file, data := range raw {
			if file == c.file {
				data = c.data
			}
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := openTest(t, dir, Options{})
		_, err := os.Stat(filepath.Join(dir, c.file+".damaged"))
		if (err == nil) != c.aside {
			t.Errorf("%s: set aside: %v", name, err)
		}
		later := day.Add(24 * time.Hour)
		for n := range 10 {
			add(s, "c", later.Add(time.Duration(n)*10*time.Second), row(5))
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s = openTest(t, dir, Options{})
		h := s.Query("c", later, later.Add(time.Minute), 10)
		if !near(cell(h, 0, 1), 5) {
			t.Errorf("%s: what came later was %g", name, cell(h, 0, 1))
		}
		s.Close()
	}
}

func flip(raw []byte, at int) []byte {
	out := append([]byte(nil), raw...)
	out[at] ^= 0xff
	return out
}

// FuzzJournal: whatever a directory and a record of rows say, the history opens, and takes what comes.
func FuzzJournal(f *testing.F) {
	s, err := Open(f.TempDir(), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	for n := range 700 {
		s.Append("host", day.Add(time.Duration(n)*10*time.Second), make([]float64, len(sample.HostColumns)))
		s.Append("c", day.Add(time.Duration(n)*10*time.Second), row(float64(n)))
	}
	s.Gone("c", day)
	rows := s.rows()
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	_, records, err := openJournal(s.file("journal"), nil)
	if err != nil {
		f.Fatal(err)
	}
	pages, err := os.ReadFile(s.file("pages"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(records[0], rows)
	f.Add([]byte{version}, rows)
	f.Fuzz(func(t *testing.T, directory, rows []byte) {
		dir := home(t)
		raw, sum := record(nil, 0, directory)
		raw, _ = record(raw, sum, rows)
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "journal"), raw, 0o600),
			os.WriteFile(filepath.Join(dir, "pages"), pages, 0o600)); err != nil {
			t.Fatal(err)
		}
		s := openTest(t, dir, Options{})
		later := day.Add(240 * time.Hour)
		for n := range 10 {
			s.Append("c", later.Add(time.Duration(n)*10*time.Second), row(7))
		}
		s.Query("c", later.AddDate(-1, 0, 0), later, 100)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openTest(t, dir, Options{})
		if h := s.Query("c", later, later.Add(time.Minute), 10); !near(cell(h, 0, 1), 7) {
			t.Errorf("what came later was %g", cell(h, 0, 1))
		}
		s.Close()
	})
}
