package enginetest

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	measured "box/engine/stats/sample"
)

// TestPastKept: what was measured is there after a restart, and of a container that went meanwhile for a while.
func TestPastKept(t *testing.T) {
	dir := filepath.Join(home(t), "w")
	w, err := open(t, dir, "vfs", nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour)
	row := make([]float64, len(measured.ContainerColumns))
	for n := range 100 {
		row[0] = 2
		w.e.History().Append("gone", at.Add(time.Duration(n)*10*time.Second), row)
	}
	w.close()
	if w, err = open(t, dir, "vfs", nil); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	h := w.e.History().Query("gone", at, at.Add(10*time.Minute), 100)
	if v := h.Values[0][10]; v == nil || math.Abs(*v-2) > 0.01 {
		t.Errorf("after a restart it is %v", h.Values[0])
	}
	if w.e.History().Size() == 0 {
		t.Error("it takes nothing on the disk")
	}
}
