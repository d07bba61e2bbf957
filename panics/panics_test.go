package panics

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestCall(t *testing.T) {
	for _, row := range []struct {
		name string
		fn   func() error
		is   error
		text string
	}{
		{"nothing", func() error { return nil }, nil, ""},
		{"error", func() error { return io.EOF }, io.EOF, "EOF"},
		{"text", func() error { panic("oh") }, nil, "panic: oh"},
		{"error as a panic", func() error { panic(io.ErrShortWrite) }, io.ErrShortWrite, "panic: short write"},
		{"nil container", func() error { none()["x"] = 1; return nil }, nil, "panic: assignment to entry in nil map"},
	} {
		err := Call(row.fn)
		if text := describe(err); text != row.text {
			t.Errorf("%s: %q, want %q", row.name, text, row.text)
		}
		if row.is != nil && !errors.Is(err, row.is) {
			t.Errorf("%s: %v is not %v", row.name, err, row.is)
		}
		var caught *Error
		if errors.As(err, &caught) && !strings.Contains(string(caught.Stack), "TestCall") {
			t.Errorf("%s: the stack does not tell where: %s", row.name, caught.Stack)
		}
	}
}

func describe(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func none() map[string]int { return nil }
