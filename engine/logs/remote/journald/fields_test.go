package journald

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// TestFieldNames checks that labels' names become valid names of journal fields.
func TestFieldNames(t *testing.T) {
	for label, want := range map[string]string{
		"app": "APP", "com.example.app-name": "COM_EXAMPLE_APP_NAME", "_hidden": "HIDDEN", "__x_": "X_", "A1": "A1",
		"a=b":  "A_B",
		"a\nb": "A_B", "é": "", "xé": "X_", "": "",
	} {
		if got := fieldName(label); got != want {
			t.Errorf("%q becomes %q, want %q", label, got, want)
		}
	}
}

// entry parses a datagram as the journal does: NAME=value and a newline, or NAME, a newline, a length and the value.
func entry(t *testing.T, b []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			t.Fatalf("%q does not end", b)
		}
		name, value, plain := strings.Cut(string(b[:end]), "=")
		if b = b[end+1:]; !plain {
			n := binary.LittleEndian.Uint64(b)
			value = string(b[8 : 8+n])
			if b[8+n] != '\n' {
				t.Fatalf("%s has more than its %d bytes", name, n)
			}
			b = b[9+n:]
		}
		if _, twice := fields[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		fields[name] = value
	}
	return fields
}

// TestHostileValues checks that output, names and labels stay within one field each, whatever they contain.
func TestHostileValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	remotetest.Must(t, err)
	defer s.Close()
	c := remotetest.Config()
	c.Tag, c.ImageName = "t\nPRIORITY=0", "i=\x00"
	c.Attrs = map[string]string{"label": "v\nMESSAGE=forged\n", "bytes": "\x00\xff"}
	d := open(c, path)
	defer d.Close()
	for _, text := range []string{"", "plain", "a=b", "x\nPRIORITY=0", "\x00\xff\xfe", strings.Repeat("\n", 1000)} {
		line := remotetest.Line(driver.Stdout, text)
		line.Part, line.ID = 3, "id"
		remotetest.Log(t, d, line)
		b := make([]byte, 1<<20)
		n, err := s.Read(b)
		remotetest.Must(t, err)
		want := map[string]string{
			"MESSAGE": text, "PRIORITY": "6", "CONTAINER_ID": c.ID[:12], "CONTAINER_ID_FULL": c.ID, "CONTAINER_NAME": "name",
			"CONTAINER_TAG": c.Tag, "SYSLOG_IDENTIFIER": c.Tag, "IMAGE_NAME": c.ImageName, "LABEL": c.Attrs["label"],
			"BYTES": c.Attrs["bytes"], "SYSLOG_TIMESTAMP": "2026-01-02T12:00:00.123456789Z", "CONTAINER_PARTIAL_ID": "id",
			"CONTAINER_PARTIAL_ORDINAL": "3", "CONTAINER_PARTIAL_LAST": "false", "CONTAINER_PARTIAL_MESSAGE": "true",
		}
		if got := entry(t, b[:n]); !maps.Equal(got, want) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestNoJournal checks that a start without a journal is refused with Docker's error, and that a journal that comes
// back is found.
func TestNoJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	d := open(remotetest.Config(), path)
	if err := d.Server().Connect(t.Context()); err == nil || err.Error() != "journald is not enabled on this host" {
		t.Error(err)
	}
	for range 2 {
		s, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		remotetest.Must(t, err)
		remotetest.Log(t, d, remotetest.Line(driver.Stdout, "here"))
		b := make([]byte, 4096)
		if n, err := s.Read(b); !strings.HasPrefix(string(b[:n]), "MESSAGE=here\n") || err != nil {
			t.Errorf("%q, %v", b[:n], err)
		}
		remotetest.Must(t, errors.Join(s.Close(), os.Remove(path)))
	}
}
