package logs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// of is the container of these tests.
func of(driver string, options ...string) Config {
	c := Config{
		Driver: driver, Options: map[string]string{}, Tag: "tag", Attrs: map[string]string{"a-b": "1"},
		ID: strings.Repeat("0123456789abcdef", 4), Name: "name", ImageID: "sha256:1", ImageName: "image", Command: "sh -c",
		Created: noon,
	}
	for _, o := range options {
		key, v, _ := strings.Cut(o, "=")
		c.Options[key] = v
	}
	return c
}

// twoLines writes one line on each stream.
func twoLines(l *Logger) {
	l.Write(context.Background(), Stdout, []byte("out <1>\n\n"), noon)
	l.Write(context.Background(), Stderr, []byte("err\n"), noon)
	l.Close(context.Background(), noon)
}

// accept takes one connection of l and gives all that comes.
func accept(t *testing.T, l net.Listener) <-chan string {
	got := make(chan string, 1)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		raw, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		got <- string(raw)
	}()
	return got
}

func listen(t *testing.T, network, address string) net.Listener {
	l, err := net.Listen(network, address)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func TestSyslogFormats(t *testing.T) {
	time.Local = time.UTC
	host, err := os.Hostname()
	must(t, err)
	for format, row := range map[string]string{
		"":             "<%d>Jan  2 12:00:00 tag[PID]: ",
		"rfc3164":      "<%d>Jan  2 12:00:00 HOST tag[PID]: ",
		"rfc5424":      "<%d>1 2026-01-02T12:00:00Z HOST tag PID tag - ",
		"rfc5424micro": "<%d>1 2026-01-02T12:00:00.123456Z HOST tag PID tag - ",
	} {
		row = strings.NewReplacer("HOST", host, "PID", fmt.Sprint(os.Getpid())).Replace(row)
		for _, network := range []string{"tcp", "unix"} {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			s := listen(t, network, address)
			got := accept(t, s)
			twoLines(open(t, of("syslog", "syslog-address="+network+"://"+s.Addr().String(), "syslog-format="+format,
				"syslog-facility=local3"), Options{}))
			want := fmt.Sprintf(row+"out <1>\n"+row+"err\n", 19<<3|6, 19<<3|3)
			if text := <-got; text != want {
				t.Errorf("%s %q\n got %q\nwant %q", network, format, text, want)
			}
		}
	}
}

// TestSyslogTLS: over TLS messages of RFC 5424 are counted, and a server with a certificate of another's is refused.
func TestSyslogTLS(t *testing.T) {
	time.Local = time.UTC
	dir := t.TempDir()
	cert := selfSigned(t, filepath.Join(dir, "ca.pem"))
	selfSigned(t, filepath.Join(dir, "other.pem"))
	s, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	must(t, err)
	defer s.Close()
	got := accept(t, s)
	c := of("syslog", "syslog-address=tcp+tls://"+s.Addr().String(), "syslog-format=rfc5424",
		"syslog-tls-ca-cert="+filepath.Join(dir, "ca.pem"))
	twoLines(open(t, c, Options{}))
	r := bufio.NewReader(strings.NewReader(<-got))
	for _, want := range []string{"out <1>\n", "err\n"} {
		var n int
		_, err := fmt.Fscanf(r, "%d ", &n)
		must(t, err)
		message := make([]byte, n)
		_, err = io.ReadFull(r, message)
		must(t, err)
		if !bytes.HasSuffix(message, []byte(" - "+want)) {
			t.Errorf("message %q", message)
		}
	}
	go func() {
		if c, err := s.Accept(); err == nil {
			_, _ = c.Read(make([]byte, 1))
			c.Close()
		}
	}()
	c.Options["syslog-tls-ca-cert"] = filepath.Join(dir, "other.pem")
	if _, err := Open(context.Background(), c, Options{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server with another's certificate: %v", err)
	}
}

func selfSigned(t *testing.T, path string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestGelf(t *testing.T) {
	host, err := os.Hostname()
	must(t, err)
	message := func(text string, level int) string {
		return fmt.Sprintf(`{"version":"1.1","host":%q,"short_message":"%s","timestamp":1767355200.123,"level":%d,"_a-b":"1","_command":"sh -c",`+
			`"_container_id":"%s","_container_name":"name","_created":"2026-01-02T12:00:00.123456789Z","_image_id":"sha256:1","_image_name":"image","_tag":"tag"}`,
			host, text, level, strings.Repeat("0123456789abcdef", 4))
	}
	s := listen(t, "tcp", "127.0.0.1:0")
	got := accept(t, s)
	twoLines(open(t, of("gelf", "gelf-address=tcp://"+s.Addr().String()), Options{}))
	if text, want := <-got, message(`out \u003c1\u003e`, 6)+"\x00"+message("err", 3)+"\x00"; text != want {
		t.Errorf("over TCP\n got %q\nwant %q", text, want)
	}
	long := fmt.Sprintf("%x", must1(t, 8000)) // does not compress well
	for _, compression := range []string{"gzip", "zlib", "none"} {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		l := open(t, of("gelf", "gelf-address=udp://"+u.LocalAddr().String(), "gelf-compression-type="+compression),
			Options{})
		l.Write(context.Background(), Stdout, []byte("short\n"+long+"\n"), noon)
		for _, text := range []string{"short", long} {
			if got := assemble(t, u, compression); got != message(text, 6) {
				t.Errorf("%s: got %.100q", compression, got)
			}
		}
		l.Close(context.Background(), noon)
		u.Close()
	}
}

func must1(t *testing.T, n int) []byte {
	b := make([]byte, n)
	_, err := rand.Read(b)
	must(t, err)
	return b
}

// assemble reads a message from its chunks.
func assemble(t *testing.T, u net.PacketConn, compression string) string {
	var chunks [][]byte
	for missing := 1; missing > 0; missing-- {
		b := make([]byte, 70000)
		must(t, u.SetReadDeadline(time.Now().Add(5*time.Second)))
		n, _, err := u.ReadFrom(b)
		must(t, err)
		if b = b[:n]; !bytes.HasPrefix(b, []byte{0x1e, 0x0f}) {
			chunks = [][]byte{b}
			break
		}
		if chunks == nil {
			chunks = make([][]byte, b[11])
			missing = len(chunks)
		}
		if n > gelfDatagram {
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
	must(t, err)
	raw, err := io.ReadAll(r)
	must(t, err)
	return string(raw)
}

func TestFluentd(t *testing.T) {
	s := listen(t, "tcp", "127.0.0.1:0")
	got := accept(t, s)
	l := open(t, of("fluentd", "fluentd-address="+s.Addr().String(), "fluentd-sub-second-precision=true"), Options{})
	l.Write(context.Background(), Stderr, []byte(strings.Repeat("x", maxLine)+"\n"), noon)
	l.Close(context.Background(), noon)
	id := "\xd9\x40" + strings.Repeat("0123456789abcdef", 4)
	head := "\x93\xa3tag\xd7\x00\x69\x57\xb3\x40\x07\x5b\xcd\x15\x89\xa6source\xa6stderr\xa3log"
	rest := "\xa3a-b\xa11\xaccontainer_id" + id +
		"\xaecontainer_name\xa5/name\xafpartial_message\xa4true\xaapartial_id\xd9\x40"
	text := <-got
	part := strings.Split(text, "\x93")
	if len(part) < 3 {
		t.Fatalf("got %.300q", text)
	}
	partID := strings.SplitN(text, "partial_id\xd9\x40", 2)[1][:64]
	want := head + "\xda\x40\x00" + strings.Repeat("x", maxLine) + rest + partID +
		"\xafpartial_ordinal\xa11\xacpartial_last\xa5false" +
		head + "\xa0" + rest + partID + "\xafpartial_ordinal\xa12\xacpartial_last\xa4true"
	if text != want {
		t.Errorf("got %q\nwant %q", strings.ReplaceAll(text, "xxxx", ""), strings.ReplaceAll(want, "xxxx", ""))
	}
}

// TestFluentdAck: a message without an answer, or with another's, is sent again.
func TestFluentdAck(t *testing.T) {
	s := listen(t, "tcp", "127.0.0.1:0")
	seen := make(chan string, 9)
	go func() {
		for i := range 3 {
			c, err := s.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			seen <- string(b[:n])
			chunk := string(b[n-24 : n])
			switch i {
			case 0: // no answer
			case 1:
				fmt.Fprint(c, "\x81\xa3ack\xb8", strings.Repeat("A", 24))
			case 2:
				fmt.Fprint(c, "\x81\xa3ack\xb8", chunk)
				_, _ = c.Read(b)
			}
			c.Close()
		}
	}()
	l := open(t, of("fluentd", "fluentd-address="+s.Addr().String(), "fluentd-request-ack=1", "fluentd-retry-wait=1ms"),
		Options{})
	l.Write(context.Background(), Stdout, []byte("once\n"), noon)
	l.Close(context.Background(), noon)
	first := <-seen
	for range 2 {
		if again := <-seen; again != first || !strings.Contains(again, "once") {
			t.Errorf("sent %q, then %q", first, again)
		}
	}
}

// TestJournald: fields with and without newlines, and one that is too long for a datagram.
func TestJournald(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer s.Close()
	c := of("journald")
	c.Attrs = map[string]string{"_a.b": "1\n2"}
	j := newJournald(c, path)
	l := &Logger{d: j, target: j.target, warn: func(err error) { panic(err) }}
	l.Write(context.Background(), Stderr, []byte("a=b\n"), noon)
	b := make([]byte, 1<<20)
	n, err := s.Read(b)
	must(t, err)
	want := "MESSAGE=a=b\nPRIORITY=3\nCONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=" + c.ID +
		"\nCONTAINER_NAME=name\nCONTAINER_TAG=tag\nIMAGE_NAME=image\n" +
		"SYSLOG_IDENTIFIER=tag\nA_B\n\x03\x00\x00\x00\x00\x00\x00\x001\n2\nSYSLOG_TIMESTAMP=2026-01-02T12:00:00.123456789Z\n"
	if got := string(b[:n]); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	j.fields = appendField(j.fields, "LARGE", bytes.Repeat([]byte("x"), 400<<10))
	go l.Write(context.Background(), Stdout, []byte("large\n"), noon)
	oob := make([]byte, 64)
	_, oobn, _, _, err := s.ReadMsgUnix(b, oob)
	must(t, err)
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	must(t, err)
	fds, err := unix.ParseUnixRights(&messages[0])
	must(t, err)
	f := os.NewFile(uintptr(fds[0]), "memory")
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	must(t, err)
	if !bytes.HasPrefix(raw, []byte("MESSAGE=large\n")) || !bytes.Contains(raw, []byte("\nLARGE=xxx")) ||
		len(raw) < 400<<10 {
		t.Errorf("memory of %d bytes: %.100q", len(raw), raw)
	}
	if _, err := f.WriteAt([]byte("y"), 0); err == nil {
		t.Error("the memory is not sealed")
	}
}

// TestCache: what goes to a server can be read back, unless an option says not.
func TestCache(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer u.Close()
	c := of("syslog", "syslog-address=udp://"+u.LocalAddr().String(), "cache-max-size=1k", "cache-max-file=2",
		"cache-compress=false")
	files := Place("syslog", c.Options, t.TempDir(), "id")
	c.Path = files.Path
	l := open(t, c, Options{})
	for i := range 100 {
		l.Write(context.Background(), Stdout, fmt.Appendf(nil, "line %d\n", i), noon)
	}
	l.Close(context.Background(), noon)
	kept := numbersOf(t, files, Query{Tail: -1})
	checkRun(t, "cache", kept, 99)
	if len(kept) > 60 {
		t.Errorf("%d lines in a cache of 2 kB", len(kept))
	}
	for driver, disabled := range map[string]string{"syslog": "true", "none": "", "odd": ""} {
		if p := Place(driver, map[string]string{"cache-disabled": disabled}, "d", "id"); p.Path != "" {
			t.Errorf("%s is read from %s", driver, p.Path)
		}
	}
}
