package suite

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestExecHeadComesFirst: Python's SDK reads the head of a reply through a buffer and what follows past it, so that
// output which comes with the head is lost. The program of an exec must not run before the head is out.
func TestExecHeadComesFirst(t *testing.T) {
	d := busyboxDaemon(t)
	d.docker(t, "run", "-d", "--name", "exec", "busybox", "sleep", "1000")
	for range 10 {
		id := regexp.MustCompile(`[0-9a-f]{64}`).FindString(ask(t, d, "/containers/exec/exec",
			`{"AttachStdout":true,"Cmd":["echo","hi"]}`))
		conn := dial(t, d)
		body := `{}`
		fmt.Fprintf(conn, "POST /exec/%s/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: "+
			"application/json\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
		first := make([]byte, 64<<10)
		n, err := conn.Read(first)
		if err != nil || !bytes.HasPrefix(first, []byte("HTTP/1.1 101 ")) || !bytes.HasSuffix(first[:n], []byte("\r\n\r\n")) {
			t.Fatalf("with the head of the reply came more: %q, %v", first[:n], err)
		}
		if rest, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasSuffix(rest, "hi\n") {
			t.Fatalf("%q, %v", rest, err)
		}
		conn.Close()
	}
	var shown string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if shown = ask(t, d, "/containers/exec/json", ""); strings.Contains(shown, `"ExecIDs":null`) {
			return
		}
	}
	t.Errorf("execs that ended are still shown: %s", regexp.MustCompile(`"ExecIDs":[^\]]*`).FindString(shown))
}

func dial(t *testing.T, d *daemon) net.Conn {
	conn, err := net.Dial("unix", filepath.Join(d.dir, "docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// ask posts a body, or without one gets, and returns the reply's.
func ask(t *testing.T, d *daemon, path, body string) string {
	conn := dial(t, d)
	defer conn.Close()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, "http://d"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, b.String(), err)
	}
	return b.String()
}
