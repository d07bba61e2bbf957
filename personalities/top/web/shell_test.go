package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// connect connects a WebSocket to a shell, as a browser does, and returns its connection and the status.
func connect(t *testing.T, address, ticket, origin string) (net.Conn, *bufio.Reader, int) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET /api/shells/%s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", ticket, address, origin)
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, in, answer.StatusCode
}

// ticket opens a shell and returns its ticket.
func ticket(t *testing.T, s *Server) string {
	t.Helper()
	code, body := call(s, "POST", "/api/containers/ID/shell", `{"Command":["sh"],"Rows":24,"Columns":80}`,
		with("Authorization", "Bearer "+secret))
	var out struct{ Ticket string }
	if err := json.Unmarshal([]byte(body), &out); code != 200 || err != nil || len(out.Ticket) < 20 {
		t.Fatalf("%d %s %v", code, body, err)
	}
	return out.Ticket
}

// say sends a message of up to 125 bytes, masked as a browser's are.
func say(c net.Conn, words string) {
	frame := append([]byte{0x82, 0x80 | byte(len(words)), 1, 2, 3, 4}, words...)
	for i := range len(words) {
		frame[6+i] ^= byte(1 + i&3)
	}
	c.Write(frame)
}

// A ticket opens one WebSocket, of our page alone; what is said in it reaches the program, and back.
func TestShell(t *testing.T) {
	d := newDaemon(1)
	s, h := serve(t, d)
	measured(t, h)
	address := listening(t, s)
	own := "http://" + address
	mine := ticket(t, s)
	if _, _, code := connect(t, address, mine, "http://evil.example"); code != 403 {
		t.Errorf("of another page: %d", code)
	}
	c, in, code := connect(t, address, mine, own)
	if code != http.StatusSwitchingProtocols {
		t.Fatalf("%d", code)
	}
	if _, _, code := connect(t, address, mine, own); code != 403 {
		t.Errorf("the ticket again: %d", code)
	}
	if _, _, code := connect(t, address, "guess", own); code != 403 {
		t.Errorf("a guess: %d", code)
	}
	say(c, "안녕")
	want := "said 안녕"
	got := make([]byte, 2+len(want))
	if _, err := io.ReadFull(in, got); err != nil || string(got[2:]) != want {
		t.Errorf("%q %v", got, err)
	}
	body := `{"Rows":30,"Columns":100}`
	if code, _ := call(s, "POST", "/api/shells/"+mine+"/size", body); code != 401 {
		t.Errorf("the size, by nobody: %d", code)
	}
	if code, said := call(s, "POST", "/api/shells/"+mine+"/size", body,
		with("Authorization", "Bearer "+secret)); code != 200 {
		t.Errorf("the size: %d %s", code, said)
	}
	c.Close()
	count := func() int {
		s.shells.mu.Lock()
		defer s.shells.mu.Unlock()
		return len(s.shells.open)
	}
	within(t, "the end of the shell", func() bool { return count() == 0 })
	for _, act := range d.acts() {
		if strings.HasSuffix(act, "/resize") {
			return
		}
	}
	t.Errorf("no resize in %v", d.acts())
}

// Shells end with the server, and there are not too many.
func TestShellsEnd(t *testing.T) {
	s, h := serve(t, newDaemon(1))
	measured(t, h)
	address := listening(t, s)
	c, in, code := connect(t, address, ticket(t, s), "http://"+address)
	if code != http.StatusSwitchingProtocols {
		t.Fatalf("%d", code)
	}
	for range maxShells - 1 {
		ticket(t, s)
	}
	if code, body := call(s, "POST", "/api/containers/ID/shell", `{"Rows":24,"Columns":80}`,
		with("Authorization", "Bearer "+secret)); code != http.StatusTooManyRequests {
		t.Errorf("one more: %d %s", code, body)
	}
	s.Close()
	if _, err := io.Copy(io.Discard, in); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the shell of a server that has ended: %v", err)
	}
	c.Close()
}
