package seccomp

import (
	"cmp"
	"slices"
)

// maxProgram is BPF_MAXINSNS.
const maxProgram = 4096

// compile makes the program: a test of the architecture, then for each architecture a binary search of the call's
// number, then the conditions for that call. Adjacent calls with the same verdict share a leaf. A call of another
// architecture ends the thread.
func (r *rules) compile() ([]instruction, error) {
	a := &assembler{returns: map[uint32]place{}}
	next := a.ret(verdictKillThread)
	for _, token := range []struct {
		value uint32
		spans func() []span
		has   bool
	}{
		{auditARM64, func() []span { return r.spans(arm64) }, r.archs[arm64]},
		{auditARM, func() []span { return r.spans(arm) }, r.archs[arm]},
		{auditX86, func() []span { return r.spans(x86) }, r.archs[x86]},
		{auditAMD64, r.spansAMD64, r.archs[amd64] || r.archs[x32]},
	} {
		if token.has {
			entry := a.then(instruction{op: opLoad, k: offNumber}, a.tree(token.spans()))
			next = a.jump(opEqual, token.value, entry, next)
		}
	}
	p := a.program(a.then(instruction{op: opLoad, k: offArch}, next))
	if len(p) > maxProgram {
		return nil, invalid(late+"error loading seccomp filter into kernel: seccomp filter has %d instructions, the kernel "+
			"takes %d", len(p), maxProgram)
	}
	return p, nil
}

// span is a range of numbers, up to the next span, with the same verdict, or one call with conditions.
type span struct {
	from    uint32
	verdict uint32 // where no rule's conditions hold
	rules   []rule
	wide    bool // arguments have 64 bits
}

// extend adds s to the end of spans.
func extend(spans []span, s span) []span {
	if len(spans) == 0 {
		return append(spans, s)
	}
	last := &spans[len(spans)-1]
	switch {
	case last.from == s.from:
		return extend(spans[:len(spans)-1], s)
	case len(last.rules) > 0 || len(s.rules) > 0 || last.verdict != s.verdict:
		return append(spans, s)
	}
	return spans
}

// spans returns all numbers of one architecture.
func (r *rules) spans(a arch) []span {
	var out []span
	if a == x32 {
		out = extend(out, span{from: x32Bit, verdict: r.def})
	} else {
		out = extend(out, span{verdict: r.def})
	}
	for _, c := range r.calls(a) {
		c.wide = a == amd64 || a == arm64
		out = extend(out, c)
		out = extend(out, span{from: c.from + 1, verdict: r.def})
	}
	if r.cut(a) {
		out = extend(out, span{from: r.newest[a] + 1, verdict: verdictENOSYS})
	}
	return out
}

// cut tells whether calls newer than the newest known one do not exist.
func (r *rules) cut(a arch) bool { return r.enosys && r.newest[a] != 0 }

// spansAMD64 adds the calls of x32 to those of amd64, which have the same token but bit 30 set.
func (r *rules) spansAMD64() []span {
	out := []span{{verdict: verdictKillThread}}
	if r.archs[amd64] {
		out = r.spans(amd64)
	}
	marked := []span{{from: x32Bit, verdict: verdictKillThread}}
	if r.archs[x32] {
		marked = r.spans(x32)
	}
	for _, s := range marked {
		out = extend(out, s)
	}
	// No table has numbers from bit 31 on. Those without bit 30 are amd64's, those with it x32's.
	beyond := uint32(verdictKillThread)
	switch {
	case r.archs[amd64] && r.cut(amd64):
		beyond = verdictENOSYS
	case r.archs[x32]:
		beyond = r.def
	}
	out = extend(out, span{from: 2 * x32Bit, verdict: beyond})
	out = extend(out, span{from: 3 * x32Bit, verdict: marked[len(marked)-1].verdict})
	if !r.archs[x32] {
		// A tracer sets call -1 to skip a call, and filters run once more after that (seccomp(2), since Linux 4.8).
		out = extend(out, span{from: ^uint32(0), verdict: r.def})
	}
	return out
}

// use is a rule that applies to a call.
type use struct {
	number uint32
	rule   int  // place in the list
	inner  bool // the number is of a call through which the rule's is reached
}

// calls returns the numbers of one architecture that have rules, in order.
func (r *rules) calls(a arch) []span {
	t := table()
	uses := make([]use, 0, len(r.list)+len(r.list)/8)
	for i := range r.list {
		e := &t[r.list[i].call]
		if n := e.num[a]; n != absent {
			uses = append(uses, use{uint32(n), i, false})
		}
		if a == x86 && e.through != 0 {
			uses = append(uses, use{uint32(e.through), i, true})
		}
	}
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.rule, b.rule))
	})
	var out []span
	for i := 0; i < len(uses); {
		s := span{from: uses[i].number, verdict: r.def}
		if a == x32 {
			s.from |= x32Bit
		}
		settled := false // by a rule without conditions: the first of them stands, and the others count no more
		for first := i; i < len(uses) && uses[i].number == uses[first].number; i++ {
			q := r.list[uses[i].rule]
			if uses[i].inner {
				q.conds = withFirst(q.conds, t[q.call].first)
			}
			if len(q.conds) > 0 {
				s.rules = append(s.rules, q)
			} else if !settled {
				settled, s.verdict = true, q.verdict
			}
		}
		if settled {
			s.rules = nil
		}
		out = append(out, s)
	}
	return out
}

// tree writes the search and returns its entry, which expects the call's number in the accumulator.
func (a *assembler) tree(spans []span) place {
	if len(spans) == 1 {
		return a.leaf(spans[0])
	}
	mid := len(spans) / 2
	upper := a.tree(spans[mid:])
	lower := a.tree(spans[:mid])
	return a.jump(opAtLeast, spans[mid].from, upper, lower)
}

// leaf writes the rules of one call in order.
func (a *assembler) leaf(s span) place {
	next := a.ret(s.verdict)
	for i := len(s.rules) - 1; i >= 0; i-- {
		q := s.rules[i]
		yes := a.ret(q.verdict)
		for j := len(q.conds) - 1; j >= 0; j-- {
			yes = a.condition(q.conds[j], s.wide, yes, next)
		}
		next = yes
	}
	return next
}
