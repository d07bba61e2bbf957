package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestFramesRoundTrip(t *testing.T) {
	var conn, stdout, stderr bytes.Buffer
	var mu sync.Mutex
	out, errw := NewFrameWriter(&conn, &mu, Stdout), NewFrameWriter(&conn, &mu, Stderr)
	big := strings.Repeat("x", 100<<10)
	for _, w := range []struct {
		to   io.Writer
		text string
	}{{out, "one\n"}, {errw, "two\n"}, {out, ""}, {out, big}, {errw, "three"}} {
		if n, err := io.WriteString(w.to, w.text); err != nil || n != len(w.text) {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	if err := Demux(&stdout, &stderr, &conn); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != "one\n"+big || stderr.String() != "two\nthree" {
		t.Errorf("stdout %d bytes, stderr %q", stdout.Len(), stderr.String())
	}
}

// TestDemuxHoldsNothing: while more is waited for, all that came is written, in the order of the streams.
func TestDemuxHoldsNothing(t *testing.T) {
	r, w := io.Pipe()
	got, out := io.Pipe()
	go func() {
		if err := Demux(out, out, r); err == nil || !strings.Contains(err.Error(), "lacks 2 bytes") {
			t.Errorf("a frame without its end: %v", err)
		}
		out.Close()
	}()
	read := func(want string) {
		b := make([]byte, len(want))
		if _, err := io.ReadFull(got, b); err != nil || string(b) != want {
			t.Errorf("read %q, %v, want %q", b, err, want)
		}
	}
	io.WriteString(w, "\x01\x00\x00\x00\x00\x00\x00\x02a\n\x01\x00\x00\x00\x00\x00\x00\x02b\n\x02\x00\x00\x00\x00\x00\x00\x02c\n\x01\x00\x00")
	read("a\nb\nc\n")
	io.WriteString(w, "\x00\x00\x00\x00\x04d\n")
	read("d\n")
	w.Close()
	if rest, _ := io.ReadAll(got); len(rest) > 0 {
		t.Errorf("then %q", rest)
	}
}

func TestDemuxRefuses(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"text", "hello, not a stream", "not a multiplexed stream"},
		{"huge", "\x01\x00\x00\x00\xff\xff\xff\xff", "not a multiplexed stream"},
		{"short header", "\x01\x00", "unexpected EOF"},
		{"short body", "\x01\x00\x00\x00\x00\x00\x00\x05abc", "unexpected EOF"},
		{"unknown", "\x07\x00\x00\x00\x00\x00\x00\x01a", "unknown stream 7"},
		{"system", "\x03\x00\x00\x00\x00\x00\x00\x04boom", "error from daemon in stream: boom"},
	} {
		err := Demux(io.Discard, io.Discard, strings.NewReader(row.in))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}

func FuzzDemux(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x02hi\x02\x00\x00\x00\x00\x00\x00\x01e"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out, errs bytes.Buffer
		if Demux(&out, &errs, bytes.NewReader(in)); out.Len()+errs.Len() > len(in) {
			t.Errorf("%d bytes made %d", len(in), out.Len()+errs.Len())
		}
	})
}

// echo takes every connection over, repeats what it reads until the client half-closes, then says bye.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/no" {
		WriteError(w, http.StatusConflict, "container <x> is not running", false)
		return
	}
	conn, err := Hijack(w, r, MultiplexedStream, http.Header{"Api-Version": {"1.41"}})
	if err != nil {
		WriteError(w, 500, err.Error(), false)
		return
	}
	defer conn.Close()
	io.Copy(conn, conn)
	io.WriteString(conn, "bye")
}

func TestHijack(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	conn := dial(t, srv)
	req, _ := http.NewRequest("POST", srv.URL+"/containers/x/attach", nil)
	stream, res, err := Upgrade(conn, req)
	if err != nil || stream == nil {
		t.Fatalf("upgrade: %v %v", stream, err)
	}
	if res.StatusCode != 101 || stream.MediaType != MultiplexedStream || res.Header.Get("Api-Version") != "1.41" {
		t.Errorf("status %d, type %s, headers %v", res.StatusCode, stream.MediaType, res.Header)
	}
	io.WriteString(stream, "hello ")
	if err := stream.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(stream)
	if string(got) != "hello bye" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestHijackWithoutUpgradeHeader(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	conn := dial(t, srv)
	// the first bytes of the stream travel with the request: they must not be lost in a buffer
	io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: d\r\n\r\nearly")
	conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	want := "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\nApi-Version: 1.41\r\n\r\nearlybye"
	if string(got) != want || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestUpgradeRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	req, _ := http.NewRequest("POST", srv.URL+"/no", nil)
	stream, res, err := Upgrade(dial(t, srv), req)
	if err != nil || stream != nil || res.StatusCode != http.StatusConflict {
		t.Fatalf("%v %v %v", stream, res, err)
	}
	if got := ReadError(res); got != "container <x> is not running" {
		t.Errorf("error text %q", got)
	}
}

func dial(t *testing.T, srv *httptest.Server) net.Conn {
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestJSONStream(t *testing.T) {
	rec := httptest.NewRecorder()
	w := NewJSONWriter(rec)
	w.Write(Message{ID: "abc", Status: "Downloading", Detail: &Progress{Current: 1, Total: 2}})
	if !rec.Flushed {
		t.Error("not flushed")
	}
	w.Fail(errors.New("disk full"))
	want := `{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"abc"}` + "\r\n" +
		`{"errorDetail":{"message":"disk full"},"error":"disk full"}` + "\r\n"
	if rec.Body.String() != want {
		t.Errorf("wrote %q", rec.Body)
	}
	r := NewJSONReader(rec.Body)
	var m Message
	if err := r.Read(&m); err != nil || m.ID != "abc" || m.Detail.Total != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := r.Read(&m); err != nil || m.Error != "disk full" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := r.Read(&m); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if err := NewJSONReader(strings.NewReader(`{"id":"` + strings.Repeat("x", maxLine))).Read(&m); err == nil ||
		!strings.Contains(err.Error(), "over") {
		t.Errorf("a line without end: %v", err)
	}
}

func TestAuthHeader(t *testing.T) {
	if v, _ := EncodeAuth(Auth{}); v != "e30=" {
		t.Errorf("no credentials: %q", v)
	}
	in := Auth{Username: "a", Password: "p?>~"}
	v, err := EncodeAuth(in)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := DecodeAuth(v); out != in || err != nil {
		t.Errorf("%+v, %v", out, err)
	}
	for _, bad := range []string{"!", "e30", strings.Repeat("A", maxHeader+1)} {
		if _, err := DecodeAuth(bad); err == nil {
			t.Errorf("%.8q accepted", bad)
		}
	}
}

func FuzzPathStat(f *testing.F) {
	v, _ := EncodePathStat(PathStat{Name: "x", Size: 3, Mode: 0o644})
	f.Add(v)
	f.Fuzz(func(t *testing.T, value string) {
		s, err := DecodePathStat(value)
		if err != nil {
			return
		}
		again, err := EncodePathStat(s)
		if err != nil {
			t.Skip() // a time outside RFC 3339
		}
		if back, err := DecodePathStat(again); err != nil || back.Name != s.Name || back.Mode != s.Mode {
			t.Errorf("%+v became %+v, %v", s, back, err)
		}
	})
}
