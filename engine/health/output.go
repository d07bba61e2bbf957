package health

import "sync"

// Output keeps the beginning of what is written to it, and takes the rest without keeping it. It may be read while it
// is written.
type Output struct {
	limit int

	mu  sync.Mutex
	b   []byte
	cut bool
}

// NewOutput keeps at most limit bytes.
func NewOutput(limit int) *Output { return &Output{limit: limit} }

// Write implements io.Writer; it never fails.
func (h *Output) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(p), h.limit-len(h.b))
	h.b = append(h.b, p[:n]...)
	h.cut = h.cut || n < len(p)
	return len(p), nil
}

// String is what was kept, with dots after it when that is not all.
func (h *Output) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut {
		return string(h.b) + "..."
	}
	return string(h.b)
}
