package ssh

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// session is a command at the far end as a connection.
type session struct {
	s    *ssh.Session
	in   io.WriteCloser
	out  io.Reader
	said said

	once sync.Once
	end  error
}

func openSession(c *ssh.Client, command string) (net.Conn, error) {
	s, err := c.NewSession()
	if err != nil {
		return nil, fmt.Errorf("ssh: open a session: %w", err)
	}
	p := &session{s: s}
	s.Stderr = &p.said
	if p.in, err = s.StdinPipe(); err == nil {
		p.out, err = s.StdoutPipe()
	}
	if err == nil {
		err = s.Start(command)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("ssh: run %s: %w", command, err)
	}
	return p, nil
}

// Read reads from the far end. Where it ends because the command failed, the error is what that said.
func (p *session) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if n > 0 || err == nil {
		return n, err
	}
	if failed := p.wait(); failed != nil {
		return 0, failed
	}
	return 0, io.EOF
}

// endWait is how long the command may take to end once its output has.
const endWait = 2 * time.Second

// wait tells why the command failed.
func (p *session) wait() error {
	p.once.Do(func() {
		hurry := time.AfterFunc(endWait, func() { _ = p.s.Close() }) // it may have ended
		defer hurry.Stop()
		if err := p.s.Wait(); err != nil {
			p.end = fmt.Errorf("ssh: %w: %s\nThe remote host needs docker in its PATH, and a user who may use its daemon", err,
				p.said.text())
		}
	})
	return p.end
}

// Write writes to the far end.
func (p *session) Write(b []byte) (int, error) {
	n, err := p.in.Write(b)
	if errors.Is(err, io.EOF) { // its channel is closed
		if failed := p.wait(); failed != nil {
			return n, failed
		}
	}
	return n, err
}

// CloseWrite ends the input of the far end.
func (p *session) CloseWrite() error { return p.in.Close() }

// Close ends the command.
func (p *session) Close() error {
	err := p.s.Close()
	if errors.Is(err, io.EOF) { // it has ended by itself
		return nil
	}
	return err
}

// LocalAddr, RemoteAddr and the deadlines are those of no network.
func (p *session) LocalAddr() net.Addr              { return address{} }
func (p *session) RemoteAddr() net.Addr             { return address{} }
func (p *session) SetDeadline(time.Time) error      { return nil }
func (p *session) SetReadDeadline(time.Time) error  { return nil }
func (p *session) SetWriteDeadline(time.Time) error { return nil }

type address struct{}

func (address) Network() string { return "ssh" }
func (address) String() string  { return "ssh" }

// said keeps the first 4 KiB of what the far end complains of.
type said struct {
	mu sync.Mutex
	b  []byte
}

// Write takes all and keeps what has room.
func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, b[:min(len(b), 4096-len(s.b))]...)
	return len(b), nil
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.b)
}
