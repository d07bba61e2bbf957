package firewall

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// entryOf returns a rule whose target is a standard one with a verdict, or one with a name.
func entryOf(name string, verdict int32, more string) []byte {
	raw := passEntry("", false)
	clear(raw[offInMask:offTargetOff])
	binary.NativeEndian.PutUint32(raw[xtEntrySize+32:], uint32(verdict))
	if name != "" {
		raw = append(raw[:xtEntrySize], make([]byte, 2*xtNameSize)...)
		binary.NativeEndian.PutUint16(raw[xtEntrySize:], 2*xtNameSize)
		copy(raw[xtEntrySize+2:], name)
		copy(raw[xtEntrySize+xtNameSize:], more)
		binary.NativeEndian.PutUint16(raw[offNextOff:], uint16(len(raw)))
	}
	return raw
}

// tableOf lays out a filter table: the rules of INPUT, FORWARD and OUTPUT, each with its policy last, and user
// chains, each with an ERROR that names it in front and a return at the end.
func tableOf(input, forward, output [][]byte, chains ...string) *xtTable {
	t := &xtTable{}
	offset := uint32(0)
	add := func(raw []byte) (at uint32) {
		t.entries = append(t.entries, xtEntry{offset: offset, raw: bytes.Clone(raw), from: len(t.entries)})
		at = offset
		offset += uint32(len(raw))
		return at
	}
	t.chain(1, input, add)
	t.chain(xtForward, forward, add)
	t.chain(3, output, add)
	for _, name := range chains {
		add(entryOf("ERROR", 0, name))
		add(entryOf("", -5, "")) // return
	}
	add(entryOf("ERROR", 0, "ERROR"))
	return t
}

func (t *xtTable) chain(hook int, rules [][]byte, add func([]byte) uint32) {
	for i, raw := range rules {
		at := add(raw)
		if i == 0 {
			t.hooks[hook] = at
		}
		t.underflows[hook] = at
	}
}

// check fails unless every offset leads to the beginning of a rule and each hook's policy is what it was.
func (t *xtTable) check(tb testing.TB, what string, policies [xtHooks]int32) {
	tb.Helper()
	at := map[uint32]xtEntry{}
	offset := uint32(0)
	for _, e := range t.entries {
		if e.offset != offset {
			tb.Errorf("%s: a rule says it is at %d, and is at %d", what, e.offset, offset)
		}
		at[offset] = e
		offset += uint32(len(e.raw))
	}
	for hook := 1; hook <= 3; hook++ {
		if _, ok := at[t.hooks[hook]]; !ok {
			tb.Errorf("%s: hook %d begins at %d, where no rule is", what, hook, t.hooks[hook])
		}
		policy, ok := at[t.underflows[hook]]
		if _, verdict := policy.target(); !ok || verdict != policies[hook] {
			tb.Errorf("%s: the policy of hook %d is %d at %d", what, hook, verdict, t.underflows[hook])
		}
	}
	for _, e := range t.entries {
		if name, verdict := e.target(); name == "" && verdict >= 0 {
			before, ok := at[uint32(verdict)]
			if name, _ := before.target(); !ok || name == "ERROR" {
				tb.Errorf("%s: a jump leads to %d, into the middle of a rule or before its chain", what, verdict)
			}
		}
	}
}

const drop32, accept32 = -1, xtAccept

// jump returns a rule that jumps to the rule at offset to.
func jump(to int) []byte { return entryOf("", int32(to), "") }

// TestPassesOfLegacyTables checks that the pair is put at the head of FORWARD, or of DOCKER-USER, whatever else is
// there, and that jumps and policies still lead where they led. Removing it restores the table byte by byte.
func TestPassesOfLegacyTables(t *testing.T) {
	accept, drop := entryOf("", accept32, ""), entryOf("", drop32, "")
	rule := len(accept)
	for _, row := range []struct {
		what                   string
		input, forward, output [][]byte
		chains                 []string
		at                     int // where the pair is afterwards
	}{
		{"policy alone", [][]byte{accept}, [][]byte{drop}, [][]byte{accept}, nil, 1},
		{"a rule that drops", [][]byte{accept}, [][]byte{drop, accept}, [][]byte{accept}, nil, 1},
		{"rules elsewhere", [][]byte{drop, drop, accept}, [][]byte{accept, drop}, [][]byte{drop, accept}, nil, 3},
		{"jumps over it", [][]byte{jump(6*rule + 2*xtNameSize + xtEntrySize), accept},
			[][]byte{jump(6*rule + 2*xtNameSize + xtEntrySize), drop}, [][]byte{drop, accept}, []string{"MINE"}, 2},
		{"DOCKER-USER", [][]byte{accept}, [][]byte{jump(4*rule + 2*xtNameSize + xtEntrySize), drop}, [][]byte{accept},
			[]string{"DOCKER-USER", "OTHER"}, 5},
		{"DOCKER-USER behind another", [][]byte{accept}, [][]byte{drop}, [][]byte{accept}, []string{"OTHER",
			"DOCKER-USER"}, 6},
	} {
		table := tableOf(row.input, row.forward, row.output, row.chains...)
		_, in := table.entryAt(table.underflows[1])
		_, forward := table.entryAt(table.underflows[xtForward])
		_, out := table.entryAt(table.underflows[3])
		policies := [xtHooks]int32{1: in, xtForward: forward, 3: out}
		table.check(t, row.what+", before", policies)
		before := fmt.Sprintf("%+v", table)
		at, err := table.head()
		if err != nil || at != row.at || !table.forwardCanDrop() {
			t.Errorf("%s: the head is rule %d, %v, want %d", row.what, at, err, row.at)
			continue
		}
		for _, name := range []string{"box0", "box1"} {
			table.insert(at, passEntry(name, true), passEntry(name, false))
			table.check(t, row.what+", with "+name, policies)
			if first := table.entries[at]; !bytes.Equal(first.raw, passEntry(name, true)) || first.from != -1 {
				t.Errorf("%s: %s is not at the head", row.what, name)
			}
		}
		if !strings.Contains(row.what, "DOCKER-USER") && table.hooks[xtForward] != table.entries[at].offset {
			t.Errorf("%s: FORWARD does not begin with the pair", row.what)
		}
		for _, name := range []string{"box0", "box1"} {
			in, out := bare(passEntry(name, true)), bare(passEntry(name, false))
			table.remove(func(e xtEntry) bool { return bytes.Equal(bare(e.raw), in) || bytes.Equal(bare(e.raw), out) })
			table.check(t, row.what+", without "+name, policies)
		}
		if after := fmt.Sprintf("%+v", table); after != before {
			t.Errorf("%s: the table was\n%s\nand is\n%s", row.what, before, after)
		}
	}
}

// entryAt returns the target of the rule at an offset.
func (t *xtTable) entryAt(offset uint32) (name string, verdict int32) {
	for _, e := range t.entries {
		if e.offset == offset {
			return e.target()
		}
	}
	return "", 0
}

// TestForwardThatDropsNothing checks that an empty FORWARD that accepts is left alone, and that a table without one
// is an error.
func TestForwardThatDropsNothing(t *testing.T) {
	accept, drop := entryOf("", accept32, ""), entryOf("", drop32, "")
	for want, forward := range map[bool][][]byte{false: {accept}, true: {drop}} {
		if got := tableOf([][]byte{drop, drop}, forward, [][]byte{drop}).forwardCanDrop(); got != want {
			t.Errorf("can drop %v, want %v", got, want)
		}
	}
	if !tableOf([][]byte{accept}, [][]byte{accept, accept}, [][]byte{accept}).forwardCanDrop() {
		t.Error("a chain with a rule drops nothing")
	}
	table := &xtTable{hooks: [xtHooks]uint32{xtForward: 7}, entries: []xtEntry{{raw: accept}}}
	if _, err := table.head(); !errdefs.IsFailedPrecondition(err) {
		t.Error(err)
	}
}

// TestPassEntry checks that the whole name of the bridge is compared, including its end, and that counters make no
// difference.
func TestPassEntry(t *testing.T) {
	for _, name := range []string{"b", "docker0", "fifteen-letters"} {
		raw := passEntry(name, true)
		if string(raw[offOutIface:offOutIface+len(name)+1]) != name+"\x00" {
			t.Errorf("%s: %q", name, raw[offOutIface:offOutIface+16])
		}
		ones := bytes.Count(raw[offOutMask:offOutMask+16], []byte{0xff}) + bytes.Count(raw[offInMask:offInMask+16],
			[]byte{0xff})
		if ones != len(name)+1 {
			t.Errorf("%s: %d bytes of the name count", name, ones)
		}
		counted := bytes.Clone(raw)
		binary.NativeEndian.PutUint64(counted[offEntryCounts:], 77)
		if !bytes.Equal(bare(counted), bare(raw)) || bytes.Equal(bare(passEntry(name, false)), bare(raw)) {
			t.Errorf("%s: counters count, or direction does not", name)
		}
	}
}
