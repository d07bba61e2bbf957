package logs

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"box/engine/logs/driver"
)

// kinds are the ways to keep a log in files.
var kinds = []struct {
	name    string
	driver  string
	lag     int64 // lines that a follower may lag behind and still see all
	options map[string]string
}{
	{"one", "json-file", 40, map[string]string{"max-size": "4k"}},
	{"three", "json-file", 90, map[string]string{"max-size": "4k", "max-file": "3"}},
	{"packed", "json-file", 90, map[string]string{"max-size": "4k", "max-file": "4", "compress": "true"}},
	{"local", "local", 90, map[string]string{"max-size": "4k", "max-file": "3", "compress": "false"}},
	{"local packed", "local", 90, map[string]string{"max-size": "4k"}},
	{"nonblocking", "json-file", 90, map[string]string{"max-size": "4k", "max-file": "3", "mode": "non-blocking"}},
}

// numbersOf returns the numbers N of lines "line N".
func numbersOf(t testing.TB, f Files, q Query) (list []int) {
	t.Helper()
	must(t, f.Read(context.Background(), q, func(e *Entry) error {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(string(e.Text), "line "), "\n"))
		list = append(list, n)
		return err
	}))
	return list
}

// checkRun fails unless list counts up by one to last.
func checkRun(t testing.TB, what string, list []int, last int) {
	t.Helper()
	for i := 1; i < len(list); i++ {
		if list[i] != list[i-1]+1 {
			t.Fatalf("%s: line %d comes after line %d", what, list[i], list[i-1])
		}
	}
	if len(list) == 0 || list[len(list)-1] != last {
		t.Fatalf("%s: %d lines, not up to line %d", what, len(list), last)
	}
}

// TestRotation writes through many rotations beside a follower and a reader, and checks that neither sees a line
// twice or out of order, or misses one that is kept.
func TestRotation(t *testing.T) {
	const lines = 5000
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			packer := NewPacker(nil)
			defer packer.Stop()
			c := driver.Config{Driver: k.driver, Options: k.options, Path: filepath.Join(t.TempDir(), "log")}
			files := Files{Path: c.Path, Local: k.driver == "local"}
			l := open(t, c, Options{Packer: packer})
			done, followed := make(chan struct{}), make(chan []int)
			var seen atomic.Int64
			go func() { followed <- follow(t, files, done, &seen) }()
			for i := range lines {
				l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", i), time.Now())
				for int64(i)-seen.Load() > k.lag {
					time.Sleep(100 * time.Microsecond)
				}
				if i%1000 == 999 && k.name != "nonblocking" {
					checkRun(t, "read beside", numbersOf(t, files, Query{Tail: -1}), i)
				}
			}
			l.Close(context.Background(), noon)
			close(done)
			list := <-followed
			checkRun(t, "followed", list, lines-1)
			if list[0] != 0 {
				t.Errorf("the follower began with line %d", list[0])
			}
			kept := numbersOf(t, files, Query{Tail: -1})
			checkRun(t, "kept", kept, lines-1)
			for _, n := range []int{0, 1, 2, 50, len(kept) - 1, len(kept), len(kept) + 9} {
				if got := numbersOf(t, files, Query{Tail: n}); !slices.Equal(got, kept[max(0, len(kept)-n):]) {
					t.Errorf("the last %d of %d lines are %d to the end", n, len(kept), len(got))
				}
			}
		})
	}
}

// follow is numbersOf for a follower, and records its progress in seen.
func follow(t testing.TB, f Files, done <-chan struct{}, seen *atomic.Int64) (list []int) {
	err := f.Read(context.Background(), Query{Tail: -1, Follow: true, Done: done}, func(e *Entry) error {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(string(e.Text), "line "), "\n"))
		list = append(list, n)
		seen.Store(int64(n))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// TestTimes checks that since and until select across files, including compressed ones.
func TestTimes(t *testing.T) {
	packer := NewPacker(nil)
	defer packer.Stop()
	c := driver.Config{Driver: "json-file", Options: map[string]string{"max-size": "1k", "max-file": "9", "compress": "1"},
		Path: filepath.Join(t.TempDir(), "log")}
	l := open(t, c, Options{Packer: packer})
	for i := range 60 {
		l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", i), noon.Add(time.Duration(i)*time.Second))
	}
	l.Close(context.Background(), noon)
	packer.work.Wait()
	if found, _ := filepath.Glob(c.Path + ".*.gz"); len(found) < 2 {
		t.Fatalf("%d compressed files", len(found))
	}
	for from := -1; from <= 60; from++ {
		q := Query{Tail: -1, Since: noon.Add(time.Duration(from) * time.Second),
			Until: noon.Add(time.Duration(from+5) * time.Second)}
		got := numbersOf(t, Files{Path: c.Path}, q)
		var want []int
		for n := max(0, from); n <= min(59, from+5); n++ {
			want = append(want, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("since %d: %v, want %v", from, got, want)
		}
	}
}

// TestPacked checks that gunzip and Docker can read compressed files, that their header has the time of the last
// line, and that files that a crash left plain, or twice, are repaired when the log is opened again.
func TestPacked(t *testing.T) {
	dir := t.TempDir()
	c := driver.Config{Driver: "json-file", Options: map[string]string{"max-size": "1k", "max-file": "3",
		"compress": "true"},
		Path: filepath.Join(dir, "log")}
	stopped := NewPacker(nil)
	stopped.Stop()
	l := open(t, c, Options{Packer: stopped})
	for i := range 40 {
		l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", i), noon.Add(time.Duration(i)*time.Second))
	}
	l.Close(context.Background(), noon)
	kept := numbersOf(t, Files{Path: c.Path}, Query{Tail: -1})
	must(t, os.WriteFile(c.Path+".2.gz", gzipped(t, c.Path+".2"), 0o600)) // the crash came before .2 was deleted
	must(t, os.WriteFile(c.Path+".tmp", []byte("half"), 0o600))

	packer := NewPacker(nil)
	open(t, c, Options{Packer: packer}).Close(context.Background(), noon)
	packer.work.Wait()
	var names []string
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "log log.1.gz log.2.gz" {
		t.Errorf("there are %s", got)
	}
	if got := numbersOf(t, Files{Path: c.Path}, Query{Tail: -1}); !slices.Equal(got, kept) {
		t.Errorf("%v became %v", kept, got)
	}
	f, err := os.Open(c.Path + ".1.gz")
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	var head struct {
		LastTime time.Time `json:"lastTime"`
	}
	must(t, json.Unmarshal(z.Extra, &head))
	last := ""
	for in := bufio.NewScanner(z); in.Scan(); {
		last = in.Text()
	}
	if !strings.Contains(last, head.LastTime.Format(time.RFC3339Nano)) {
		t.Errorf("the head says %s, the last line is %s", head.LastTime, last)
	}
}

func gzipped(t *testing.T, path string) []byte {
	raw, err := os.ReadFile(path)
	must(t, err)
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, err = z.Write(raw)
	must(t, err)
	must(t, z.Close())
	return []byte(b.String())
}

// TestFollowerFindsItsPlace checks that a follower whose file was compressed or deleted meanwhile continues with the
// next existing one.
func TestFollowerFindsItsPlace(t *testing.T) {
	for _, row := range []struct {
		name  string
		files string // max-file
		lines int    // lines written while the follower is busy with line 0
		first int    // the line that it sees next
	}{{"compressed", "9", 60, 1}, {"gone", "2", 60, -1}} {
		t.Run(row.name, func(t *testing.T) {
			packer := NewPacker(nil)
			defer packer.Stop()
			c := driver.Config{Driver: "json-file",
				Options: map[string]string{"max-size": "1k", "max-file": row.files, "compress": "true"},
				Path:    filepath.Join(t.TempDir(), "log")}
			l := open(t, c, Options{Packer: packer})
			write := func(n int) { l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", n), noon) }
			write(0)
			done := make(chan struct{})
			var got []int
			must(t, Files{Path: c.Path}.Read(context.Background(), Query{Tail: -1, Follow: true, Done: done},
				func(e *Entry) error {
					n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(string(e.Text), "line "), "\n"))
					if n == 0 {
						for i := range row.lines {
							write(1 + i)
							packer.work.Wait()
						}
						close(done)
					}
					got = append(got, n)
					return err
				}))
			kept := numbersOf(t, Files{Path: c.Path}, Query{Tail: -1})
			if row.first < 0 {
				// It sees the rest of the file that it had open, and what is kept.
				i := slices.Index(got, kept[0])
				if i < 0 || !slices.Equal(got[i:], kept) || !slices.IsSorted(got) {
					t.Errorf("followed %v, kept %v", got, kept)
				}
				return
			}
			checkRun(t, "followed", got, row.lines)
		})
	}
}

func TestFollowerOfEmptiedFile(t *testing.T) {
	c := driver.Config{Driver: "json-file", Path: filepath.Join(t.TempDir(), "log")}
	l := open(t, c, Options{})
	l.Write(context.Background(), driver.Stdout, []byte("line 1\nline 2\n"), noon)
	done := make(chan struct{})
	var got []string
	must(t, Files{Path: c.Path}.Read(context.Background(), Query{Tail: -1, Follow: true, Done: done},
		func(e *Entry) error {
			if got = append(got, string(e.Text)); len(got) == 2 {
				must(t, os.Truncate(c.Path, 0))
				l.Write(context.Background(), driver.Stdout, []byte("line 3\n"), noon)
				close(done)
			}
			return nil
		}))
	if s := strings.Join(got, ""); s != "line 1\nline 2\nline 3\n" {
		t.Errorf("got %q", s)
	}
}

// TestDefaultIsBounded checks that the default is 10 MB and three files, and that max-size=-1 removes the bound.
func TestDefaultIsBounded(t *testing.T) {
	for _, row := range []struct {
		options map[string]string
		want    rotation
	}{
		{nil, rotation{10_000_000, 3, false}},
		{map[string]string{"max-size": "-1"}, rotation{0, 1, false}},
		{map[string]string{"max-size": "1m"}, rotation{1_000_000, 1, false}},
		{map[string]string{"max-file": "7"}, rotation{10_000_000, 7, false}},
		{map[string]string{"compress": "true"}, rotation{10_000_000, 3, true}},
	} {
		if got, err := jsonRotation(row.options); got != row.want || err != nil {
			t.Errorf("%v: %+v, %v", row.options, got, err)
		}
	}
}

// TestFullDisk checks that a batch that does not fit is lost as a whole, with one warning.
func TestFullDisk(t *testing.T) {
	warned := 0
	c := driver.Config{Driver: "json-file", Path: "/dev/full"}
	l := &Logger{d: &file{path: c.Path, encode: jsonEncoder(c)}, warn: func(error) { warned++ }}
	f, err := os.OpenFile(c.Path, os.O_WRONLY, 0)
	must(t, err)
	l.d.(*file).f = f
	for range 3 {
		l.Write(context.Background(), driver.Stdout, []byte("x\n"), noon)
	}
	if warned != 1 {
		t.Errorf("warned %d times", warned)
	}
}
