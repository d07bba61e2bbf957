package seccomp

// condition writes one comparison. The machine compares 32 bits at a time: first the upper half of the argument, then,
// where that leaves it open, the lower. On a 32-bit architecture only the lower half exists.
func (a *assembler) condition(c ScmpCondition, wide bool, yes, no place) place {
	switch c.Op {
	case CompareNotEqual:
		return a.masked(c.Argument, ^uint64(0), c.Operand1, wide, no, yes)
	case CompareEqual:
		return a.masked(c.Argument, ^uint64(0), c.Operand1, wide, yes, no)
	case CompareMaskedEqual:
		return a.masked(c.Argument, c.Operand1, c.Operand2&c.Operand1, wide, yes, no)
	case CompareGreater:
		return a.ordered(opGreater, c, wide, yes, no)
	case CompareGreaterEqual:
		return a.ordered(opAtLeast, c, wide, yes, no)
	case CompareLess:
		return a.ordered(opAtLeast, c, wide, no, yes)
	default: // CompareLessOrEqual: MakeCondition lets nothing else pass
		return a.ordered(opGreater, c, wide, no, yes)
	}
}

func low(argument uint) instruction { return instruction{op: opLoad, k: offArgs + 8*uint32(argument)} }
func high(argument uint) instruction {
	return instruction{op: opLoad, k: offArgs + 8*uint32(argument) + 4}
}

func (a *assembler) masked(argument uint, mask, value uint64, wide bool, yes, no place) place {
	entry := a.half(low(argument), uint32(mask), uint32(value), yes, no)
	if wide {
		entry = a.half(high(argument), uint32(mask>>32), uint32(value>>32), entry, no)
	}
	return entry
}

// half compares 32 bits; none of them is always equal.
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

// ordered writes argument > value or argument >= value.
func (a *assembler) ordered(op uint16, c ScmpCondition, wide bool, yes, no place) place {
	entry := a.then(low(c.Argument), a.jump(op, uint32(c.Operand1), yes, no))
	if !wide {
		return entry
	}
	upper := uint32(c.Operand1 >> 32)
	equal := a.jump(opEqual, upper, entry, no)
	return a.then(high(c.Argument), a.jump(opGreater, upper, yes, equal))
}
