package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

// Streams of JSON: values one after another, with and without lines between, and where they are cut.
func TestJSONStreams(t *testing.T) {
	for _, row := range []struct {
		text string
		want int
		bad  bool
	}{
		{"", 0, false}, {"\n\r\n", 0, false}, {`{"n":1}`, 1, false}, {"{\"n\":1}\r\n{\"n\":2}\r\n", 2, false},
		{`{"n":1}{"n":2}`, 2, false}, {`{"n":1}{"n":`, 1, true}, {`{"n":1}]`, 1, true}, {`{"n":"x"}`, 0, true},
		{"{\"n\":1}\n<html>", 1, true},
	} {
		r := NewJSONReader(strings.NewReader(row.text))
		n := 0
		var err error
		for {
			var v struct {
				N json.Number `json:"n"`
			}
			if err = r.Read(&v); err != nil {
				break
			}
			n++
		}
		if n != row.want || (err.Error() != "EOF") != row.bad {
			t.Errorf("%q: %d values, then %v", row.text, n, err)
		}
	}
}
