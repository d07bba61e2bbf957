package seccomp

import "slices"

// instruction is struct sock_filter of linux/filter.h.
type instruction struct {
	op     uint16
	jt, jf uint8
	k      uint32
}

// Classic BPF operations (linux/bpf_common.h).
const (
	opLoad    = 0x20 // BPF_LD | BPF_W | BPF_ABS: A = word at k
	opAnd     = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opJump    = 0x05 // BPF_JMP | BPF_JA
	opEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opGreater = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opAtLeast = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opReturn  = 0x06 // BPF_RET | BPF_K
)

// reach is the usable length of a conditional jump: 255, minus two long jumps that may have to be inserted.
const reach = 253

// place is the distance of an instruction from the end of the program. Since jumps only go forward, a program is
// written from its end, so that the target of a jump is known when the jump is written.
type place int

// assembler writes a program backwards.
type assembler struct {
	reversed []instruction
	returns  map[uint32]place // nearest return of each value
}

func (a *assembler) put(in instruction) place {
	a.reversed = append(a.reversed, in)
	return place(len(a.reversed) - 1)
}

// skip returns how many instructions a jump that is written next has to skip to reach target.
func (a *assembler) skip(target place) int { return len(a.reversed) - int(target) - 1 }

// ret returns the place of a return of value within reach.
func (a *assembler) ret(value uint32) place {
	if p, ok := a.returns[value]; ok && a.skip(p) <= reach/2 {
		return p
	}
	p := a.put(instruction{op: opReturn, k: value})
	a.returns[value] = p
	return p
}

// jump writes a test of the accumulator.
func (a *assembler) jump(op uint16, k uint32, yes, no place) place {
	if a.skip(yes) > reach {
		yes = a.put(instruction{op: opJump, k: uint32(a.skip(yes))})
	}
	if a.skip(no) > reach {
		no = a.put(instruction{op: opJump, k: uint32(a.skip(no))})
	}
	return a.put(instruction{op: op, jt: uint8(a.skip(yes)), jf: uint8(a.skip(no)), k: k})
}

// then writes in, to run before the instruction at next.
func (a *assembler) then(in instruction, next place) place {
	if a.skip(next) > 0 {
		a.put(instruction{op: opJump, k: uint32(a.skip(next))})
	}
	return a.put(in)
}

// program returns the written program, which starts at entry.
func (a *assembler) program(entry place) []instruction {
	if a.skip(entry) > 0 {
		a.put(instruction{op: opJump, k: uint32(a.skip(entry))})
	}
	slices.Reverse(a.reversed)
	return a.reversed
}
