package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Legacy iptables. Its rules are read and written as a whole table, by socket options (linux/netfilter_ipv4/ip_tables.h).
// box changes the filter table only, only where it is in use already, and only by a pair of rules for each bridge.

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

// xtTable is a table as the kernel gives it.
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

// target gives the name of the rule's target and for a standard one (the empty name) its verdict.
func (e xtEntry) target() (name string, verdict int32) {
	t := e.raw[binary.NativeEndian.Uint16(e.raw[offTargetOff:]):]
	name = unix.ByteSliceToString(t[2:31])
	if name == "" && len(t) >= xtTargetSize {
		verdict = int32(binary.NativeEndian.Uint32(t[32:]))
	}
	return name, verdict
}

// xtablesInUse tells whether the legacy filter table exists; asking the table itself would make it.
func xtablesInUse() bool {
	names, err := os.ReadFile("/proc/net/ip_tables_names")
	return err == nil && slices.Contains(strings.Fields(string(names)), "filter")
}

// xtablesState is something that changes when rules are added to or taken from the table.
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

// xtablesPass puts an accept pair for bridge at the head of FORWARD, or of DOCKER-USER where that is.
func xtablesPass(bridge string) error {
	return xtEdit(func(t *xtTable) (bool, error) {
		at, err := t.head()
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(t.entries, func(e xtEntry) bool { return bytes.Equal(bare(e.raw), bare(passEntry(bridge, true))) }) {
			return false, nil
		}
		if drops := t.forwardCanDrop(); !drops {
			return false, nil
		}
		t.insert(at, passEntry(bridge, true), passEntry(bridge, false))
		return true, nil
	})
}

// xtablesUnpass removes the pair.
func xtablesUnpass(bridge string) error {
	return xtEdit(func(t *xtTable) (bool, error) {
		n := len(t.entries)
		t.remove(func(e xtEntry) bool {
			return bytes.Equal(bare(e.raw), bare(passEntry(bridge, true))) || bytes.Equal(bare(e.raw), bare(passEntry(bridge, false)))
		})
		return len(t.entries) != n, nil
	})
}

// bare is a rule without what the kernel changes: nfcache, comefrom and the counters.
func bare(raw []byte) []byte {
	b := bytes.Clone(raw)
	clear(b[84:88])
	clear(b[92:xtEntrySize])
	return b
}

// passEntry is -i bridge -j ACCEPT, or with out -o bridge -j ACCEPT.
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

// head is the place in the list where the pair belongs.
func (t *xtTable) head() (int, error) {
	for i, e := range t.entries {
		t := e.raw[binary.NativeEndian.Uint16(e.raw[offTargetOff:]):]
		if name, _ := e.target(); name == "ERROR" && len(t) > xtNameSize && unix.ByteSliceToString(t[xtNameSize:]) == "DOCKER-USER" {
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
	// What pointed to the first rule of the chain points to the new one; jumps behind it move.
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

// xtEdit reads the table, lets change alter it and writes it back if that says so. Where the table is not in use it
// does nothing. The lock is the one that the iptables programs take.
func xtEdit(change func(*xtTable) (bool, error)) error {
	if !xtablesInUse() {
		return nil
	}
	if lock, err := os.OpenFile("/run/xtables.lock", os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
		defer lock.Close()
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			return fmt.Errorf("locking /run/xtables.lock: %w", err)
		}
	}
	fd, err := xtSocket()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for range 5 {
		t, err := xtRead(fd)
		if err != nil {
			return err
		}
		changed, err := change(t)
		if err != nil || !changed {
			return err
		}
		if err = t.write(fd); !errors.Is(err, syscall.EAGAIN) { // somebody without the lock was faster
			return err
		}
	}
	return fmt.Errorf("legacy iptables: the table keeps changing: %w", errdefs.ErrUnavailable)
}

func xtSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return -1, fmt.Errorf("legacy iptables: opening a raw socket: %w", err)
	}
	return fd, nil
}

func xtInfo(fd int) ([]byte, error) {
	info := make([]byte, xtInfoSize)
	copy(info, "filter")
	if err := xtGet(fd, iptGetInfo, info); err != nil {
		return nil, fmt.Errorf("legacy iptables: asking for table filter: %w", err)
	}
	return info, nil
}

func xtRead(fd int) (*xtTable, error) {
	info, err := xtInfo(fd)
	if err != nil {
		return nil, err
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(info[xtNameSize+4*i:]) }
	t := &xtTable{validHooks: word(0)}
	for i := range xtHooks {
		t.hooks[i], t.underflows[i] = word(1+i), word(1+xtHooks+i)
	}
	size := word(2 + 2*xtHooks)
	blob := make([]byte, xtEntriesHead+int(size))
	copy(blob, "filter")
	binary.NativeEndian.PutUint32(blob[xtNameSize:], size)
	if err := xtGet(fd, iptGetEntries, blob); err != nil {
		return nil, fmt.Errorf("legacy iptables: reading table filter: %w", err)
	}
	rest, offset := blob[xtEntriesHead:], uint32(0)
	for len(rest) > 0 {
		if len(rest) < xtEntrySize {
			return nil, fmt.Errorf("legacy iptables: table filter is cut off: %w", errdefs.ErrDataLoss)
		}
		next, target := int(binary.NativeEndian.Uint16(rest[offNextOff:])), int(binary.NativeEndian.Uint16(rest[offTargetOff:]))
		if next < xtEntrySize+xtNameSize || next > len(rest) || target < xtEntrySize || target > next-xtNameSize {
			return nil, fmt.Errorf("legacy iptables: table filter has a rule of %d bytes: %w", next, errdefs.ErrDataLoss)
		}
		t.entries = append(t.entries, xtEntry{offset: offset, raw: bytes.Clone(rest[:next]), from: len(t.entries)})
		rest, offset = rest[next:], offset+uint32(next)
	}
	return t, nil
}

// write replaces the table and gives the rules that stayed their counters back.
func (t *xtTable) write(fd int) error {
	size, old := 0, 0
	for _, e := range t.entries {
		size += len(e.raw)
	}
	info, err := xtInfo(fd)
	if err != nil {
		return err
	}
	old = int(binary.NativeEndian.Uint32(info[xtNameSize+4*(1+2*xtHooks):]))
	counters := make([]byte, max(old, 1)*xtCounterSize)
	msg := make([]byte, xtReplaceHead, xtReplaceHead+size)
	copy(msg, "filter")
	put := func(i int, v uint32) { binary.NativeEndian.PutUint32(msg[xtNameSize+4*i:], v) }
	put(0, t.validHooks)
	put(1, uint32(len(t.entries)))
	put(2, uint32(size))
	for i := range xtHooks {
		put(3+i, t.hooks[i])
		put(3+xtHooks+i, t.underflows[i])
	}
	put(3+2*xtHooks, uint32(old))
	binary.NativeEndian.PutUint64(msg[88:], uint64(uintptr(unsafe.Pointer(&counters[0]))))
	for _, e := range t.entries {
		msg = append(msg, e.raw...)
	}
	err = xtSet(fd, iptSetReplace, msg)
	runtime.KeepAlive(counters)
	if err != nil {
		return fmt.Errorf("legacy iptables: writing table filter: %w", err)
	}
	return t.restoreCounters(fd, counters)
}

// restoreCounters adds what the kernel handed back at the exchange to the new table's counters, which start at zero.
func (t *xtTable) restoreCounters(fd int, counters []byte) error {
	const head = 40 // struct xt_counters_info without its counters
	msg := make([]byte, head+len(t.entries)*xtCounterSize)
	copy(msg, "filter")
	binary.NativeEndian.PutUint32(msg[xtNameSize:], uint32(len(t.entries)))
	for i, e := range t.entries {
		if e.from >= 0 && (e.from+1)*xtCounterSize <= len(counters) {
			copy(msg[head+i*xtCounterSize:], counters[e.from*xtCounterSize:(e.from+1)*xtCounterSize])
		}
	}
	if err := xtSet(fd, iptSetAddCounters, msg); err != nil {
		return fmt.Errorf("legacy iptables: restoring counters of table filter: %w", err)
	}
	return nil
}

func xtGet(fd, option int, buf []byte) error {
	size := uint32(len(buf))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, uintptr(option),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func xtSet(fd, option int, buf []byte) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, uintptr(option),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
