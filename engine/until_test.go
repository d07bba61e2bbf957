package engine

import (
	"testing"
	"time"
)

func TestTimeOf(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"10m":                  now.Add(-10 * time.Minute),
		"1h30m":                now.Add(-90 * time.Minute),
		"2024-05-01T10:00:00Z": time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC),
		"2024-05-01T10:00":     time.Date(2024, 5, 1, 10, 0, 0, 0, time.Local),
		"2024-05-01":           time.Date(2024, 5, 1, 0, 0, 0, 0, time.Local),
		"1714557600":           time.Unix(1714557600, 0),
		"1714557600.5":         time.Unix(1714557600, 500_000_000),
	} {
		if got, err := timeOf(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "1.0000000001", "1.x", "--1"} {
		if got, err := timeOf(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestExcept: what fits all of the label! filters is left out of a prune, what fits some is not.
func TestExcept(t *testing.T) {
	some := Filters{"label!": {"a", "b=1"}}
	for _, row := range []struct {
		f      Filters
		labels map[string]string
		except bool
	}{
		{some, nil, false}, {some, map[string]string{"a": "x"}, false}, {some, map[string]string{"b": "1", "c": ""}, false},
		{some, map[string]string{"a": "", "b": "2"}, false}, {some, map[string]string{"a": "", "b": "1"}, true},
		{Filters{"label!": {"a"}}, map[string]string{"a": ""}, true}, {Filters{}, map[string]string{"a": ""}, false}, {Filters{"label": {"a"}}, nil, false},
	} {
		if row.f.except(row.labels) != row.except {
			t.Errorf("%v, %v", row.f, row.labels)
		}
	}
}
