package firewall

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// xtEdit reads the table, lets change alter it and writes it back if change returns true. It does nothing if the
// table is not in use. The lock is the one that the iptables programs take.
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
		next, target := int(binary.NativeEndian.Uint16(rest[offNextOff:])),
			int(binary.NativeEndian.Uint16(rest[offTargetOff:]))
		if next < xtEntrySize+xtNameSize || next > len(rest) || target < xtEntrySize || target > next-xtNameSize {
			return nil, fmt.Errorf("legacy iptables: table filter has a rule of %d bytes: %w", next, errdefs.ErrDataLoss)
		}
		t.entries = append(t.entries, xtEntry{offset: offset, raw: bytes.Clone(rest[:next]), from: len(t.entries)})
		rest, offset = rest[next:], offset+uint32(next)
	}
	return t, nil
}

// write replaces the table and restores the counters of the rules that stayed.
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

// restoreCounters adds the old counters, which the kernel returned at the exchange, to those of the new table, which
// start at zero.
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
