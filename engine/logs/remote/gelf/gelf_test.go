package gelf

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

func TestGelf(t *testing.T) {
	host, err := os.Hostname()
	remotetest.Must(t, err)
	message := func(text string, level int) string {
		return fmt.Sprintf(`{"version":"1.1","host":%q,"short_message":"%s",`+
			`"timestamp":1767355200.123,"level":%d,"_a-b":"1","_command":"sh -c",`+
			`"_container_id":"%s","_container_name":"name",`+
			`"_created":"2026-01-02T12:00:00.123456789Z","_image_id":"sha256:1","_image_name":"image","_tag":"tag"}`,
			host, text, level, remotetest.ID)
	}
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	got := remotetest.Accept(t, s)
	remotetest.TwoLines(t, remotetest.Open(t, Open, remotetest.Config("gelf-address=tcp://"+s.Addr().String())))
	if text, want := <-got, message(`out \u003c1\u003e`, 6)+"\x00"+message("err", 3)+"\x00"; text != want {
		t.Errorf("over TCP\n got %q\nwant %q", text, want)
	}
	long := fmt.Sprintf("%x", random(t, 8000)) // does not compress well
	for _, compression := range []string{"gzip", "zlib", "none"} {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		remotetest.Must(t, err)
		l := remotetest.Open(t, Open, remotetest.Config("gelf-address=udp://"+u.LocalAddr().String(),
			"gelf-compression-type="+compression))
		remotetest.Log(t, l, remotetest.Line(driver.Stdout, "short"), remotetest.Line(driver.Stdout, long))
		for _, text := range []string{"short", long} {
			if got := assemble(t, u, compression); got != message(text, 6) {
				t.Errorf("%s: got %.100q", compression, got)
			}
		}
		remotetest.Must(t, l.Close())
		u.Close()
	}
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := rand.Read(b)
	remotetest.Must(t, err)
	return b
}

// assemble reads a message from its chunks.
func assemble(t *testing.T, u net.PacketConn, compression string) string {
	var chunks [][]byte
	for missing := 1; missing > 0; missing-- {
		b := make([]byte, 70000)
		remotetest.Must(t, u.SetReadDeadline(time.Now().Add(time.Minute)))
		n, _, err := u.ReadFrom(b)
		remotetest.Must(t, err)
		if b = b[:n]; !bytes.HasPrefix(b, []byte{0x1e, 0x0f}) {
			chunks = [][]byte{b}
			break
		}
		if chunks == nil {
			chunks = make([][]byte, b[11])
			missing = len(chunks)
		}
		if n > datagramSize {
			t.Errorf("a chunk of %d bytes", n)
		}
		chunks[b[10]] = b[12:]
	}
	var r io.Reader = bytes.NewReader(bytes.Join(chunks, nil))
	var err error
	switch compression {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zlib":
		r, err = zlib.NewReader(r)
	}
	remotetest.Must(t, err)
	raw, err := io.ReadAll(r)
	remotetest.Must(t, err)
	return string(raw)
}
