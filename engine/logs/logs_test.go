package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noon is when test lines are printed.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

// open opens a log, and fails the test if lines are lost.
func open(t testing.TB, c driver.Config, o Options) *Logger {
	t.Helper()
	if o.Warn == nil {
		o.Warn = func(err error) { t.Errorf("lost: %v", err) }
	}
	l, err := Open(context.Background(), c, o)
	must(t, err)
	return l
}

// all reads a log, and formats each record's stream, text and attributes.
func all(t testing.TB, f Files, q Query) (list []string) {
	t.Helper()
	must(t, f.Read(context.Background(), q, func(e *Entry) error {
		list = append(list, fmt.Sprintf("%s %q%v", e.Stream, e.Text, e.Attrs))
		return nil
	}))
	return list
}

// recorder records lines as they come.
type recorder struct{ lines []string }

func (r *recorder) Log(_ context.Context, l *driver.Line) error {
	r.lines = append(r.lines, fmt.Sprintf("%d:%.20s#%d/%d/%v", l.Stream, l.Text, len(l.Text), l.Part, l.Last))
	return nil
}
func (r *recorder) Flush() error { return nil }
func (r *recorder) Close() error { return nil }

// TestCut checks that lines are cut where Docker cuts them, however the output is split into pieces.
func TestCut(t *testing.T) {
	long := strings.Repeat("x", driver.MaxLine)
	for _, row := range []struct {
		in   []string
		want string
	}{
		{[]string{"a\nb\n"}, "1:a#1/0/false 1:b#1/0/false"},
		{[]string{"a", "b", "c\nd"}, "1:abc#3/0/false 1:d#1/1/false"},
		{[]string{"\n\n"}, "1:#0/0/false 1:#0/0/false"},
		{[]string{""}, ""},
		{[]string{long[1:] + "\n"}, "1:xxxxxxxxxxxxxxxxxxxx#16383/0/false"},
		{[]string{long + "\n"}, "1:xxxxxxxxxxxxxxxxxxxx#16384/1/false 1:#0/2/true"},
		{[]string{long}, "1:xxxxxxxxxxxxxxxxxxxx#16384/1/false"},
		{[]string{long[:9], long + "y\n"}, "1:xxxxxxxxxxxxxxxxxxxx#16384/1/false 1:xxxxxxxxxy#10/2/true"},
		{[]string{long + long + "y\nz\n"},
			"1:xxxxxxxxxxxxxxxxxxxx#16384/1/false 1:xxxxxxxxxxxxxxxxxxxx#16384/2/false 1:y#1/3/true 1:z#1/0/false"},
		{[]string{long + "y"}, "1:xxxxxxxxxxxxxxxxxxxx#16384/1/false 1:y#1/2/false"},
	} {
		whole := strings.Join(row.in, "")
		for _, pieces := range [][]string{row.in, {whole}, strings.SplitAfter(whole, "x"), strings.SplitAfter(whole, "\n")} {
			r := &recorder{}
			l := &Logger{d: r, warn: func(error) {}}
			for _, p := range pieces {
				l.Write(context.Background(), driver.Stdout, []byte(p), noon)
			}
			l.Close(context.Background(), noon)
			if got := strings.Join(r.lines, " "); got != row.want {
				t.Errorf("%.40q in %d pieces\n got %s\nwant %s", whole, len(pieces), got, row.want)
			}
		}
	}
}

// TestJSONRecords checks that records are what encoding/json writes, and are read back unchanged.
func TestJSONRecords(t *testing.T) {
	for _, text := range []string{"", "plain", "\"quoted\" \\ back", "tab\tcr\r", "<b>&amp;", "é世界🙂\u2028\u2029",
		"\x00\x01\x1f\x7f", "bad \xff\xfe utf8", "\\u0041"} {
		for _, c := range []driver.Config{{}, {Tag: "t<ag>", Attrs: map[string]string{"b": "x y", "a": `"`}}} {
			record := jsonEncoder(c)(nil, &driver.Line{Stream: driver.Stderr, Time: noon, Text: []byte(text)})
			checkJSON(t, c, text+"\n", record)
			var e Entry
			if err := parseJSON(bytes.Clone(record), &e, true); err != nil || e.Stream != driver.Stderr || !e.Time.Equal(noon) ||
				len(e.Attrs) != len(c.Attrs)+min(1, len(c.Tag)) {
				t.Errorf("%q read back: %+v, %v", record, e, err)
			}
			if want := strings.ToValidUTF8(text+"\n", "\ufffd"); strings.ReplaceAll(string(e.Text), "\ufffd\ufffd",
				"\ufffd") != want {
				t.Errorf("%q became %q", text, e.Text)
			}
			if !glance(bytes.Clone(record), &e, false) && !strings.Contains(string(record), "ufffd") &&
				!strings.Contains(string(record), "u202") {
				t.Errorf("%s is not read at a glance", record)
			}
		}
	}
}

func checkJSON(t *testing.T, c driver.Config, text string, record []byte) {
	t.Helper()
	type shape struct {
		Log    string            `json:"log"`
		Stream string            `json:"stream"`
		Attrs  map[string]string `json:"attrs,omitempty"`
		Time   time.Time         `json:"time"`
	}
	attrs := map[string]string{}
	for k, v := range c.Attrs {
		attrs[k] = v
	}
	if c.Tag != "" {
		attrs["tag"] = c.Tag
	}
	want, err := json.Marshal(shape{text, "stderr", attrs, noon})
	must(t, err)
	// Newer versions of encoding/json write DEL and control characters with a short form differently.
	got := strings.NewReplacer(`\u0008`, `\b`, `\u000c`, `\f`).Replace(string(record))
	if got != string(want)+"\n" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestReadsWhatOthersWrite checks that records with spaces, other orders and other escapes are read.
func TestReadsWhatOthersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x-json.log")
	must(t, os.WriteFile(path, []byte(`{"stream":"stderr","log":"a\n","time":"2026-01-02T12:00:00Z"}
{ "log" : "\u00e9\ud83d\ude42\/\n", "stream" : "stdout", "time" : "2026-01-02T12:00:00+01:00", "more": [1] }
{"log":"b\u0041\n","stream":"stdout","attrs":{"k":"v"},"time":"2026-01-02T12:00:00.5Z"}
not a record
{"log":"c\n","stream":"stdout","time":"2026-01-02T12:00:01Z"}
{"log":"cut`), 0o600))
	got := strings.Join(all(t, Files{Path: path}, Query{Tail: -1, Details: true}), " ")
	if want := `stderr "a\n"map[] stdout "é🙂/\n"map[] stdout "bA\n"map[k:v] stdout "c\n"map[]`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestMend checks that a file cut anywhere is read up to its last complete record, and appended to.
func TestMend(t *testing.T) {
	for _, name := range []string{"json-file", "local"} {
		dir := t.TempDir()
		c := driver.Config{Driver: name, Path: filepath.Join(dir, "log")}
		files := Files{Path: c.Path, Local: name == "local"}
		l := open(t, c, Options{})
		var ends []int64 // size of the file after each record
		for i := range 5 {
			l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", i), noon)
			st, err := os.Stat(c.Path)
			must(t, err)
			ends = append(ends, st.Size())
		}
		l.Close(context.Background(), noon)
		raw, err := os.ReadFile(c.Path)
		must(t, err)
		for size := range int64(len(raw)) + 1 {
			for _, tail := range []string{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
				must(t, os.WriteFile(c.Path, append(bytes.Clone(raw[:size]), tail...), 0o600))
				whole := 0
				for whole < len(ends) && ends[whole] <= size {
					whole++
				}
				if got := all(t, files, Query{Tail: -1}); len(got) != whole {
					t.Fatalf("%s cut at %d: %d records of %d: %v", name, size, len(got), whole, got)
				}
				if got := all(t, files, Query{Tail: 2}); len(got) != min(2, whole) && name == "json-file" {
					t.Fatalf("%s cut at %d: the last two are %v", name, size, got)
				}
				l := open(t, c, Options{})
				l.Write(context.Background(), driver.Stdout, []byte("new\n"), noon)
				l.Close(context.Background(), noon)
				got := all(t, files, Query{Tail: -1})
				if len(got) != whole+1 || !strings.Contains(got[whole], "new") {
					t.Fatalf("%s cut at %d with %d zeros: then %v, want %d and a new one", name, size, len(tail), got, whole)
				}
				if got := all(t, files, Query{Tail: 2}); len(got) != min(2, whole+1) {
					t.Fatalf("%s cut at %d and mended: the last two are %v", name, size, got)
				}
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"2026-01-02T12:00:00Z"}` + "\n"))
	f.Add([]byte(`{"log":"\u003c\"\\","stream":"stderr","attrs":{"a":"b"},"time":"2026-01-02T12:00:00.1Z"}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var quick, slow Entry
		if !glance(bytes.Clone(raw), &quick, false) {
			return
		}
		var r jsonRecord
		if json.Unmarshal(raw, &r) != nil {
			return // glance tolerates some invalid JSON
		}
		slow.Text = []byte(r.Log)
		if string(quick.Text) != r.Log && !strings.Contains(r.Log, "\ufffd") || !quick.Time.Equal(r.Time) ||
			quick.Stream.String() != r.Stream {
			t.Errorf("%q at a glance is %+v, else %+v", raw, quick, r)
		}
	})
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T12:00:00Z\"}\n"), false)
	f.Add(appendLocal(nil, &driver.Line{Stream: driver.Stdout, Time: noon, Text: []byte("x"), Part: 1, ID: "i"}), true)
	path := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, raw []byte, local bool) {
		must(t, os.WriteFile(path, raw, 0o600))
		files := Files{Path: path, Local: local}
		every := len(all(t, files, Query{Tail: -1}))
		if n := len(all(t, files, Query{Tail: 1})); n > 1 ||
			!local && n > every { // in local's format the end is readable after damage
			t.Errorf("the last one of %d are %d", every, n)
		}
		l := &file{path: path, format: format{local: local}}
		must(t, l.open())
		must(t, l.Close())
		if n := len(all(t, files, Query{Tail: -1})); n > every {
			t.Errorf("%d records became %d", every, n)
		}
	})
}
