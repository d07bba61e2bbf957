package version

import (
	"encoding/json"
	"testing"
)

// TestShapeFields gives one object to clients of several versions.
func TestShapeFields(t *testing.T) {
	table := []Field{
		{path: []string{"New"}, since: 44},
		{path: []string{"Old"}, last: 41, value: json.RawMessage("0")},
		{path: []string{"In", "*", "New"}, since: 48},
	}
	for _, row := range []struct {
		v    Version
		want string
	}{
		{40, `{"In":{"a":{},"b":{"Stays":2}},"Old":0}`},
		{44, `{"In":{"a":{},"b":{"Stays":2}},"New":1}`},
		{50, `{"In":{"a":{"New":1},"b":{"New":1,"Stays":2}},"New":1}`},
	} {
		var o map[string]json.RawMessage
		if err := json.Unmarshal([]byte(`{"New":1,"In":{"a":{"New":1},"b":{"New":1,"Stays":2}}}`), &o); err != nil {
			t.Fatal(err)
		}
		if err := ShapeFields(o, table, row.v); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(o)
		if err != nil || string(got) != row.want {
			t.Errorf("1.%d: %s, want %s (%v)", row.v, got, row.want, err)
		}
	}
}
