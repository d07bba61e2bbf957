package keeper

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// socketFile returns the descriptor of a listener or packet socket and closes the socket's own object.
func socketFile(t *testing.T, s interface {
	File() (*os.File, error)
	Close() error
}) *os.File {
	t.Helper()
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	t.Cleanup(func() { f.Close() })
	return f
}

func TestStreamProxy(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	server, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	served := make(chan struct{})
	go func() { // answers once the client has sent all, as for HTTP/1.0 uploads and rsh
		defer close(served)
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			all, _ := io.ReadAll(conn)
			conn.Write(bytes.ToUpper(all))
			conn.Close()
		}
	}()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := front.Addr().String()
	f, err := forward(socketFile(t, front.(*net.TCPListener)), netip.MustParseAddrPort(server.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("half close ", 100_000)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(conn, text)
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != strings.ToUpper(text) {
		t.Errorf("%d bytes back of %d: %v", len(got), len(text), err)
	}
	conn.Close()
	idle, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	time.Sleep(20 * time.Millisecond)
	f.stop()
	idle.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection outlived stop: %v", err)
	}
	server.Close()
	<-served
	settle(t, goroutines)
}

func TestStreamProxyToNobody(t *testing.T) {
	nobody, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := front.Addr().String()
	f, err := forward(socketFile(t, front.(*net.TCPListener)), netip.MustParseAddrPort(nobody.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()
	conn, err := net.Dial("tcp", address)
	if errors.Is(err, syscall.ECONNRESET) {
		return // cut before the dial returned, which is an end, too
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("no end of the connection: %v", err)
	}
}

func TestDatagramProxy(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		buf := make([]byte, 65535)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			server.WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := front.LocalAddr().String()
	f, err := forward(socketFile(t, front.(*net.UDPConn)), netip.MustParseAddrPort(server.LocalAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", strings.Repeat("x", 60_000), ""} {
		conn, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 65535)
		for range 2 {
			conn.Write([]byte(text))
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			if n, err := conn.Read(buf); err != nil || string(buf[:n]) != strings.ToUpper(text) {
				t.Errorf("%.10q: %d bytes back: %v", text, n, err)
			}
		}
		conn.Close()
	}
	f.stop()
	server.Close()
	<-served
	settle(t, goroutines)
}

// settle waits until the goroutines of a test have ended.
func settle(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestStreamProxyPaused checks that pauses and resumes lose no byte on its way, and that pause returns even if nobody
// reads.
func TestStreamProxyPaused(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	server, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := front.Addr().String()
	f, err := forward(socketFile(t, front.(*net.TCPListener)), netip.MustParseAddrPort(server.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("0123456789abcdef", 1<<20)
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(client, text)
		sent <- errors.Join(err, client.(*net.TCPConn).CloseWrite())
	}()
	far, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	var got bytes.Buffer
	if _, err := io.CopyN(&got, far, 1); err != nil { // a dial that a pause cuts off is repeated
		t.Fatal(err)
	}
	for range 20 { // nobody reads
		f.pause()
		f.resume()
	}
	for buf := make([]byte, 1<<20); ; {
		n, err := far.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
		f.pause()
		f.resume()
	}
	if err := <-sent; err != nil || got.String() != text {
		t.Errorf("%d of %d bytes came: %v", got.Len(), len(text), err)
	}
	f.pause()
	if _, err := io.WriteString(far, "and back"); err != nil {
		t.Error(err)
	}
	far.Close()
	f.resume()
	if back, err := io.ReadAll(client); string(back) != "and back" || err != nil {
		t.Errorf("%q came back: %v", back, err)
	}
	f.stop()
	server.Close()
	settle(t, goroutines)
}
