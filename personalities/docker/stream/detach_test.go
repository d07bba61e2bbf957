package stream

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDetachReader(t *testing.T) {
	for _, row := range []struct {
		keys, in, out string
		detached      bool
	}{
		{"", "hello", "hello", false},
		{"", "he\x10\x11llo", "he", true},
		{"", "he\x10llo", "he\x10llo", false},
		{"", "a\x10\x10\x11b", "a\x10", true},
		{"", "a\x10", "a\x10", false},
		{"ctrl-a,b", "x\x01yb\x01bz", "x\x01yb", true},
		{"a,a,b", "aaab", "aaab", false}, // as Docker's: a sequence that overlaps itself starts anew
		{"ctrl-@", "x\x00", "x", true},
	} {
		keys, err := parseKeys(row.keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []io.Reader{strings.NewReader(row.in), iotest.OneByteReader(strings.NewReader(row.in))} {
			got, err := io.ReadAll(&detachReader{r: r, keys: keys})
			if string(got) != row.out || errors.Is(err, ErrDetached) != row.detached {
				t.Errorf("%q with keys %q: %q, %v", row.in, row.keys, got, err)
			}
		}
	}
}

func TestKeysRefused(t *testing.T) {
	for _, bad := range []string{"ctrl-", "ctrl-ab", "foo", "a,,b", "ctrl-1"} {
		if _, err := parseKeys(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
