package history

import (
	"math"
	"math/rand"
	"testing"
)

// TestQuantum: what is kept is within half a percent of what was measured, from a hundredth to what a century's disks
// hold, and nothing stays nothing.
func TestQuantum(t *testing.T) {
	for v := 0.01; v < 1e18; v *= 1.0007 {
		for _, v := range []float64{v, -v} {
			if got := value(quantize(v)); math.Abs(got/v-1) > 0.005 {
				t.Fatalf("%g is kept as %g", v, got)
			}
		}
	}
	for v, want := range map[float64]float64{0: 0, 1e-9: 0, math.Copysign(0, -1): 0} {
		if got := value(quantize(v)); got != want {
			t.Errorf("%g is kept as %g", v, got)
		}
	}
	if !math.IsNaN(value(quantize(math.NaN()))) {
		t.Error("what was not measured is a number")
	}
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		if got := value(quantize(v)); math.IsNaN(got) || math.IsInf(got, 0) || math.Signbit(got) != math.Signbit(v) {
			t.Errorf("%g is kept as %g", v, got)
		}
	}
}

// kinds of columns: how each row comes from the one before.
var shapes = map[string]func(r *rand.Rand, n int, before int16) int16{
	"constant": func(*rand.Rand, int, int16) int16 { return 17 },
	"missing":  func(*rand.Rand, int, int16) int16 { return missing },
	"noise":    func(r *rand.Rand, _ int, _ int16) int16 { return 2000 + int16(r.Intn(40)) },
	"walk":     func(r *rand.Rand, _ int, before int16) int16 { return before + int16(r.Intn(5)) - 2 },
	"anything": func(r *rand.Rand, _ int, _ int16) int16 { return int16(r.Intn(2*highest+2)) - highest - 1 },
	"ends": func(_ *rand.Rand, n int, _ int16) int16 {
		if n%2 == 0 {
			return missing
		}
		return highest
	},
	"rarely": func(r *rand.Rand, _ int, before int16) int16 {
		if r.Intn(300) == 0 {
			return int16(r.Intn(highest))
		}
		return before
	},
}

// TestChunk: rows of every kind come back as they were, wherever the chunk ends, and a chunk that is full says so.
func TestChunk(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var all []func(*rand.Rand, int, int16) int16
	for name, shape := range shapes {
		all = append(all, shape)
		for _, rows := range []int{1, 2, 3, 17, 100, 1000, maxRows} {
			want := make([]int16, rows)
			w := newWriter(1000, 10, 1, 1<<20)
			before := int16(0)
			for n := range want {
				want[n] = shape(r, n, before)
				before = want[n]
				if !w.add(1000+int64(n)*10, want[n:n+1]) {
					t.Fatalf("%s: no room for row %d", name, n)
				}
			}
			n := 0
			if err := w.each(w.bytes(), func(start int64, row []int16) {
				if row[0] != want[n] || start != 1000+int64(n)*10 {
					t.Fatalf("%s: row %d of %d at %d is %d, want %d", name, n, rows, start, row[0], want[n])
				}
				n++
			}); err != nil || n != rows {
				t.Errorf("%s: %d of %d rows, %v", name, n, rows, err)
			}
			if rows == maxRows {
				t.Logf("%s: %.2f bits a row", name, float64(w.size()*8)/maxRows)
				if w.add(w.end(), want[:1]) {
					t.Errorf("%s: a chunk has more rows than a chunk can have", name)
				}
			}
		}
	}
	full := newWriter(0, 10, len(all), payload)
	row := make([]int16, len(all))
	for n := 0; ; n++ {
		for i := range row {
			row[i] = all[i](r, n, row[i])
		}
		if !full.add(int64(n)*10, row) {
			break
		}
	}
	if size := len(full.bytes()); size > payload || size < payload*9/10 {
		t.Errorf("a full page has %d bytes of %d", size, payload)
	}
}

// TestChunkGap: moments that were left out come back as not measured.
func TestChunkGap(t *testing.T) {
	w := newWriter(0, 10, 2, payload)
	for _, at := range []int64{0, 10, 50} {
		if !w.add(at, []int16{1, 2}) {
			t.Fatal("no room")
		}
	}
	var got []int16
	if err := w.each(w.bytes(), func(_ int64, row []int16) { got = append(got, row[0]) }); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int16{1, 1, missing, missing, missing, 1} {
		if got[n] != want {
			t.Errorf("%d: %v", n, got)
		}
	}
	if w.add(50, []int16{1, 2}) || w.add(60+maxRows*10, []int16{1, 2}) || w.add(60, []int16{1}) {
		t.Error("a row of the past, of far ahead or of another kind is taken")
	}
}

// FuzzChunk: whatever a page holds, reading it ends, with rows or an error.
func FuzzChunk(f *testing.F) {
	w := newWriter(0, 10, 2, payload)
	for n := range 100 {
		w.add(int64(n)*10, []int16{int16(n * n), int16(n / 10)})
	}
	f.Add(w.bytes(), 100, 2)
	f.Add([]byte{}, 1, 1)
	f.Fuzz(func(t *testing.T, data []byte, rows, columns int) {
		c := chunk{step: 10, rows: rows, columns: columns}
		if c.check() != nil {
			return
		}
		n := 0
		if err := c.each(data, func(int64, []int16) { n++ }); err == nil && n != rows {
			t.Errorf("%d of %d rows and no error", n, rows)
		}
	})
}
