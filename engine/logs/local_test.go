package logs

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
)

// recorded is a log written by Docker 20.10 with the driver local: out, err on the standard error, an empty line, and
// an end without a newline.
const recorded = "000000170a067374646f757410a7b7b08ae8a2d8f5181a036f7574000000" +
	"17000000170a0673746465727210c8abf5a3e8a2d8f5181a036572720000" +
	"0017000000120a067374646f757410d89d83c8e8a2d8f518000000120000" +
	"005f0a067374646f7574109fc7bee2e8a2d8f5181a03656e6420012a4412" +
	"406164333038396666366534623332376231303938393961383562653035" +
	"353738636237383839613136333338346239343439386538376339313765" +
	"616363633518010000005f"

// TestLocalIsDockers checks that records of Docker are read, and that the same bytes are written.
func TestLocalIsDockers(t *testing.T) {
	raw, err := hex.DecodeString(recorded)
	must(t, err)
	path := filepath.Join(t.TempDir(), "container.log")
	must(t, os.WriteFile(path, raw, 0o600))
	files := Files{Path: path, Local: true}
	want := []string{`stdout "out\n"map[]`, `stderr "err\n"map[]`, `stdout "\n"map[]`, `stdout "end"map[]`}
	for n := range len(want) + 2 {
		got := all(t, files, Query{Tail: n})
		if strings.Join(got, " ") != strings.Join(want[max(0, len(want)-n):], " ") {
			t.Errorf("the last %d: %v", n, got)
		}
	}
	var ours []byte
	for _, l := range []driver.Line{
		{Stream: driver.Stdout, Time: time.Unix(0, 1795635625723698087), Text: []byte("out")},
		{Stream: driver.Stderr, Time: time.Unix(0, 1795635625777255880), Text: []byte("err")},
		{Stream: driver.Stdout, Time: time.Unix(0, 1795635625852980952)},
		{Stream: driver.Stdout, Time: time.Unix(0, 1795635625908478879), Text: []byte("end"), Part: 1,
			ID: "ad3089ff6e4b327b109899a85be05578cb7889a163384b94498e87c917eaccc5"},
	} {
		ours = appendLocal(ours, &l)
	}
	if !bytes.Equal(ours, raw) {
		t.Errorf("got  %x\nwant %x", ours, raw)
	}
}
