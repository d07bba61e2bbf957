package group

import (
	"bytes"
	"math"

	"box/engine/stats/sample"
)

// number parses the decimal digits at the start of b, after blanks. "max", and what a counter cannot hold, is the
// maximum.
func number(b []byte) uint64 {
	b = bytes.TrimLeft(b, " \t\n")
	if bytes.HasPrefix(b, []byte("max")) {
		return math.MaxUint64
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		if n > (math.MaxUint64-9)/10 {
			return math.MaxUint64
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// pairs calls fn for each line "name number".
func pairs(b []byte, fn func(name []byte, value uint64)) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		if name, value, ok := bytes.Cut(line, []byte{' '}); ok {
			fn(name, number(value))
		}
	}
}

// limit returns a limit as a sample has it: 0 for none. The kernel's largest on v1 is that of a counter of pages.
func limit(n uint64) uint64 {
	if n >= math.MaxInt64-1<<20 {
		return 0
	}
	return n
}

// devices calls fn for each line that begins with the numbers of a device, with the device of list that has them, which
// is added if it is missing.
func devices(b []byte, list *[]sample.Device, fn func(d *sample.Device, words []byte)) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		numbers, words, ok := bytes.Cut(line, []byte{' '})
		major, minor, dev := bytes.Cut(numbers, []byte{':'})
		if !ok || !dev || len(words) == 0 {
			continue
		}
		fn(device(list, number(major), number(minor)), words)
	}
}

func device(list *[]sample.Device, major, minor uint64) *sample.Device {
	for i := range *list {
		if d := &(*list)[i]; d.Major == major && d.Minor == minor {
			return d
		}
	}
	*list = append(*list, sample.Device{Major: major, Minor: minor})
	return &(*list)[len(*list)-1]
}

// Pressure parses a file of pressure stall information (Documentation/accounting/psi.rst).
func Pressure(b []byte) (s sample.Stall) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		kind, words, _ := bytes.Cut(line, []byte{' '})
		var share float64
		var total uint64
		for len(words) > 0 {
			word, more, _ := bytes.Cut(words, []byte{' '})
			words = more
			switch key, value, _ := bytes.Cut(word, []byte{'='}); string(key) {
			case "avg10":
				whole, hundredths, _ := bytes.Cut(value, []byte{'.'})
				share = float64(number(whole)) + float64(number(hundredths))/100
			case "total":
				total = number(value)
			}
		}
		switch string(kind) {
		case "some":
			s.Some, s.SomePercent = total, share
		case "full":
			s.Full, s.FullPercent = total, share
		}
	}
	return s
}
