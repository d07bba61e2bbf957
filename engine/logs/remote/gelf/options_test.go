package gelf

import (
	"compress/flate"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// TestOptions checks which options are accepted, and Docker's errors for others.
func TestOptions(t *testing.T) {
	udp := func(options ...string) []string { return append(options, "gelf-address=udp://h:1") }
	tcp := func(options ...string) []string { return append(options, "gelf-address=tcp://h:1") }
	for _, row := range []struct {
		options []string
		want    string // the error, "" for none
	}{
		{nil, "gelf-address is a required parameter"},
		{[]string{"gelf-address="}, "gelf-address should be in form proto://address, got "},
		{[]string{"gelf-address=h:1"}, "gelf-address should be in form proto://address, got h:1"},
		{[]string{"gelf-address=http://h:1"}, "gelf-address should be in form proto://address, got http://h:1"},
		{[]string{"gelf-address=unix:///run/s"}, "gelf: endpoint needs to be TCP or UDP"},
		{[]string{"gelf-address=udp://h"}, "gelf: please provide gelf-address as proto://host:port"},
		{[]string{"gelf-address=udp://[::1]:1"}, ""},
		{udp(), ""},
		{tcp(), ""},
		{udp("gelf-compression-type=zlib"), ""},
		{udp("gelf-compression-type=brotli"),
			`unknown value "brotli" for log opt "gelf-compression-type" for gelf log driver`},
		{udp("gelf-compression-type="), `unknown value "" for log opt "gelf-compression-type" for gelf log driver`},
		{tcp("gelf-compression-type=none"), "compression is only supported on UDP"},
		{udp("gelf-compression-level=-1"), ""},
		{udp("gelf-compression-level=9"), ""},
		{udp("gelf-compression-level=10"), `unknown value "10" for log opt "gelf-compression-level" for gelf log driver`},
		{udp("gelf-compression-level=-2"), `unknown value "-2" for log opt "gelf-compression-level" for gelf log driver`},
		{udp("gelf-compression-level=fast"), `unknown value "fast" for log opt "gelf-compression-level" for gelf log driver`},
		{tcp("gelf-compression-level=1"), "compression is only supported on UDP"},
		{tcp("gelf-tcp-max-reconnect=0", "gelf-tcp-reconnect-delay=0"), ""},
		{tcp("gelf-tcp-max-reconnect=-1"), `"gelf-tcp-max-reconnect" must be a positive integer`},
		{tcp("gelf-tcp-reconnect-delay=1s"), `"gelf-tcp-reconnect-delay" must be a positive integer`},
		{udp("gelf-tcp-max-reconnect=1"), `"gelf-tcp-max-reconnect" is only valid for TCP`},
	} {
		err := Check(remotetest.Config(row.options...).Options)
		if err == nil && row.want != "" || err != nil && err.Error() != row.want {
			t.Errorf("%q: %v; want %q", row.options, err, row.want)
		}
		if _, openErr := Open(remotetest.Config(row.options...)); (openErr == nil) != (err == nil) {
			t.Errorf("%q: checked %v, opened %v", row.options, err, openErr)
		}
	}
	c, err := parse(remotetest.Config(tcp("gelf-tcp-max-reconnect=7", "gelf-tcp-reconnect-delay=2")...).Options)
	if err != nil || c.reconnects != 7 || c.delay != 2*time.Second || c.level != flate.BestSpeed {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestChunks checks that a message is sent in as few datagrams as possible, each small enough for a frame, and that
// one that does not fit is an error.
func TestChunks(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	remotetest.Must(t, err)
	defer u.Close()
	d := remotetest.Open(t, Open, remotetest.Config("gelf-address=udp://"+u.LocalAddr().String(),
		"gelf-compression-type=none"))
	defer d.Close()
	const room = datagramSize - headSize
	empty := len(d.(*sender).head) + len(`"",`) + len(`"timestamp":1767355200.123,"level":6`) + len(d.(*sender).extra)
	for _, row := range []struct{ size, datagrams int }{
		{datagramSize, 1}, {datagramSize + 1, 2}, {2 * room, 2}, {2*room + 1, 3}, {11 * room, 11}, {mostChunks*room + 1, 0},
	} {
		err := d.Log(context.Background(), remotetest.Line(driver.Stdout, strings.Repeat("x", row.size-empty)))
		if (err == nil) != (row.datagrams > 0) {
			t.Errorf("a message of %d bytes: %v", row.size, err)
		}
		total, ids := 0, map[string]bool{}
		for i := range row.datagrams {
			b := make([]byte, 70000)
			remotetest.Must(t, u.SetReadDeadline(time.Now().Add(time.Minute)))
			n, _, err := u.ReadFrom(b)
			remotetest.Must(t, err)
			if total += n; row.datagrams == 1 {
				continue
			}
			if total -= headSize; n > datagramSize || int(b[10]) != i || int(b[11]) != row.datagrams {
				t.Errorf("datagram %d of %d: number %d of %d, %d bytes", i, row.datagrams, b[10], b[11], n)
			}
			ids[string(b[2:10])] = true
		}
		if row.datagrams > 0 && total != row.size || len(ids) > 1 {
			t.Errorf("%d bytes came as %d with %d IDs", row.size, total, len(ids))
		}
	}
}

// TestHostileFields checks that a container's output and labels cannot end a field or a message.
func TestHostileFields(t *testing.T) {
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	got := remotetest.Accept(t, s)
	c := remotetest.Config("gelf-address=tcp://" + s.Addr().String())
	c.Tag, c.Attrs = "t\"a\x00g", map[string]string{"k\"": "\x00\n", "_plain": "</script>", "\xff": "\xfe"}
	d := remotetest.Open(t, Open, c)
	remotetest.Log(t, d, remotetest.Line(driver.Stderr, "a\x00\"},{\"b\":\x1b[0m\xff"))
	remotetest.Must(t, d.Close())
	text := <-got
	for _, want := range []string{
		`"short_message":"a\u0000\"},{\"b\":\u001b[0m\ufffd"`, `"_k\"":"\u0000\n"`, `"_plain":"\u003c/script\u003e"`,
		`"_\ufffd":"\ufffd"`, `"_tag":"t\"a\u0000g"`, `"level":3`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if n := strings.Count(text, "\x00"); n != 1 || !strings.HasSuffix(text, "}\x00") {
		t.Errorf("%d ends of messages in %q", n, text)
	}
}

// TestReconnects checks that over TCP a message is tried as often as an option says, and then lost.
func TestReconnects(t *testing.T) {
	for _, reconnects := range []int{0, 2} {
		s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
		address := s.Addr().String()
		s.Close() // nobody listens there
		d := remotetest.Open(t, Open, remotetest.Config("gelf-address=tcp://"+address,
			fmt.Sprint("gelf-tcp-max-reconnect=", reconnects),
			"gelf-tcp-reconnect-delay=0"))
		dials, dial := 0, d.(*sender).Dial
		d.(*sender).Dial = func(ctx context.Context) (net.Conn, error) { dials++; return dial(ctx) }
		err := d.Log(context.Background(), remotetest.Line(driver.Stdout, "x"))
		if err == nil || !strings.Contains(err.Error(), "gelf: cannot connect to GELF endpoint: "+address) ||
			dials != 1+reconnects {
			t.Errorf("%d reconnects: %d dials, %v", reconnects, dials, err)
		}
	}
}
