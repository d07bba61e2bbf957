package seccomp

import (
	"cmp"
	"fmt"
	"slices"
)

// struct seccomp_data: where a filter finds the call's number, the architecture and the low half of argument 0
// (both of our 64-bit architectures are little-endian).
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// Architecture tokens of linux/audit.h.
const (
	auditX86   = 0x40000003
	auditAMD64 = 0xc000003e
	auditARM   = 0x40000028
	auditARM64 = 0xc00000b7
)

// x32Bit marks the calls of x32, which share amd64's token (asm/unistd.h, __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// maxProgram is BPF_MAXINSNS.
const maxProgram = 4096

// compile builds the program: a test of the architecture, then for each a binary search over the call numbers, then
// the conditions of that call. Runs of calls with one verdict are one leaf.
func (f *ScmpFilter) compile() ([]instruction, error) {
	a := &assembler{returns: map[uint32]place{}}
	bad, err := f.bad.verdict()
	if err != nil {
		return nil, err
	}
	entries := map[ScmpArch]place{}
	for _, arch := range f.archs {
		if entries[arch], err = f.search(a, arch); err != nil {
			return nil, err
		}
	}
	_, x86 := entries[ArchX86]
	next := a.ret(bad)
	if _, ok := entries[ArchARM64]; ok {
		next = a.jump(opEqual, auditARM64, a.then(instruction{op: opLoad, k: offNumber}, entries[ArchARM64]), next)
	}
	if _, ok := entries[ArchARM]; ok {
		next = a.jump(opEqual, auditARM, a.then(instruction{op: opLoad, k: offNumber}, entries[ArchARM]), next)
	}
	if x86 {
		next = a.jump(opEqual, auditX86, a.then(instruction{op: opLoad, k: offNumber}, entries[ArchX86]), next)
	}
	if entry, ok, err := f.amd64(a, entries, bad); err != nil {
		return nil, err
	} else if ok {
		next = a.jump(opEqual, auditAMD64, entry, next)
	}
	p := a.program(a.then(instruction{op: opLoad, k: offArch}, next))
	if len(p) > maxProgram {
		return nil, fmt.Errorf("seccomp filter has %d instructions, the kernel takes %d", len(p), maxProgram)
	}
	return p, nil
}

// amd64 tells amd64's calls from x32's. Of those that the filter does not have, call -1 is left alone: a tracer sets it
// to skip a call, and filters run once more after that (seccomp(2), since Linux 4.8).
func (f *ScmpFilter) amd64(a *assembler, entries map[ScmpArch]place, bad uint32) (place, bool, error) {
	plain, has64 := entries[ArchAMD64]
	marked, has32 := entries[ArchX32]
	if !has64 && !has32 {
		return 0, false, nil
	}
	def, err := f.def.verdict()
	if err != nil {
		return 0, false, err
	}
	if !has64 {
		plain = a.ret(bad)
	}
	if !has32 {
		yes, no := a.ret(def), a.ret(bad)
		marked = a.jump(opEqual, 0xffffffff, yes, no)
	}
	return a.then(instruction{op: opLoad, k: offNumber}, a.jump(opAtLeast, x32Bit, marked, plain)), true, nil
}

// call is what the rules say of one number.
type call struct {
	number   uint32
	fallback uint32 // verdict where no condition holds
	rules    []rule // with conditions
	settled  bool   // a rule without conditions has been seen
}

// calls sorts the rules by number for one architecture.
func (f *ScmpFilter) calls(arch ScmpArch) ([]*call, error) {
	def, err := f.def.verdict()
	if err != nil {
		return nil, err
	}
	col, _ := column(arch)
	table, found := syscallTable(), map[int32]*call{}
	add := func(number int32, r rule) error {
		c := found[number]
		if c == nil {
			c = &call{number: uint32(number), fallback: def}
			if arch == ArchX32 {
				c.number |= x32Bit
			}
			found[number] = c
		}
		if len(r.conds) > 0 {
			c.rules = append(c.rules, r)
			return nil
		}
		if !c.settled {
			c.settled = true
			c.fallback, err = r.action.verdict()
		}
		return err
	}
	for _, r := range f.rules {
		if n := table[r.call].num[col]; n != absent {
			if err := add(n, r); err != nil {
				return nil, err
			}
		}
		if arch != ArchX86 {
			continue
		}
		if nr, first, ok := multiplexed(table[r.call].name); ok {
			r.conds = withFirst(r.conds, first)
			if err := add(nr, r); err != nil {
				return nil, err
			}
		}
	}
	sorted := make([]*call, 0, len(found))
	for _, c := range found {
		if c.settled {
			c.rules = nil // the wider rule stands
		}
		sorted = append(sorted, c)
	}
	slices.SortFunc(sorted, func(x, y *call) int { return cmp.Compare(x.number, y.number) })
	return sorted, nil
}

// span is a run of numbers, up to the next span's, that have one verdict or are one call with conditions.
type span struct {
	from    uint32
	verdict uint32
	rules   []rule
}

// search writes the tree for one architecture and gives its entry, which expects the call's number in the accumulator.
func (f *ScmpFilter) search(a *assembler, arch ScmpArch) (place, error) {
	def, err := f.def.verdict()
	if err != nil {
		return 0, err
	}
	calls, err := f.calls(arch)
	if err != nil {
		return 0, err
	}
	spans := []span{{verdict: def}}
	put := func(s span) {
		last := &spans[len(spans)-1]
		if last.from == s.from {
			*last = s
			return
		}
		if len(last.rules) == 0 && len(s.rules) == 0 && last.verdict == s.verdict {
			return
		}
		spans = append(spans, s)
	}
	for i, c := range calls {
		put(span{from: c.number, verdict: c.fallback, rules: c.rules})
		if i+1 == len(calls) || calls[i+1].number != c.number+1 {
			put(span{from: c.number + 1, verdict: def})
		}
	}
	return a.tree(spans, arch == ArchAMD64 || arch == ArchARM64)
}

func (a *assembler) tree(spans []span, wide bool) (place, error) {
	if len(spans) == 1 {
		return a.leaf(spans[0], wide)
	}
	mid := len(spans) / 2
	upper, err := a.tree(spans[mid:], wide)
	if err != nil {
		return 0, err
	}
	lower, err := a.tree(spans[:mid], wide)
	if err != nil {
		return 0, err
	}
	return a.jump(opAtLeast, spans[mid].from, upper, lower), nil
}

// leaf writes the rules of one call, the first to be asked first.
func (a *assembler) leaf(s span, wide bool) (place, error) {
	next := a.ret(s.verdict)
	for _, r := range slices.Backward(s.rules) {
		v, err := r.action.verdict()
		if err != nil {
			return 0, err
		}
		yes := a.ret(v)
		for _, c := range slices.Backward(r.conds) {
			yes = a.condition(c, wide, yes, next)
		}
		next = yes
	}
	return next, nil
}
