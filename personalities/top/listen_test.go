package top

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
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
			Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: stderr,
			Getenv: func(string) string { return "" }, Dir: t.TempDir()})
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
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}

// What a file of rules says is wrong is told to webhooks, and to the page, though no page is open.
func TestWatchRules(t *testing.T) {
	d := monitored(t)
	told := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		told <- string(raw)
	}))
	defer hook.Close()
	path := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(path, []byte("restarts > 3\nwebhook "+hook.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	api, err := client.New(client.Options{Host: d.Host})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	h := hosts.FromClient("edge", api)
	defer h.Close()
	wrong, stop, err := (&options{Rules: path}).watchRules([]*hosts.Host{h}, 10*time.Millisecond,
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	select {
	case text := <-told:
		if !strings.Contains(text, "busy was started again 4 times") {
			t.Errorf("told %s", text)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is told")
	}
	if said := wrong("edge"); len(said) != 1 || !strings.Contains(said[0], "busy was started again 4 times") {
		t.Errorf("wrong: %q", said)
	}
	if said := wrong("other"); len(said) > 0 {
		t.Errorf("wrong on another host: %q", said)
	}
	if _, _, err := (&options{Rules: "/nowhere"}).watchRules(nil, time.Second, nil); err == nil {
		t.Error("rules that are not there")
	}
}
