package nvlist

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestEncode: the bytes that OpenZFS 2.1's own library writes for a request.
func TestEncode(t *testing.T) {
	got, err := Encode(List{{"type", int32(2)}, {"props", List{{"mountpoint", "legacy"}}}})
	want := strings.Join([]string{"01010000", "00000000", "00000001",
		"0000001c", "00000020", "00000004", hex.EncodeToString([]byte("type")), "00000005", "00000001", "00000002",
		"00000058", "00000030", "00000005", hex.EncodeToString([]byte("props")) + "000000", "00000013", "00000001",
		"00000000", "00000001",
		"0000002c", "00000028", "0000000a", hex.EncodeToString([]byte("mountpoint")) + "0000", "00000009", "00000001",
		"00000006", hex.EncodeToString([]byte("legacy")) + "0000",
		"0000000000000000", "0000000000000000"}, "")
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("%v\n%x\n%s", err, got, want)
	}
	if _, err := Encode(List{{"a", List{{"b", 1.5}}}}); err == nil || !strings.Contains(err.Error(), "a: b: ") {
		t.Error(err)
	}
}

// inMemory is a list as a kernel has it in memory.
func inMemory(order binary.AppendByteOrder, l List) []byte {
	b := []byte{0, 0, 0, 0}
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		b[1] = 1
	}
	return pairsInMemory(order, order.AppendUint32(order.AppendUint32(b, 0), 1), l)
}

func pairsInMemory(order binary.AppendByteOrder, b []byte, l List) []byte {
	pad := func(p []byte) []byte { return append(p, make([]byte, align(len(p), 8)-len(p))...) }
	for _, p := range l {
		var value, after []byte
		kind, count := uint32(0), uint32(1)
		switch v := p.Value.(type) {
		case Flag:
			kind, count = typeBoolean, 0
		case bool:
			kind, value = typeBooleanValue, order.AppendUint32(nil, map[bool]uint32{true: 1}[v])
		case int32:
			kind, value = typeInt32, order.AppendUint32(nil, uint32(v))
		case uint32:
			kind, value = typeUint32, order.AppendUint32(nil, v)
		case int64:
			kind, value = typeInt64, order.AppendUint64(nil, uint64(v))
		case uint64:
			kind, value = typeUint64, order.AppendUint64(nil, v)
		case string:
			kind, value = typeString, append([]byte(v), 0)
		case List:
			kind, value, after = typeNvlist, make([]byte, listSize), pairsInMemory(order, nil, v)
		case []List:
			kind, count, value = typeNvlistArray, uint32(len(v)), make([]byte, len(v)*(8+listSize))
			for _, one := range v {
				after = pairsInMemory(order, after, one)
			}
		}
		name := append([]byte(p.Name), 0)
		pair := order.AppendUint16(make([]byte, 4), uint16(len(name)))
		pair = order.AppendUint32(order.AppendUint32(append(pair, 0, 0), count), kind)
		pair = append(pad(append(pair, name...)), pad(value)...)
		copy(pair, order.AppendUint32(nil, uint32(len(pair))))
		b = append(append(b, pair...), after...)
	}
	return append(b, 0, 0, 0, 0)
}

func sample() List {
	return List{{"flag", Flag{}}, {"yes", true}, {"no", false}, {"i", int32(-7)}, {"u", uint32(1 << 31)},
		{"l", int64(-1 << 40)}, {"used", uint64(1 << 63)}, {"text", "tank/docker"}, {"", ""},
		{"in", List{{"a", List{{"value", uint64(5)}}}, {"b", "c"}}},
		{"end", uint64(9)}}
}

// TestDecode: what was written is read, in each encoding.
func TestDecode(t *testing.T) {
	want := sample()
	xdr, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"XDR": xdr, "little-endian": inMemory(binary.LittleEndian, want),
		"big-endian":         inMemory(binary.BigEndian, want),
		"with more after it": append(inMemory(binary.LittleEndian, want), 1, 2, 3)} {
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%v\n%v", name, err, got, want)
		}
	}
	if want.Get("text") != "tank/docker" || want.Get("none") != nil {
		t.Error("Get does not find")
	}
	array := List{{"before", "x"}, {"children", []List{{{"a", uint64(1)}}, {}, {{"b", List{}}}}}, {"after", "y"}}
	got, err := Decode(inMemory(binary.LittleEndian, array))
	if err != nil || got.Get("after") != "y" || got.Get("children") != (Other{typeNvlistArray}) {
		t.Error(got, err)
	}
}

// TestDecodeInvalid: what is cut off anywhere is refused, as is what is too deep or of an unknown kind.
func TestDecodeInvalid(t *testing.T) {
	xdr, _ := Encode(sample())
	for _, whole := range [][]byte{xdr, inMemory(binary.LittleEndian, sample())} {
		for n := range len(whole) {
			if _, err := Decode(whole[:n:n]); !errors.Is(err, ErrInvalid) {
				t.Errorf("%d of %d bytes: %v", n, len(whole), err)
			}
		}
	}
	deep := List{}
	for range maxDepth + 1 {
		deep = List{{"in", deep}}
	}
	long := make(List, maxPairs+1)
	for i := range long {
		long[i] = Pair{"", Flag{}}
	}
	for name, b := range map[string][]byte{"nothing": nil,
		"a third encoding": {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"version 1":        {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "deep": inMemory(binary.LittleEndian, deep),
		"long": inMemory(binary.LittleEndian, long)} {
		if _, err := Decode(b); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: whatever the bytes are, they are read or refused, and what can be written again is the same.
func FuzzDecode(f *testing.F) {
	xdr, _ := Encode(sample())
	f.Add(xdr)
	f.Add(inMemory(binary.LittleEndian, sample()))
	f.Add(inMemory(binary.BigEndian, List{{"x", []List{{}, {{"y", uint64(1)}}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		again, err := Encode(l)
		if err != nil { // it has an Other
			return
		}
		if twice, err := Decode(again); err != nil || !reflect.DeepEqual(l, twice) {
			t.Errorf("%v\n%v\n%v", err, l, twice)
		}
	})
}
