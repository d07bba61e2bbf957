package diskspace

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExplain: the error of a full disk names the disk and what to do, once, wherever it came from; others stay.
func TestExplain(t *testing.T) {
	root := t.TempDir()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	_, real := full.Write([]byte("x"))
	for _, row := range []struct {
		name string
		err  error
		at   string // "" for an error that stays
	}{
		{"a file", real, "/dev/full is on "},
		{"a file that is gone again", &os.PathError{Op: "write", Path: filepath.Join(root, "gone", "f"), Err: unix.ENOSPC},
			root + " is on "},
		{"a link", &os.LinkError{Op: "link", Old: "/a", New: filepath.Join(root, "b"), Err: unix.EDQUOT}, root + " is on "},
		{"a file in an open folder", fmt.Errorf("layer entry %q: %w", "bin/sh", unix.ENOSPC), root + " is on "},
		{"of several", errors.Join(errors.New("other"), unix.ENOSPC), root + " is on "},
		{"a text of the keeper's", errors.New("write log: no space left on device"), root + " is on "},
		{"another error", unix.EIO, ""},
		{"none", nil, ""},
	} {
		got := Explain(row.err, root)
		if row.at == "" {
			if got != row.err {
				t.Errorf("%s: %v", row.name, got)
			}
			continue
		}
		for _, want := range []string{row.err.Error() + ": " + row.at, " are free now", "docker system df",
			"docker system prune"} {
			if !strings.Contains(got.Error(), want) {
				t.Errorf("%s: %v, want %q in it", row.name, got, want)
			}
		}
		if !errors.Is(got, row.err) || Explain(got, root).Error() != got.Error() {
			t.Errorf("%s: explained twice, or another error: %v", row.name, Explain(got, root))
		}
	}
}

// TestInLog: what a log says of a full disk ends with what to do too, once.
func TestInLog(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: InLog(t.TempDir())}))
	for _, row := range []struct {
		value any
		told  bool
	}{
		{unix.ENOSPC, true}, {fmt.Errorf("write state: %w", unix.EDQUOT), true}, {errors.New("other"), false},
		{"no space left on device", false}, {nil, false},
	} {
		out.Reset()
		log.Warn("save", "error", row.value, "n", 1)
		if told := strings.Count(out.String(), "docker system prune"); told != map[bool]int{true: 1}[row.told] {
			t.Errorf("%v: %s", row.value, out.String())
		}
	}
}
