package buildinfo

import (
	std "debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadFile: the same as the standard library finds, in this test and in Go itself; files that are none, and such as
// seem to be one.
func TestReadFile(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := std.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(own)
	if err != nil || got != of(info) {
		t.Errorf("%+v, %v; want %+v", got, err, of(info))
	}
	raw, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(raw), magic+"\x08\x02")
	if at < 0 {
		t.Fatal("no magic")
	}
	for name, content := range map[string]string{
		"empty": "", "text": "#!/bin/sh\n", "magic": magic, "cut": string(raw[:at+header+3]),
		"no modules": magic + "\x08\x02" + strings.Repeat("\x00", 100),
		"too long":   magic + "\x08\x02" + strings.Repeat("\x00", 16) + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"elsewhere":  "x" + string(raw[at:at+4096]),
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadFile(file); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
	}
	// Across two parts of a file, with something that looks alike before.
	file := filepath.Join(t.TempDir(), "file")
	content := magic + "\x08\x02" + strings.Repeat("\x00", 2*chunk-32) + string(raw[at:])
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(file); err != nil || b != got {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := ReadFile("/no/where"); !os.IsNotExist(err) {
		t.Error(err)
	}
}
