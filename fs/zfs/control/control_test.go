package control

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/zfs/nvlist"
)

// pointed returns the bytes that a pointer and a size in a command lead to.
func pointed(cmd []byte, at int) []byte {
	size := binary.NativeEndian.Uint64(cmd[at+8:])
	if size == 0 {
		return nil
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&cmd[at])), size)
}

func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// word is a number in XDR, padded text its text.
func word(n ...byte) string { return hex.EncodeToString(append(make([]byte, 4-len(n)), n...)) }
func padded(s string) string {
	return hex.EncodeToString(append([]byte(s), make([]byte, -len(s)&3)...))
}

// TestRequests: the bytes of each request, by field of zfs_cmd_t.
func TestRequests(t *testing.T) {
	const head, end = "01010000" + "00000000" + "00000001", "0000000000000000"
	legacy := word(0x2c) + word(0x28) + word(10) + padded("mountpoint") + word(9) + word(1) + word(6) + padded("legacy")
	props := word(0x58) + word(0x30) + word(5) + padded("props") + word(19) + word(1) + word() + word(1) + legacy + end
	flagged := func(name string, size, inMemory byte) string {
		return word(size) + word(inMemory) + word(byte(len(name))) + padded(name) + word(1) + word()
	}
	legacyProps := nvlist.List{{Name: "mountpoint", Value: "legacy"}}
	const one = "tank/d/one"
	for what, row := range map[string]struct {
		do          func(d *Device) error
		request     uintptr
		name, value string
		src         string
	}{
		"create": {func(d *Device) error { return d.Create(one, legacyProps) }, 0x5a17, one, "",
			head + word(0x1c) + word(0x20) + word(4) + padded("type") + word(5) + word(1) + word(2) + props + end},
		"snapshot": {func(d *Device) error { return d.Snapshot(one + "@x") }, 0x5a23, "tank", "",
			head + word(0x4c) + word(0x30) + word(5) + padded("snaps") + word(19) + word(1) + word() + word(1) +
				flagged("tank/d/one@x", 0x20, 0x20) + end + end},
		"clone": {func(d *Device) error { return d.Clone("tank/d/two", one+"@x", legacyProps) }, 0x5a42, "tank/d/two", "",
			head + word(0x2c) + word(0x28) + word(6) + padded("origin") + word(9) + word(1) + word(12) +
				padded("tank/d/one@x") + props + end},
		"quota": {func(d *Device) error {
			return d.Set("tank/d/one", nvlist.List{{Name: "quota", Value: uint64(1 << 30)}})
		},
			0x5a16, "tank/d/one", "", head + word(0x24) + word(0x20) + word(5) + padded("quota") + word(8) + word(1) +
				word() + word(0x40, 0, 0, 0) + end},
		"rename":  {func(d *Device) error { return d.Rename(one, "tank/d/gone") }, 0x5a1a, one, "tank/d/gone", ""},
		"destroy": {func(d *Device) error { return d.Destroy(one) }, 0x5a18, one, "", ""},
		"destroy snapshots": {func(d *Device) error { return d.DestroySnapshots([]string{one + "@x", one + "@yy"}) },
			0x5a3b, "tank", "", head + word(0x70) + word(0x30) + word(5) + padded("snaps") + word(19) + word(1) + word() +
				word(1) + flagged("tank/d/one@x", 0x20, 0x20) + flagged("tank/d/one@yy", 0x24, 0x20) + end +
				flagged("defer", 0x1c, 0x18) + end},
		"properties": {func(d *Device) error { _, err := d.Stats("tank/d"); return err }, 0x5a12, "tank/d", "", ""},
		"pool":       {func(d *Device) error { _, _, err := d.Pool("tank/d"); return err }, 0x5a27, "tank", "", ""},
	} {
		calls := 0
		d := &Device{Call: func(request uintptr, cmd []byte) error {
			calls++
			if got := hex.EncodeToString(pointed(cmd, 4096)); request != row.request || got != row.src {
				t.Errorf("%s: request %x\n%s, want\n%s", what, request, got, row.src)
			}
			if name, value := text(cmd[:4096]), text(cmd[4144:4144+8192]); name != row.name || value != row.value {
				t.Errorf("%s: name %q, value %q", what, name, value)
			}
			reply := len(pointed(cmd, 4112))
			if plain := what == "rename" || what == "destroy"; plain != (reply == 0) {
				t.Errorf("%s: room for a reply of %d bytes", what, reply)
			}
			rest := binary.NativeEndian.Uint64(cmd[12616:])
			for _, b := range cmd[12336:] {
				rest |= uint64(b)
			}
			if rest != 0 {
				t.Errorf("%s: other fields are set", what)
			}
			return unix.EPERM
		}}
		if err := row.do(d); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "tank") || calls != 1 {
			t.Errorf("%s: %v after %d calls", what, err, calls)
		}
	}
}

// answer writes a reply as put_nvlist of the kernel does.
func answer(t *testing.T, cmd []byte, l nvlist.List) error {
	raw, err := nvlist.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	binary.NativeEndian.PutUint32(cmd[4128:], 1)
	room := pointed(cmd, 4112)
	binary.NativeEndian.PutUint64(cmd[4120:], uint64(len(raw)))
	if len(raw) > len(room) {
		return unix.ENOMEM
	}
	copy(room, raw)
	return nil
}

// TestReplies: a reply that is larger than the room for it is asked for again, and one that is too large is not; lists
// go on where the kernel says.
func TestReplies(t *testing.T) {
	props := func(size int) nvlist.List {
		return nvlist.List{{Name: "note", Value: nvlist.List{{Name: "value", Value: strings.Repeat("x", size)},
			{Name: "source", Value: "tank/a"}}}, {Name: "used", Value: nvlist.List{{Name: "value", Value: uint64(7)}}}}
	}
	calls, size := 0, 100_000
	d := &Device{Call: func(_ uintptr, cmd []byte) error {
		calls++
		if calls == 1 {
			return unix.EINTR
		}
		return answer(t, cmd, props(size))
	}}
	p, err := d.Stats("tank/a")
	if n, ok := p.Number("used"); err != nil || n != 7 || !ok || calls != 3 {
		t.Error(n, ok, err, calls)
	}
	if len(p.Local("note", "tank/a")) != size || p.Local("note", "tank") != "" || p.Local("none", "tank/a") != "" {
		t.Error("a property of another dataset counts")
	}
	if _, ok := p.Number("note"); ok {
		t.Error("text is a number")
	}
	size = replyMost
	if _, err := d.Stats("tank/a"); !errors.Is(err, unix.ENOMEM) {
		t.Error(err)
	}
	children := []string{"tank/a", "tank/b", "tank/c"}
	d.Call = func(request uintptr, cmd []byte) error {
		at := binary.NativeEndian.Uint64(cmd[12616:])
		if request != 0x5a14 || text(cmd) != "tank" {
			t.Errorf("request %x of %q", request, text(cmd))
		}
		if at == uint64(len(children)) {
			return unix.ESRCH
		}
		copy(cmd, children[at])
		binary.NativeEndian.PutUint64(cmd[12616:], at+1)
		return answer(t, cmd, props(100_000))
	}
	var got []string
	err = d.Children("tank", func(name string, p Properties) error {
		if n, _ := p.Number("used"); n != 7 {
			t.Error(name, n)
		}
		got = append(got, name)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, children) {
		t.Error(got, err)
	}
}

// TestHostile: names that would be cut off, and replies that are no lists, are refused.
func TestHostile(t *testing.T) {
	d := &Device{Call: func(_ uintptr, cmd []byte) error {
		copy(pointed(cmd, 4112), "garbage")
		binary.NativeEndian.PutUint32(cmd[4128:], 1)
		binary.NativeEndian.PutUint64(cmd[4120:], 1<<40)
		return nil
	}}
	for _, name := range []string{"tank/a\x00b", "tank/" + strings.Repeat("a", 300)} {
		if err := d.Destroy(name); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := d.Rename("tank/a", "tank/b\x00"); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	if _, err := d.Stats("tank"); !errors.Is(err, nvlist.ErrInvalid) {
		t.Error(err)
	}
	d.Call = func(uintptr, []byte) error { return nil } // a kernel that names the same for ever
	if _, err := d.Snapshots("tank"); !errors.Is(err, nvlist.ErrInvalid) {
		t.Error(err)
	}
	if err := d.DestroySnapshots(nil); err != nil {
		t.Error(err)
	}
}
