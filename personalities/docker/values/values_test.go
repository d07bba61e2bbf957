package values

import (
	"reflect"
	"testing"
	"time"
)

// What --since and --until accept, and what of it the daemon is sent.
func TestInstant(t *testing.T) {
	zone := time.FixedZone("here", 2*60*60)
	old := time.Local
	time.Local = zone
	t.Cleanup(func() { time.Local = old })
	now := time.Unix(1_000_000, 500)
	for _, row := range []struct{ text, want string }{
		{"", ""},
		{"0", "0"},
		{"1767323045", "1767323045"},
		{"1767323045.5", "1767323045.5"},
		{"1767323045.000000001", "1767323045.000000001"},
		{"10s", "999990.000000500"},
		{"1h30m", "994600.000000500"},
		{"0s", "1000000.000000500"},
		{"-10s", "1000010.000000500"},
		{"1.5s", "999998.500000500"},
		{"1970-01-02", "79200.000000000"},
		{"1970-01-02T03", "90000.000000000"},
		{"1970-01-02T03:04", "90240.000000000"},
		{"1970-01-02T03:04:05", "90245.000000000"},
		{"1970-01-02T03:04:05.25", "90245.250000000"},
		{"1970-01-02T03:04:05Z", "97445.000000000"},
		{"1970-01-02T03:04:05.000000001Z", "97445.000000001"},
		{"1970-01-02T03:04:05+01:00", "93845.000000000"},
		{"1970-01-02T03:04Z", "97440.000000000"},
		{"1970-01-02T03-01:00", "100800.000000000"},
		{"1970-01-02Z", "86400.000000000"},
	} {
		if got, err := Instant(row.text, now); got != row.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", row.text, got, err, row.want)
		}
	}
	for _, bad := range []string{"yesterday", "1970-13-01", "1970-01-02 03:04", "1.x", "1.2.3", "-5", "+5", " 5", "5 ",
		"1970-01-02T25:00", "10", "99999999999999999999", "0x10", "ten seconds"} {
		if bad == "10" {
			continue // digits are seconds, whatever their number
		}
		if got, err := Instant(bad, now); err == nil {
			t.Errorf("%q is accepted as %q", bad, got)
		}
	}
}

func TestFilters(t *testing.T) {
	var f Filters
	for _, text := range []string{"label=a=b", "label=c", "LABEL = d ", "name=", "=x", "status= running"} {
		if err := f.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	want := Filters{"label": {"a=b", "c", "d"}, "name": {""}, "": {"x"}, "status": {"running"}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%q", f)
	}
	for _, bad := range []string{"", "label", "name:x"} {
		if err := f.UnmarshalText([]byte(bad)); err == nil || err.Error() != "bad format of filter (expected name=value)" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// With leaves the filters of the user as they were, even where a value has room behind it.
func TestWith(t *testing.T) {
	f := Filters{"label": append(make([]string, 0, 9), "a")}
	first, second := With(f, "label", "b"), With(f, "label", "c")
	if !reflect.DeepEqual(map[string][]string(first), map[string][]string{"label": {"a", "b"}}) ||
		!reflect.DeepEqual(map[string][]string(second), map[string][]string{"label": {"a", "c"}}) || len(f["label"]) != 1 {
		t.Errorf("%q %q %q", first, second, f)
	}
	if got := With(nil, "dangling", "true"); !reflect.DeepEqual(map[string][]string(got),
		map[string][]string{"dangling": {"true"}}) {
		t.Errorf("%q", got)
	}
}

func TestPairs(t *testing.T) {
	texts := []string{"a=1", "b", "c=", "d=x=y", "=e", "a=2"}
	want := map[string]string{"a": "2", "b": "", "c": "", "d": "x=y", "": "e"}
	if got := Pairs(texts); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	if got := Pairs(nil); got == nil || len(got) != 0 {
		t.Errorf("of nothing: %#v, want a map, which is {} in JSON", got)
	}
	if got := PairsOrNil(nil); got != nil {
		t.Errorf("of nothing: %#v, want none, which JSON leaves out", got)
	}
	if got := AddPair(AddPair(nil, "a=1"), "b"); !reflect.DeepEqual(got, map[string]string{"a": "1", "b": ""}) {
		t.Errorf("%q", got)
	}
}

func TestListed(t *testing.T) {
	for _, row := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"a"}, []string{"a"}},
		{[]string{"a,b", "c"}, []string{"a", "b", "c"}},
		{[]string{""}, []string{""}},
		{[]string{",a,"}, []string{"", "a", ""}},
	} {
		if got := Listed(row.in); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q: %q", row.in, got)
		}
	}
	if got := SortedKeys(map[string]int{"b": 1, "a": 2, "": 3}); !reflect.DeepEqual(got, []string{"", "a", "b"}) {
		t.Errorf("%q", got)
	}
}
