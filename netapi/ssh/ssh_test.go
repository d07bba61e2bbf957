package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// server is an SSH server that runs one command: it says its name, sends back what it gets, and fails where the
// command is "fail".
type server struct {
	address string
	key     ssh.Signer
	conns   atomic.Int32
}

func newKey(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s, err := ssh.NewSignerFromKey(private)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	return s, pem.EncodeToMemory(block)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func startServer(t *testing.T, client ssh.PublicKey) *server {
	t.Helper()
	s := &server{}
	s.key, _ = newKey(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	s.address = l.Addr().String()
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "me" || string(k.Marshal()) != string(client.Marshal()) {
			return nil, fmt.Errorf("not %s", c.User())
		}
		return nil, nil
	}}
	cfg.AddHostKey(s.key)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(raw, cfg)
		}
	}()
	return s
}

func (s *server) serve(raw net.Conn, cfg *ssh.ServerConfig) {
	defer raw.Close()
	_, channels, requests, err := ssh.NewServerConn(raw, cfg)
	if err != nil {
		return
	}
	s.conns.Add(1)
	go ssh.DiscardRequests(requests)
	for c := range channels {
		ch, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "exec", nil)
				if r.Type != "exec" {
					continue
				}
				var q struct{ Command string }
				_ = ssh.Unmarshal(r.Payload, &q)
				status := uint32(0)
				if q.Command == "fail" {
					fmt.Fprintln(ch.Stderr(), "no such command")
					status = 127
				} else {
					fmt.Fprintln(ch, q.Command)
					_, _ = io.Copy(ch, ch)
				}
				_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				ch.Close()
			}
		}()
	}
}

// home is a user's folder with what of it a row asks for.
func home(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, ".ssh"), 0o700))
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(dir, ".ssh", name), []byte(text), 0o600))
	}
	return func(name string) string {
		switch name {
		case "HOME":
			return dir
		case "SSH_AUTH_SOCK":
			return os.Getenv("TEST_AGENT")
		}
		return ""
	}
}

func TestConnections(t *testing.T) {
	key, private := newKey(t)
	s := startServer(t, key.PublicKey())
	ip, port, err := net.SplitHostPort(s.address)
	must(t, err)
	known := knownhosts.Line([]string{knownhosts.Normalize(s.address)}, s.key.PublicKey())
	config := fmt.Sprintf("Host far\nHostName %s\nPort %s\nUser me\n", ip, port)
	ctx := context.Background()

	c := New(Host{Name: "far", Command: []string{"hello"}},
		home(t, map[string]string{"id_ed25519": string(private), "known_hosts": known, "config": config}))
	for range 3 {
		conn, err := c.Dial(ctx)
		must(t, err)
		_, err = io.WriteString(conn, "back and forth")
		must(t, err)
		must(t, conn.(interface{ CloseWrite() error }).CloseWrite())
		got, err := io.ReadAll(conn)
		if err != nil || string(got) != "hello\nback and forth" {
			t.Errorf("%q, %v", got, err)
		}
		must(t, conn.Close())
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections for three", n)
	}

	c = New(Host{User: "me", Name: ip, Port: port, Command: []string{"fail"}},
		home(t, map[string]string{"id_ed25519": string(private), "known_hosts": known}))
	conn, err := c.Dial(ctx)
	must(t, err)
	if _, err := io.ReadAll(conn); err == nil || !strings.Contains(err.Error(), "no such command") {
		t.Errorf("a command that fails: %v", err)
	}

	other, otherPrivate := newKey(t)
	stranger := knownhosts.Line([]string{knownhosts.Normalize(s.address)}, other.PublicKey())
	for name, row := range map[string]struct {
		files map[string]string
		want  string
	}{
		"not known":   {map[string]string{"id_ed25519": string(private), "known_hosts": ""}, "add this line:\n" + known},
		"another key": {map[string]string{"id_ed25519": string(private), "known_hosts": stranger}, "differs from"},
		"wrong key": {map[string]string{"id_ed25519": string(otherPrivate), "known_hosts": known},
			"refused me with all of 1 keys"},
		"no key":     {map[string]string{"known_hosts": known}, "refused me with all of 0 keys"},
		"broken key": {map[string]string{"id_ed25519": "nonsense", "known_hosts": known}, "not used: "},
		"jump":       {map[string]string{"known_hosts": known, "config": "ProxyJump gate"}, "box does not support proxyjump"},
	} {
		_, err := New(Host{User: "me", Name: ip, Port: port, Command: []string{"x"}}, home(t, row.files)).Dial(ctx)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAgent(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	key, err := ssh.NewSignerFromKey(private)
	must(t, err)
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: private}))
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	must(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }() // until the client goes
		}
	}()
	t.Setenv("TEST_AGENT", path)
	s := startServer(t, key.PublicKey())
	ip, port, err := net.SplitHostPort(s.address)
	must(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	must(t, err)
	files := map[string]string{"known_hosts": knownhosts.Line([]string{knownhosts.Normalize(s.address)},
		s.key.PublicKey()), "id_ed25519": string(pem.EncodeToMemory(block))}
	h := Host{User: "me", Name: ip, Port: port, Command: []string{"by the agent"}}
	conn, err := New(h, home(t, files)).Dial(context.Background())
	must(t, err)
	conn.Close()
	t.Setenv("TEST_AGENT", "")
	if _, err := New(h, home(t, files)).Dial(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "it has a passphrase: load it into an agent") {
		t.Errorf("a key with a passphrase: %v", err)
	}
}
