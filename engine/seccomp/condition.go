package seccomp

// struct seccomp_data: where a filter finds the call's number, the architecture and the low half of argument 0
// (both of our 64-bit architectures are little-endian).
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// condition writes a comparison. The machine compares 32 bits at a time: first the upper half of the argument and then,
// if that does not decide, the lower half. On a 32-bit architecture only the lower half exists.
func (a *assembler) condition(c condition, wide bool, yes, no place) place {
	if c.not {
		yes, no = no, yes
	}
	low := instruction{op: opLoad, k: offArgs + 8*uint32(c.argument)}
	high := instruction{op: opLoad, k: low.k + 4}
	if c.op == opEqual {
		entry := a.half(low, uint32(c.mask), uint32(c.value), yes, no)
		if wide {
			entry = a.half(high, uint32(c.mask>>32), uint32(c.value>>32), entry, no)
		}
		return entry
	}
	entry := a.then(low, a.jump(c.op, uint32(c.value), yes, no))
	if !wide {
		return entry
	}
	upper := uint32(c.value >> 32)
	equal := a.jump(opEqual, upper, entry, no)
	return a.then(high, a.jump(opGreater, upper, yes, equal))
}

// half compares 32 bits. An empty mask always matches.
func (a *assembler) half(load instruction, mask, value uint32, yes, no place) place {
	if mask == 0 {
		return yes
	}
	entry := a.jump(opEqual, value, yes, no)
	if mask != ^uint32(0) {
		entry = a.then(instruction{op: opAnd, k: mask}, entry)
	}
	return a.then(load, entry)
}
