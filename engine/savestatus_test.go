package engine

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/engine/lifecycle"
)

// TestWriteStatus writes longer and shorter ones over each other: what is read is the last, and nothing is left beside it.
func TestWriteStatus(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "status.json")
	for seq, length := range []int{10, 500, 0, 5000, 20, onePage, 30, onePage + 1, 1} {
		raw, err := json.Marshal(lifecycle.Status{Seq: uint64(seq), Error: strings.Repeat("x", length)})
		if err != nil {
			t.Fatal(err)
		}
		if err := writeStatus(nil, path, bytes.Clone(raw)); err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(path)
		var st lifecycle.Status
		if err != nil || json.Unmarshal(have, &st) != nil || st.Seq != uint64(seq) || len(st.Error) != length {
			t.Errorf("after a status of %d bytes there are %d: %v", len(raw), len(have), err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%d files (%v)", len(entries), err)
		}
	}
	if err := writeStatus(nil, filepath.Join(dir, "none", "status.json"), nil); !os.IsNotExist(err) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}
