package attach

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"box/engine/refuse"
)

// errDetached is returned by a reader that found the detach keys.
var errDetached = errors.New("read escape sequence")

// Keys parses a list of keys such as "ctrl-p,ctrl-q" or "a,ctrl-]". "" is the default.
func Keys(s string) ([]byte, error) {
	if s == "" {
		return []byte{16, 17}, nil
	}
	var keys []byte
	for _, k := range strings.Split(s, ",") {
		name, ctrl := strings.CutPrefix(k, "ctrl-")
		switch {
		case len(name) != 1:
			return nil, refuse.Invalid("Invalid detach keys (%s) provided", s)
		case !ctrl:
			keys = append(keys, name[0])
		case name[0] >= 'a' && name[0] <= 'z':
			keys = append(keys, name[0]-'a'+1)
		case strings.Contains("@[\\]^_", name):
			keys = append(keys, name[0]&0x1f)
		default:
			return nil, refuse.Invalid("Invalid detach keys (%s) provided", s)
		}
	}
	return keys, nil
}

// keyReader passes on what it reads until the detach keys are typed. It delays the beginning of the sequence until it
// is clear whether the rest follows.
type keyReader struct {
	r    io.Reader
	keys []byte
	held int    // how many of keys were seen
	out  []byte // to be passed on
	err  error
}

// Read implements io.Reader.
func (k *keyReader) Read(p []byte) (int, error) {
	for len(k.out) == 0 {
		if k.err != nil {
			return 0, k.err
		}
		buf := make([]byte, len(p))
		n, err := k.r.Read(buf)
		k.err = err
		k.scan(buf[:n])
		if err != nil && k.held > 0 && k.err != errDetached {
			k.out = append(k.out, k.keys[:k.held]...)
			k.held = 0
		}
	}
	n := copy(p, k.out)
	k.out = k.out[n:]
	return n, nil
}

// scan separates what is passed on from what may be the beginning of the sequence.
func (k *keyReader) scan(b []byte) {
	for i, c := range b {
		if c == k.keys[k.held] {
			if k.held++; k.held == len(k.keys) {
				k.err = errDetached
				return
			}
			continue
		}
		if k.held > 0 {
			k.out = append(k.out, k.keys[:k.held]...)
			k.held = 0
			if c == k.keys[0] && !bytes.Equal(k.keys, b[i:i+1]) {
				k.held = 1
				continue
			}
		}
		k.out = append(k.out, c)
	}
}
