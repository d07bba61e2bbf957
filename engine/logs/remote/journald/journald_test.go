package journald

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// TestJournald checks fields with and without newlines, and an entry too long for a datagram.
func TestJournald(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	remotetest.Must(t, err)
	defer s.Close()
	c := remotetest.Config()
	c.Attrs = map[string]string{"_a.b": "1\n2"}
	j := open(c, path)
	remotetest.Log(t, j, remotetest.Line(driver.Stderr, "a=b"))
	b := make([]byte, 1<<20)
	n, err := s.Read(b)
	remotetest.Must(t, err)
	want := "MESSAGE=a=b\nPRIORITY=3\nCONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=" + c.ID +
		"\nCONTAINER_NAME=name\nCONTAINER_TAG=tag\nIMAGE_NAME=image\n" +
		"SYSLOG_IDENTIFIER=tag\nA_B\n\x03\x00\x00\x00\x00\x00\x00\x001\n2\nSYSLOG_TIMESTAMP=2026-01-02T12:00:00.123456789Z\n"
	if got := string(b[:n]); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	j.fields = appendField(j.fields, "LARGE", bytes.Repeat([]byte("x"), 400<<10))
	sent := make(chan error, 1)
	go func() { sent <- j.Log(context.Background(), remotetest.Line(driver.Stdout, "large")) }()
	oob := make([]byte, 64)
	_, oobn, _, _, err := s.ReadMsgUnix(b, oob)
	remotetest.Must(t, err)
	remotetest.Must(t, <-sent)
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	remotetest.Must(t, err)
	fds, err := unix.ParseUnixRights(&messages[0])
	remotetest.Must(t, err)
	f := os.NewFile(uintptr(fds[0]), "memory")
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	remotetest.Must(t, err)
	if !bytes.HasPrefix(raw, []byte("MESSAGE=large\n")) || !bytes.Contains(raw, []byte("\nLARGE=xxx")) ||
		len(raw) < 400<<10 {
		t.Errorf("memory of %d bytes: %.100q", len(raw), raw)
	}
	if _, err := f.WriteAt([]byte("y"), 0); err == nil {
		t.Error("the memory is not sealed")
	}
}
