package history

import (
	"math"
	"time"
)

// mean makes rows of what is measured: the mean of each column over the time of the row, or its maximum.
type mean struct {
	step   int64 // seconds
	max    []bool
	begun  bool
	row    int64 // start of the row that is being made
	sum    []float64
	weight []float64 // nanoseconds that sum is of
	out    []int16
}

func newMean(step int64, max []bool) *mean {
	n := len(max)
	return &mean{step: step, max: max, sum: make([]float64, n), weight: make([]float64, n), out: make([]int16, n)}
}

// add gives what was measured from one moment to another, in Unix time. emit gets each row that is complete; it is
// emit's until it returns. Moments of before the row are left out.
func (m *mean) add(from, to int64, values []float64, emit func(start int64, row []int16)) {
	width := m.step * int64(time.Second)
	if m.begun {
		from = max(from, m.row*int64(time.Second))
	}
	for from < to {
		row := floor(from, width)
		if !m.begun || row != m.row*int64(time.Second) {
			m.flush(emit)
			m.begun, m.row = true, row/int64(time.Second)
		}
		end := min(to, row+width)
		m.count(float64(end-from), values)
		if from = end; end == row+width {
			m.flush(emit)
		}
	}
}

func (m *mean) count(weight float64, values []float64) {
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			continue
		case !m.max[i]:
			m.sum[i] += v * weight
		case m.weight[i] == 0 || v > m.sum[i]:
			m.sum[i] = v
		}
		m.weight[i] += weight
	}
}

// flush emits the row that is being made, if there is one.
func (m *mean) flush(emit func(start int64, row []int16)) {
	if !m.begun {
		return
	}
	for i := range m.out {
		m.out[i] = quantize(m.value(i))
	}
	m.begun = false
	clear(m.sum)
	clear(m.weight)
	emit(m.row, m.out)
}

func (m *mean) value(i int) float64 {
	switch {
	case m.weight[i] == 0:
		return math.NaN()
	case m.max[i]:
		return m.sum[i]
	}
	return m.sum[i] / m.weight[i]
}

// floor is the multiple of n at or before v.
func floor(v, n int64) int64 {
	r := v % n
	if r < 0 {
		r += n
	}
	return v - r
}
