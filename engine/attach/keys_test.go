package attach

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/containerd/errdefs"
)

func TestKeys(t *testing.T) {
	for s, want := range map[string]string{
		"": "\x10\x11", "a": "a", "ctrl-a": "\x01", "ctrl-z,x": "\x1ax", "ctrl-@": "\x00", "ctrl-[": "\x1b", "ctrl-]": "\x1d",
		"ctrl-_": "\x1f", "a,b,c": "abc",
	} {
		if got, err := Keys(s); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"ab", "ctrl-", "ctrl-A", "ctrl-1", "a,", ",", "ctrl-ab", "a, b"} {
		if _, err := Keys(s); !errdefs.IsInvalidArgument(err) || err.Error() != "Invalid detach keys ("+s+") provided" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestKeyReader: the keys in a row end the input, all else goes through, in pieces of any size.
func TestKeyReader(t *testing.T) {
	for _, row := range []struct {
		keys, in, out string
		detached      bool
	}{
		{"\x10\x11", "hello", "hello", false},
		{"\x10\x11", "hel\x10\x11lo", "hel", true},
		{"\x10\x11", "\x10\x11", "", true},
		{"\x10\x11", "a\x10b\x11", "a\x10b\x11", false},
		{"\x10\x11", "a\x10", "a\x10", false},
		{"\x10\x11", "\x10\x10\x11x", "\x10", true},
		{"x", "abxc", "ab", true},
		{"abc", "ababc!", "ab", true},
		{"abc", "abab", "abab", false},
		{"\x10\x11", "", "", false},
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(row.in), "bytes": iotest.OneByteReader(strings.NewReader(row.in)),
			"with the end": iotest.DataErrReader(strings.NewReader(row.in)),
		} {
			out, err := io.ReadAll(&keyReader{r: r, keys: []byte(row.keys)})
			if string(out) != row.out || errors.Is(err, errDetached) != row.detached || !row.detached && err != nil {
				t.Errorf("%q in %q, %s: %q, %v", row.keys, row.in, name, out, err)
			}
		}
	}
}
