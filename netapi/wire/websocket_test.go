package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// wsFrame is a frame of a client's.
func wsFrame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := "\x01\x20\x03\x40"
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i&3])
	}
	return string(b)
}

// wsEcho sends back what comes, "got " before each read, and "bye" at the end.
func wsEcho(t *testing.T, binary bool) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := AcceptWebSocket(w, r, binary)
		if err != nil {
			_ = WriteError(w, http.StatusBadRequest, err.Error(), false)
			return
		}
		b := make([]byte, 100000)
		for {
			n, err := s.Read(b)
			if err != nil {
				break
			}
			_, _ = s.Write(append([]byte("got "), b[:n]...))
		}
		_, _ = s.Write([]byte("bye"))
		_ = s.Close()
	}))
	t.Cleanup(srv.Close)
	return srv
}

const wsRequest = "GET /x HTTP/1.1\r\nHost: d\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " +
	"WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// upgraded sends the request with more lines and checks the answer, whose accept value is the example's of RFC 6455,
// section 1.3.
func upgraded(t *testing.T, srv *httptest.Server, more string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := dial(t, srv)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, wsRequest+more+"\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols ||
		res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%v, %v", res, err)
	}
	return conn, r
}

func TestWebSocket(t *testing.T) {
	for _, row := range []struct {
		name   string
		binary bool
		in     string
		want   string // all that the server sends
	}{
		{"text", true, wsFrame(0x81, "hi"), "\x82\x06got hi"},
		{"text back", false, wsFrame(0x82, "hi"), "\x81\x06got hi"},
		{"in pieces, a ping between", true, wsFrame(0x01, "a") + wsFrame(0x89, "p") + wsFrame(0x80, "b"),
			"\x82\x05got a\x8a\x01p\x82\x05got b"},
		{"nothing, a pong", true, wsFrame(0x81, "") + wsFrame(0x8a, "x") + wsFrame(0x82, "c"), "\x82\x05got c"},
		{"close", true, wsFrame(0x88, "\x03\xe8why"), "\x88\x02\x03\xe8"},
		{"close without a reason", true, wsFrame(0x88, ""), "\x88\x00"},
		{"not masked", true, "\x81\x01x\x00\x00\x00", "\x88\x2c\x03\xeaa frame without a mask, or of an extension"},
		{"extension", true, wsFrame(0xc1, "x"), "\x88\x2c\x03\xeaa frame without a mask, or of an extension"},
		{"odd kind", true, wsFrame(0x83, "x"), "\x88\x13\x03\xeaa frame of kind 3"},
		{"long ping", true, wsFrame(0x89, strings.Repeat("x", 126)), "\x88\x16\x03\xeaa long control frame"},
		{"ping in pieces", true, wsFrame(0x09, "x"), "\x88\x16\x03\xeaa long control frame"},
	} {
		conn, r := upgraded(t, wsEcho(t, row.binary), "")
		_, _ = io.WriteString(conn, row.in)
		got := make([]byte, len(row.want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != row.want {
			t.Errorf("%s: %q, %v, want %q", row.name, got, err, row.want)
		}
	}
}

// TestWebSocketLengths: payloads of all three forms of length, both ways.
func TestWebSocketLengths(t *testing.T) {
	conn, r := upgraded(t, wsEcho(t, true), "Sec-WebSocket-Protocol: p\r\n")
	for _, n := range []int{125, 126, 65535, 65536, 90000} {
		payload := strings.Repeat("x", n)
		go io.WriteString(conn, wsFrame(0x82, payload))
		var got strings.Builder
		for got.Len() < n { // the server may read a frame in pieces
			text := readFrame(t, r)
			got.WriteString(strings.TrimPrefix(text, "got "))
		}
		if got.String() != payload {
			t.Errorf("%d bytes came back as %d", n, got.Len())
		}
	}
}

// readFrame reads a binary frame of the server's.
func readFrame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(r, head)
	n := int(head[1])
	switch {
	case err != nil || head[0] != 0x82:
		t.Fatalf("frame %x, %v", head, err)
	case n == 126:
		var long uint16
		err = binary.Read(r, binary.BigEndian, &long)
		n = int(long)
	case n == 127:
		var long uint64
		err = binary.Read(r, binary.BigEndian, &long)
		n = int(long)
	}
	b := make([]byte, n)
	if _, err2 := io.ReadFull(r, b); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return string(b)
}

// TestWebSocketClose: the server's close comes after all that it sent, waits for the client's answer, and not for ever.
func TestWebSocketClose(t *testing.T) {
	for _, answer := range []bool{true, false} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := AcceptWebSocket(w, r, true)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = s.Write([]byte("last words"))
			_ = s.Close()
		}))
		defer srv.Close()
		began := time.Now()
		conn, r := upgraded(t, srv, "")
		_, _ = io.WriteString(conn, wsFrame(0x82, "unread"))
		got := make([]byte, 16)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "\x82\x0alast words\x88\x02\x03\xe8" {
			t.Errorf("%q, %v", got, err)
		}
		if answer {
			_, _ = io.WriteString(conn, wsFrame(0x88, "\x03\xe8"))
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("then %v", err)
		}
		if took := time.Since(began); took > closeWait != !answer {
			t.Errorf("answered %v: closed after %v", answer, took)
		}
	}
}

func TestWebSocketRefused(t *testing.T) {
	srv := wsEcho(t, true)
	for _, row := range [][2]string{{"Upgrade: WebSocket", "Upgrade: tcp"}, {"keep-alive, Upgrade", "close"},
		{"Version: 13", "Version: 8"}, {"Key: dGhl", "Key: dG"}, {"Key: ", "Key: AAAA"}} {
		conn := dial(t, srv)
		_, _ = io.WriteString(conn, strings.Replace(wsRequest, row[0], row[1], 1)+"\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v, %v", row[1], res, err)
		}
		conn.Close()
	}
}

func FuzzWebSocket(f *testing.F) {
	f.Add([]byte(wsFrame(0x81, "hi") + wsFrame(0x89, "p") + wsFrame(0x88, "")))
	f.Fuzz(func(t *testing.T, in []byte) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, client)
		s := &WebSocket{Conn: server, r: bufio.NewReader(strings.NewReader(string(in)))}
		if n, _ := io.Copy(io.Discard, s); n > int64(len(in)) {
			t.Errorf("%d bytes became %d", len(in), n)
		}
		fmt.Fprint(io.Discard, s.Close())
		client.Close()
	})
}
