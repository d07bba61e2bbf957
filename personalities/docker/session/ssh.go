package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"box/netapi/ssh"
)

// sshHost parses ssh://[USER@]HOST[:PORT][/SOCKET]. On that host, `docker system dial-stdio` connects to the daemon.
func sshHost(host string) (ssh.Host, error) {
	u, err := url.Parse(host)
	switch {
	case err != nil:
		return ssh.Host{}, fmt.Errorf("invalid ssh host %s: %w", host, err)
	case u.Hostname() == "":
		return ssh.Host{}, fmt.Errorf("no host specified in %s", host)
	case u.User != nil && hasPassword(u.User):
		return ssh.Host{}, fmt.Errorf("plain-text password is not supported in %s", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return ssh.Host{}, fmt.Errorf("extra query or fragment in %s", host)
	case strings.HasPrefix(u.Hostname(), "-"):
		return ssh.Host{}, fmt.Errorf("invalid ssh host %q", u.Hostname())
	}
	h := ssh.Host{User: u.User.Username(), Name: u.Hostname(), Port: u.Port(),
		Command: []string{"docker", "system", "dial-stdio"}}
	if u.Path != "" && u.Path != "/" {
		h.Command = []string{"docker", "--host", shellQuote("unix://" + u.Path), "system", "dial-stdio"}
	}
	return h, nil
}

// sshArguments returns the arguments for the ssh program. No part of the address can be taken for an option.
func sshArguments(h ssh.Host) []string {
	args := []string{"-o", "ConnectTimeout=30", "-T"}
	if h.User != "" {
		args = append(args, "-l", h.User)
	}
	if h.Port != "" {
		args = append(args, "-p", h.Port)
	}
	return append(append(args, "--", h.Name), h.Command...)
}

func hasPassword(u *url.Userinfo) bool {
	_, has := u.Password()
	return has
}

// shellQuote quotes a word for the shell of the remote host.
func shellQuote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// dialSSH returns a function that connects to an ssh:// host. Each connection runs the ssh program; without that
// program all connections share one that package ssh makes.
func dialSSH(host string, getenv func(string) string) (func(context.Context) (net.Conn, error), error) {
	h, err := sshHost(host)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("ssh"); errors.Is(err, exec.ErrNotFound) {
		return ssh.New(h, getenv).Dial, nil
	}
	return func(context.Context) (net.Conn, error) { return startSSH(sshArguments(h)) }, nil
}

// sshConn is a connection through standard input and output of the ssh program.
type sshConn struct {
	c    *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	said tail

	once sync.Once
	end  error
}

// sshEndTimeout is how long ssh may take to end after the connection was closed.
const sshEndTimeout = 2 * time.Second

func startSSH(args []string) (net.Conn, error) {
	p := &sshConn{c: exec.Command("ssh", args...)}
	// without a controlling terminal: ctrl-c is for the container, and ssh asks its agent for passwords
	p.c.SysProcAttr = &unix.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGTERM}
	p.c.Stderr = &p.said
	var err error
	if p.in, err = p.c.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.c.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.c.Start(); err != nil {
		return nil, fmt.Errorf("start ssh: %w", err)
	}
	return p, nil
}

// Read reads from the remote host. If ssh failed, the error contains its messages.
func (p *sshConn) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if n > 0 || err == nil {
		return n, err
	}
	if failed := p.wait(); failed != nil {
		return 0, failed
	}
	return 0, io.EOF
}

// wait ends the program and returns why it failed.
func (p *sshConn) wait() error {
	p.once.Do(func() {
		hurry := time.AfterFunc(sshEndTimeout, func() { _ = p.c.Process.Signal(unix.SIGTERM) }) // it may be gone
		defer hurry.Stop()
		if err := p.c.Wait(); err != nil {
			p.end = fmt.Errorf("%s: %w: %s", strings.Join(p.c.Args, " "), err, p.said.text())
		}
	})
	return p.end
}

// Write writes to the remote host. If ssh failed, the error contains its messages.
func (p *sshConn) Write(b []byte) (int, error) {
	n, err := p.in.Write(b)
	if err != nil {
		if failed := p.wait(); failed != nil {
			return n, failed
		}
	}
	return n, err
}

// CloseWrite closes the input of the remote host.
func (p *sshConn) CloseWrite() error { return p.in.Close() }

// Close ends the connection and the program.
func (p *sshConn) Close() error {
	err := errors.Join(p.in.Close(), p.out.Close())
	_ = p.wait() // a program that is cut off fails
	return err
}

// LocalAddr, RemoteAddr and the deadlines complete net.Conn; a pipe has none of these.
func (p *sshConn) LocalAddr() net.Addr { return sshAddr{} }

func (p *sshConn) RemoteAddr() net.Addr { return sshAddr{} }

func (p *sshConn) SetDeadline(time.Time) error { return nil }

func (p *sshConn) SetReadDeadline(time.Time) error { return nil }

func (p *sshConn) SetWriteDeadline(time.Time) error { return nil }

type sshAddr struct{}

func (sshAddr) Network() string { return "ssh" }

func (sshAddr) String() string { return "ssh" }

// tail keeps the end of the program's messages.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps about the last 4 KiB.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() > 4096 {
		t.b.Next(t.b.Len() - 2048)
	}
	t.b.Write(b[max(0, len(b)-4096):])
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.b.String())
}
