package firewall

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Legacy iptables. Its rules are read and written as a whole table, by socket options
// (linux/netfilter_ipv4/ip_tables.h). box changes only the filter table, only if it is in use already, and only by a
// pair of rules for each bridge.

// Socket options at level IPPROTO_IP.
const (
	iptSetReplace     = 64
	iptSetAddCounters = 65
	iptGetInfo        = 64
	iptGetEntries     = 65
)

// Sizes and offsets in bytes of the structures; the same on every 64-bit architecture.
const (
	xtNameSize     = 32
	xtInfoSize     = 84  // struct ipt_getinfo
	xtEntriesHead  = 40  // struct ipt_get_entries without its entries
	xtReplaceHead  = 96  // struct ipt_replace without its entries
	xtEntrySize    = 112 // struct ipt_entry without matches and target
	xtTargetSize   = 40  // struct xt_standard_target
	xtCounterSize  = 16  // struct xt_counters
	offInIface     = 16
	offOutIface    = 32
	offInMask      = 48
	offOutMask     = 64
	offTargetOff   = 88
	offNextOff     = 90
	offEntryCounts = 96
	xtAccept       = -2 // the verdict -NF_ACCEPT - 1
	xtHooks        = 5
	xtForward      = 2 // NF_INET_FORWARD
)

// xtTable is a table as the kernel returns it.
type xtTable struct {
	validHooks uint32
	hooks      [xtHooks]uint32 // offset of each built-in chain's first rule
	underflows [xtHooks]uint32 // offset of its policy
	entries    []xtEntry
}

// xtEntry is one rule.
type xtEntry struct {
	offset uint32
	raw    []byte
	from   int // place in the table it was read from, -1 for a new rule
}

// target returns the name of the rule's target and, for a standard one (the empty name), its verdict.
func (e xtEntry) target() (name string, verdict int32) {
	t := e.raw[binary.NativeEndian.Uint16(e.raw[offTargetOff:]):]
	name = unix.ByteSliceToString(t[2:31])
	if name == "" && len(t) >= xtTargetSize {
		verdict = int32(binary.NativeEndian.Uint32(t[32:]))
	}
	return name, verdict
}

// xtablesInUse tells whether the legacy filter table exists. Asking for the table itself would make it. It reads this
// thread's network, since /proc/net is the first thread's, which may be in a sandbox just now.
func xtablesInUse() bool {
	names, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	return err == nil && slices.Contains(strings.Fields(string(names)), "filter")
}

// xtablesState returns something that changes when rules are added to or removed from the table.
func xtablesState() string {
	if !xtablesInUse() {
		return ""
	}
	fd, err := xtSocket()
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info, err := xtInfo(fd)
	if err != nil {
		return ""
	}
	return string(info)
}

// xtablesPass puts an accept pair for bridge at the head of FORWARD, or of DOCKER-USER if that exists. It does
// nothing if FORWARD cannot drop.
func xtablesPass(bridge string) error {
	return xtEdit(func(t *xtTable) (bool, error) {
		at, err := t.head()
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(t.entries,
			func(e xtEntry) bool { return bytes.Equal(bare(e.raw), bare(passEntry(bridge, true))) }) {
			return false, nil
		}
		if drops := t.forwardCanDrop(); !drops {
			return false, nil
		}
		t.insert(at, passEntry(bridge, true), passEntry(bridge, false))
		return true, nil
	})
}

// xtablesUnpass removes the pair of xtablesPass.
func xtablesUnpass(bridge string) error {
	return xtEdit(func(t *xtTable) (bool, error) {
		n := len(t.entries)
		t.remove(func(e xtEntry) bool {
			return bytes.Equal(bare(e.raw), bare(passEntry(bridge, true))) ||
				bytes.Equal(bare(e.raw), bare(passEntry(bridge, false)))
		})
		return len(t.entries) != n, nil
	})
}

// bare returns a rule without what the kernel changes: nfcache, comefrom and the counters.
func bare(raw []byte) []byte {
	b := bytes.Clone(raw)
	clear(b[84:88])
	clear(b[92:xtEntrySize])
	return b
}

// passEntry returns the rule -i bridge -j ACCEPT, or with out the rule -o bridge -j ACCEPT.
func passEntry(bridge string, out bool) []byte {
	raw := make([]byte, xtEntrySize+xtTargetSize)
	name, mask := offInIface, offInMask
	if out {
		name, mask = offOutIface, offOutMask
	}
	copy(raw[name:name+unix.IFNAMSIZ], bridge)
	for i := range len(bridge) + 1 { // with the final zero: the whole name
		raw[mask+i] = 0xff
	}
	binary.NativeEndian.PutUint16(raw[offTargetOff:], xtEntrySize)
	binary.NativeEndian.PutUint16(raw[offNextOff:], uint16(len(raw)))
	binary.NativeEndian.PutUint16(raw[xtEntrySize:], xtTargetSize)
	verdict := int32(xtAccept)
	binary.NativeEndian.PutUint32(raw[xtEntrySize+32:], uint32(verdict))
	return raw
}

// head returns the place in the list where the pair belongs.
func (t *xtTable) head() (int, error) {
	for i, e := range t.entries {
		t := e.raw[binary.NativeEndian.Uint16(e.raw[offTargetOff:]):]
		if name, _ := e.target(); name == "ERROR" && len(t) > xtNameSize &&
			unix.ByteSliceToString(t[xtNameSize:]) == "DOCKER-USER" {
			return i + 1, nil // a chain starts behind an ERROR target that carries its name
		}
	}
	for i, e := range t.entries {
		if e.offset == t.hooks[xtForward] {
			return i, nil
		}
	}
	return 0, fmt.Errorf("legacy iptables: table filter has no FORWARD chain: %w", errdefs.ErrFailedPrecondition)
}

// forwardCanDrop tells whether FORWARD is anything but an empty chain that accepts.
func (t *xtTable) forwardCanDrop() bool {
	if t.hooks[xtForward] != t.underflows[xtForward] {
		return true
	}
	for _, e := range t.entries {
		if e.offset == t.hooks[xtForward] {
			_, verdict := e.target()
			return verdict != xtAccept
		}
	}
	return true
}

// insert puts rules before the one at place at.
func (t *xtTable) insert(at int, rules ...[]byte) {
	before := t.entries[at].offset
	grown := uint32(0)
	var fresh []xtEntry
	for _, r := range rules {
		fresh = append(fresh, xtEntry{raw: r, from: -1})
		grown += uint32(len(r))
	}
	// References to the chain's first rule then lead to the new one; jumps beyond it move.
	t.entries = slices.Insert(t.entries, at, fresh...)
	moved := func(o uint32) uint32 {
		if o > before {
			return o + grown
		}
		return o
	}
	t.relocate(moved)
	for i := range t.underflows {
		if t.underflows[i] == before { // the policy was the chain's first rule
			t.underflows[i] += grown
		}
	}
	for i := range t.hooks {
		if i != xtForward && t.hooks[i] == before {
			t.hooks[i] += grown
		}
	}
}

// remove deletes the rules that match.
func (t *xtTable) remove(match func(xtEntry) bool) {
	var kept []xtEntry
	type gap struct{ at, size uint32 }
	var gaps []gap
	for _, e := range t.entries {
		if match(e) {
			gaps = append(gaps, gap{e.offset, uint32(len(e.raw))})
			continue
		}
		kept = append(kept, e)
	}
	t.entries = kept
	t.relocate(func(o uint32) uint32 {
		moved := o
		for _, g := range gaps {
			if o > g.at {
				moved -= g.size
			}
		}
		return moved
	})
}

// relocate applies a change of offsets to everything that refers to one, and renumbers the rules.
func (t *xtTable) relocate(moved func(uint32) uint32) {
	for i := range xtHooks {
		t.hooks[i], t.underflows[i] = moved(t.hooks[i]), moved(t.underflows[i])
	}
	offset := uint32(0)
	for i := range t.entries {
		e := &t.entries[i]
		if name, verdict := e.target(); name == "" && verdict >= 0 {
			target := binary.NativeEndian.Uint16(e.raw[offTargetOff:])
			binary.NativeEndian.PutUint32(e.raw[target+32:], moved(uint32(verdict)))
		}
		e.offset = offset
		offset += uint32(len(e.raw))
	}
}
