package progress

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
)

func TestLines(t *testing.T) {
	for _, row := range []struct {
		line Line
		want string
	}{
		{Said("%d%%", 5), `{"status":"5%"}`},
		{About("abc", "Waiting"), `{"status":"Waiting","progressDetail":{},"id":"abc"}`},
		{Counted("abc", "Loading", 0, 0), `{"status":"Loading","progressDetail":{},"id":"abc"}`},
		{Counted("", "Loading", 512, 1024),
			`{"status":"Loading","progressDetail":{"current":512,"total":1024},"progress":"[=========================\u003e                         ]     512B/1.024kB"}`},
		{Counted("", "L", 10, 10), `{"status":"L","progressDetail":{"current":10,"total":10},"progress":"[==================================================\u003e]      10B/10B"}`},
		{Counted("", "L", 20, 10), `{"status":"L","progressDetail":{"current":20,"total":10},"progress":"[==================================================\u003e]      20B"}`},
		{Counted("", "L", 2000, 0), `{"status":"L","progressDetail":{"current":2000},"progress":"     2kB"}`},
	} {
		raw, err := json.Marshal(row.line)
		if err != nil || string(raw) != row.want {
			t.Errorf("%s, want %s: %v", raw, row.want, err)
		}
	}
}

// TestPaced: of many reports at once the first and the last come through, and an error of who listens.
func TestPaced(t *testing.T) {
	var got []int64
	tell := Paced(func(current, _ int64) error { got = append(got, current); return nil })
	for i := range int64(1000) {
		if err := tell(i+1, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) < 2 || len(got) > 20 || got[0] != 1 || got[len(got)-1] != 1000 {
		t.Error(got)
	}
	if err := Paced(func(int64, int64) error { return io.ErrClosedPipe })(1, 2); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
