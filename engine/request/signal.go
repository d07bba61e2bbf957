package request

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"box/engine/refuse"
)

// Signal parses a number, or a name with or without SIG, including RTMIN+n and RTMAX-n.
func Signal(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n <= 0 || n > 1<<16 {
			return 0, refuse.Invalid("Invalid signal: %s", s)
		}
		return unix.Signal(n), nil // which ones there are is for who sends it
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	// The real-time signals a program may use, as the C library numbers them.
	for _, rt := range []struct {
		prefix string
		base   int
		sign   int
	}{{"RTMIN", 34, 1}, {"RTMAX", 64, -1}} {
		rest, ok := strings.CutPrefix(name, rt.prefix)
		if !ok {
			continue
		}
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(strings.TrimLeft(rest, "+-")); err != nil {
				break
			}
		}
		if sig := rt.base + rt.sign*n; sig >= 34 && sig <= 64 {
			return unix.Signal(sig), nil
		}
	}
	return 0, refuse.Invalid("Invalid signal: %s", s)
}
