package runtime

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is what steps read and write: text, tables and results. It is filled before it has an address, so addresses
// in it are offsets until load.
type memory struct {
	b     []byte
	fix   []int // where it holds addresses
	texts map[string]address
	err   error
}

// address is a place in a memory.
type address int

// bytes puts p into the memory.
func (m *memory) bytes(p []byte) address {
	for len(m.b)%8 != 0 {
		m.b = append(m.b, 0)
	}
	at := address(len(m.b))
	m.b = append(m.b, p...)
	return at
}

// space puts n zeros into the memory.
func (m *memory) space(n int) address { return m.bytes(make([]byte, n)) }

// text puts s into the memory as C has it, once for all its uses: nothing writes to it.
func (m *memory) text(s string) address {
	if at, ok := m.texts[s]; ok {
		return at
	}
	at := m.fresh(s)
	if m.texts == nil {
		m.texts = map[string]address{}
	}
	m.texts[s] = at
	return at
}

// fresh puts s at a place of its own, which may be written to.
func (m *memory) fresh(s string) address {
	if strings.IndexByte(s, 0) >= 0 {
		m.err = fmt.Errorf("%q: %w", s, unix.EINVAL)
	}
	at := m.bytes([]byte(s))
	m.b = append(m.b, 0)
	return at
}

// words puts a row of 64-bit numbers into the memory. load completes the addresses among them.
func (m *memory) words(list ...word) address {
	at := m.space(8 * len(list))
	for i, w := range list {
		p := int(at) + 8*i
		n, isRegister := w.encode(0)
		if isRegister {
			m.err = fmt.Errorf("a register in a row of numbers: %w", unix.EINVAL) // a mistake in this package
		}
		binary.NativeEndian.PutUint64(m.b[p:], n)
		if _, ok := w.(address); ok {
			m.fix = append(m.fix, p)
		}
	}
	return at
}

// strings puts a list of texts into the memory as execve(2) takes it.
func (m *memory) strings(list []string) address {
	words := make([]word, 0, len(list)+1)
	for _, s := range list {
		words = append(words, m.text(s))
	}
	return m.words(append(words, value(0))...)
}

// load copies the memory to to, whose address is base, and completes the addresses in it.
func (m *memory) load(to []byte, base uintptr) {
	copy(to, m.b)
	for _, p := range m.fix {
		binary.NativeEndian.PutUint64(to[p:], binary.NativeEndian.Uint64(m.b[p:])+uint64(base))
	}
}
