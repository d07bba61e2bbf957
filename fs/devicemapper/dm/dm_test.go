package dm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel stands in for the kernel: it checks what every command must have, notes it, and answers.
type kernel struct {
	t      *testing.T
	calls  []string
	answer func(nr uintptr, h *header, data []byte) error
}

func (k *kernel) call(nr uintptr, buf []byte) error {
	h := (*header)(unsafe.Pointer(&buf[0]))
	if h.version[0] != 4 || int(h.size) != len(buf) || h.start != 312 {
		k.t.Errorf("command %d: version %v, size %d of %d, data at %d", nr, h.version, h.size, len(buf), h.start)
	}
	k.calls = append(k.calls, string(bytes.TrimRight(h.name[:], "\x00")))
	if k.answer == nil {
		return nil
	}
	return k.answer(nr, h, buf[h.start:])
}

func control(t *testing.T, answer func(nr uintptr, h *header, data []byte) error) (*Control, *kernel) {
	k := &kernel{t: t, answer: answer}
	return &Control{folder: t.TempDir(), call: k.call}, k
}

// TestRequest: the numbers are those of the header file.
func TestRequest(t *testing.T) {
	if headerSize != 312 || unsafe.Offsetof(header{}.dev) != 40 || unsafe.Offsetof(header{}.uuid) != 176 {
		t.Errorf("struct dm_ioctl has %d bytes", headerSize)
	}
	for nr, want := range map[uintptr]uintptr{version: 0xc138fd00, tableLoad: 0xc138fd09, targetMsg: 0xc138fd0e} {
		if got := request(nr); got != want {
			t.Errorf("%d: %#x, want %#x", nr, got, want)
		}
	}
}

// TestTable: a table is laid out as struct dm_target_spec, each with its text, the next at a multiple of 8.
func TestTable(t *testing.T) {
	var got []Target
	c, _ := control(t, func(nr uintptr, h *header, data []byte) (err error) {
		if nr == tableLoad {
			// Offsets of a table that is loaded count from the spec before.
			at := 0
			for range h.targets {
				s := data[at:]
				end := bytes.IndexByte(s[specSize:], 0)
				got = append(got, Target{binary.NativeEndian.Uint64(s), binary.NativeEndian.Uint64(s[8:]),
					strings.TrimRight(string(s[24:40]), "\x00"), string(s[40 : 40+end])})
				next := int(binary.NativeEndian.Uint32(s[20:]))
				if next%8 != 0 {
					t.Errorf("next at %d", next)
				}
				at += next
			}
		}
		return nil
	})
	want := []Target{{0, 10, "linear", "7:0 0"}, {10, 20, "thin", "254:3 12345"}, {30, 1, "error", ""}}
	if err := c.Reload("x", want...); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if err := c.Reload("x", Target{Kind: "much-too-long-for-a-kind"}); err == nil {
		t.Error("a kind that does not fit")
	}
	if err := c.Suspend(strings.Repeat("n", 128)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Error(err)
	}
}

// TestCreateFails: what cannot be made whole is not there.
func TestCreateFails(t *testing.T) {
	for _, at := range []uintptr{devCreate, tableLoad, devSuspend} {
		there := false
		c, _ := control(t, func(nr uintptr, _ *header, _ []byte) error {
			if nr == at {
				return unix.EINVAL
			}
			switch nr {
			case devCreate:
				there = true
			case devRemove:
				there = false
			}
			return nil
		})
		if err := c.Create("x", "", Target{Length: 1, Kind: "error"}); !errors.Is(err, unix.EINVAL) || there {
			t.Errorf("command %d refused: %v, there %t", at, err, there)
		}
	}
}

// TestStatus: answers of several targets, and such as no kernel gives.
func TestStatus(t *testing.T) {
	fill := func(h *header, data []byte, targets ...Target) {
		h.targets = uint32(len(targets))
		at := 0
		for _, x := range targets {
			s := data[at:]
			binary.NativeEndian.PutUint64(s, x.Start)
			binary.NativeEndian.PutUint64(s[8:], x.Length)
			copy(s[24:], x.Kind)
			n := copy(s[specSize:], x.Text)
			at += (specSize + n + 1 + 7) / 8 * 8
			binary.NativeEndian.PutUint32(s[20:], uint32(at)) // counts from the start of the data
		}
	}
	want := []Target{{0, 5, "thin-pool", "1 2/3 4/5 - rw"}, {5, 6, "linear", ""}}
	c, k := control(t, nil)
	k.answer = func(_ uintptr, h *header, data []byte) error {
		if len(k.calls) < 3 { // it does not fit the first times
			h.flags |= flagFull
			return nil
		}
		fill(h, data, want...)
		return nil
	}
	if got, err := c.Status("p"); err != nil || !reflect.DeepEqual(got, want) || len(k.calls) != 3 {
		t.Errorf("%v, %v after %d calls", got, err, len(k.calls))
	}
	k.answer = func(_ uintptr, h *header, _ []byte) error { h.flags |= flagFull; return nil }
	if _, err := c.Status("p"); err == nil {
		t.Error("an answer that never fits")
	}
	for name, bad := range map[string]func(h *header, data []byte){
		"far start": func(h *header, _ []byte) { h.targets, h.start = 1, 1<<30 },
		"no text":   func(h *header, data []byte) { h.targets = 1; copy(data, bytes.Repeat([]byte{1}, len(data))) },
		"far next": func(h *header, data []byte) {
			h.targets = 2
			binary.NativeEndian.PutUint32(data[20:], 1<<31)
		},
	} {
		k.answer = func(_ uintptr, h *header, data []byte) error { bad(h, data); return nil }
		if list, err := c.Status("p"); err == nil {
			t.Errorf("%s: %v", name, list)
		}
	}
}

// TestList: names one after another, and lists that no kernel gives.
func TestList(t *testing.T) {
	c, k := control(t, nil)
	entry := func(data []byte, dev uint64, next uint32, name string) {
		binary.NativeEndian.PutUint64(data, dev)
		binary.NativeEndian.PutUint32(data[8:], next)
		copy(data[12:], name+"\x00")
	}
	k.answer = func(_ uintptr, _ *header, data []byte) error {
		entry(data, 1, 32, "one")
		entry(data[32:], 2, 0, "two")
		return nil
	}
	if got, err := c.List(); err != nil || !reflect.DeepEqual(got, []string{"one", "two"}) {
		t.Error(got, err)
	}
	k.answer = nil // no device: one entry of zeros
	if got, err := c.List(); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	for _, next := range []uint32{1, 1 << 31, 4000} {
		k.answer = func(_ uintptr, _ *header, data []byte) error {
			copy(data, bytes.Repeat([]byte{0xff}, len(data)))
			entry(data, 1, next, "x")
			return nil
		}
		if got, err := c.List(); err == nil {
			t.Errorf("next at %d: %v", next, got)
		}
	}
}

// TestRemove: a device that is not there is removed, one in use is not, and its node goes with it alone.
func TestRemove(t *testing.T) {
	c, k := control(t, func(uintptr, *header, []byte) error { return unix.EBUSY })
	if err := os.WriteFile(c.Node("x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove("x"); !errors.Is(err, unix.EBUSY) {
		t.Error(err)
	}
	if _, err := os.Stat(c.Node("x")); err != nil {
		t.Error("the node of a device that is there:", err)
	}
	for _, answer := range []error{nil, unix.ENXIO} {
		k.answer = func(uintptr, *header, []byte) error { return answer }
		if err := c.Remove("x"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.Node("x")); !errors.Is(err, os.ErrNotExist) {
			t.Error("the node stays:", err)
		}
	}
}
