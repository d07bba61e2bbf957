package stream

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"box/personalities/docker/session"
)

// ErrDetached is returned by a stream that the user left with the detach keys.
var ErrDetached = errors.New("read escape sequence")

// defaultDetachKeys are ctrl-p, ctrl-q.
const defaultDetachKeys = "\x10\x11"

// parseKeys parses a sequence such as ctrl-p,ctrl-q or ctrl-a,d.
func parseKeys(text string) (string, error) {
	if text == "" {
		return defaultDetachKeys, nil
	}
	var keys []byte
	for key := range strings.SplitSeq(text, ",") {
		letter, ctrl := strings.CutPrefix(strings.ToLower(key), "ctrl-")
		switch {
		case !ctrl && len(key) == 1:
			keys = append(keys, key[0])
		case ctrl && len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'z':
			keys = append(keys, letter[0]-'a'+1)
		case ctrl && len(letter) == 1 && strings.Contains(`@[\]^_`, letter):
			keys = append(keys, letter[0]&0x1f)
		default:
			return "", fmt.Errorf("invalid detach keys %q: write letters or ctrl- and a letter, joined by commas: ctrl-p,ctrl-q",
				text)
		}
	}
	return string(keys), nil
}

// detachReader passes input on until the detach keys are typed, and then returns ErrDetached. It delays the beginning
// of the sequence until it is clear whether the rest follows.
type detachReader struct {
	r    io.Reader
	keys string
	held int    // how many of keys were read and not passed on
	out  []byte // to be passed on
	err  error
}

// Read returns input that is not part of the detach keys.
func (d *detachReader) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		buf := make([]byte, len(p))
		n, err := d.r.Read(buf)
		d.take(buf[:n])
		if err != nil && d.err == nil {
			d.out = append(d.out, d.keys[:d.held]...)
			d.held, d.err = 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *detachReader) take(typed []byte) {
	for _, b := range typed {
		if b != d.keys[d.held] {
			d.out = append(d.out, d.keys[:d.held]...)
			d.held = 0
		}
		if b != d.keys[d.held] {
			d.out = append(d.out, b)
			continue
		}
		if d.held++; d.held == len(d.keys) {
			d.err = ErrDetached
			return
		}
	}
}

// DetachKeys returns the keys from the flag, or else from the settings; empty means the daemon's default.
func DetachKeys(s *session.Session, flag string) string {
	if flag != "" {
		return flag
	}
	if set, err := s.Config(); err == nil {
		return set.DetachKeys
	}
	return ""
}
