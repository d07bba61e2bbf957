package top

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/personalities/cmd"
)

func TestListenRefused(t *testing.T) {
	d := monitored(t)
	short := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--listen 0.0.0.0:0":                                        "--listen-tls turns it on, --insecure does without",
		"--listen a:b:c:d/":                                         "address \"a:b:c:d/\" of the monitor",
		"--listen 127.0.0.1:0 --listen-tlscert x":                   "belong together",
		"--listen 127.0.0.1:0 --listen-tlscert x --listen-tlskey y": "box certs init",
		"--listen 127.0.0.1:0 --listen-token " + short:              "has 5 characters",
		"--listen 127.0.0.1:0 --listen-token /nonexistent/token":    "/nonexistent/token",
		"--listen-tls": "--listen ADDRESS",
		"--insecure":   "--listen ADDRESS",
	} {
		if r := d.Docker(t, "", strings.Fields(args)...); r.Code == 0 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: %d %s, want %s", args, r.Code, r.Stderr, want)
		}
	}
}

// The page is served until the command is interrupted.
func TestListen(t *testing.T) {
	d := monitored(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, stderr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Command.Main(ctx, &cmd.Env{Args: []string{"-H", d.Host, "--listen", "127.0.0.1:0"},
			Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: stderr, Getenv: func(string) string { return "" }, Dir: t.TempDir()})
		stderr.CloseWithError(io.EOF)
		ended <- err
	}()
	line, err := bufio.NewReader(said).ReadString('\n')
	go io.Copy(io.Discard, said)
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "Monitor on ")
	if err != nil || !ok {
		t.Fatalf("%q %v %v", line, err, <-ended)
	}
	answer, err := http.Get(at + "api/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for in := bufio.NewReader(answer.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, `"Name":"busy"`) {
			break
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
}
