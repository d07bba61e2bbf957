package health

import "sync"

// Output keeps the first bytes that are written to it, and drops the rest. It may be read while it is written.
type Output struct {
	limit int

	mu  sync.Mutex
	b   []byte
	cut bool
}

// NewOutput returns an Output that keeps at most limit bytes.
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

// String returns what was kept, followed by dots if something was dropped.
func (h *Output) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut {
		return string(h.b) + "..."
	}
	return string(h.b)
}
