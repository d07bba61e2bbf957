package suite

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// TestExecFrames: whether an exec's output comes in frames is said by the request that starts it, whether it has a
// terminal by the one that made it.
func TestExecFrames(t *testing.T) {
	d := busyboxDaemon(t)
	d.docker(t, "run", "-d", "--name", "exec", "busybox", "sleep", "1000")
	for _, row := range []struct {
		made, started bool
		want          string
	}{
		{true, true, "hi\r\n"}, {true, false, "\x01\x00\x00\x00\x00\x00\x00\x04hi\r\n"},
		{false, true, "hi\n"}, {false, false, "\x01\x00\x00\x00\x00\x00\x00\x03hi\n"},
	} {
		made := fmt.Sprintf(`{"AttachStdout":true,"Tty":%v,"Cmd":["echo","hi"]}`, row.made)
		id := regexp.MustCompile(`[0-9a-f]{64}`).FindString(ask(t, d, "/containers/exec/exec", made))
		conn := dial(t, d)
		body := fmt.Sprintf(`{"Tty":%v}`, row.started)
		fmt.Fprintf(conn, "POST /exec/%s/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: "+
			"%d\r\n\r\n%s", id, len(body), body)
		reply, err := io.ReadAll(conn)
		conn.Close()
		if _, got, _ := strings.Cut(string(reply), "\r\n\r\n"); err != nil || got != row.want {
			t.Errorf("made with a terminal: %v, started as one: %v: %q (%v), want %q", row.made, row.started, got, err, row.want)
		}
	}
}
