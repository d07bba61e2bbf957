package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/netapi/wire"
)

// Limits of shells.
const (
	maxShells  = 16
	ticketWait = 30 * time.Second // time in which the page must connect to a shell that it has opened
)

// shells are those of all pages. The ticket of a shell is a secret: browsers cannot send the token with a WebSocket, so
// that the token buys a ticket, which opens one WebSocket, once and soon.
type shells struct {
	mu   sync.Mutex
	open map[string]*shell
}

// shell is a program in a container, and its terminal.
type shell struct {
	api  *client.Client
	free func()
	exec string // ID
	size [2]uint

	// guarded by shells.mu
	conn  net.Conn    // of the page; nil before it is connected
	timer *time.Timer // ends it if the page does not connect
}

// terminal says how large a terminal is, and what runs in it.
type terminal struct {
	Command       []string
	User          string
	Rows, Columns uint
}

// maxSide is the maximum number of rows or columns.
const maxSide = 1000

func (t *terminal) check() error {
	if t.Rows < 1 || t.Rows > maxSide || t.Columns < 1 || t.Columns > maxSide {
		return fmt.Errorf("a terminal of %d rows and %d columns: %w", t.Rows, t.Columns, errdefs.ErrInvalidArgument)
	}
	return nil
}

// openShell prepares a shell and returns its ticket.
func (s *Server) openShell(w http.ResponseWriter, r *http.Request) error {
	h, id, err := s.hostContainer(r)
	if err != nil {
		return err
	}
	var t terminal
	if err := s.body(w, r, &t); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if len(t.Command) == 0 {
		t.Command = []string{"/bin/sh"}
	}
	api, free, err := s.clientFor(r, h)
	if err != nil {
		return err
	}
	size := [2]uint{t.Rows, t.Columns}
	exec, err := api.ExecCreate(r.Context(), id, container.ExecCreateRequest{Cmd: t.Command, User: t.User, Tty: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true, ConsoleSize: &size, Env: []string{"TERM=xterm"}})
	if err != nil {
		free()
		return err
	}
	ticket, err := s.shells.add(&shell{api: api, free: free, exec: exec, size: size})
	if err != nil {
		free()
		return err
	}
	return reply(w, struct{ Ticket string }{ticket})
}

// add keeps a shell until its page connects, or for ticketWait.
func (all *shells) add(one *shell) (ticket string, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.open) >= maxShells {
		return "", errors.Join(errors.New("too many shells are open"), errdefs.ErrResourceExhausted)
	}
	if all.open == nil {
		all.open = map[string]*shell{}
	}
	ticket = rand.Text()
	all.open[ticket] = one
	one.timer = time.AfterFunc(ticketWait, func() { all.end(ticket) })
	return ticket, nil
}

// end forgets a shell and closes its connection.
func (all *shells) end(ticket string) {
	all.mu.Lock()
	one := all.open[ticket]
	delete(all.open, ticket)
	all.mu.Unlock()
	if one == nil {
		return
	}
	one.timer.Stop()
	if one.conn != nil {
		one.conn.Close()
	}
	one.free()
}

// close ends all shells.
func (all *shells) close() {
	all.mu.Lock()
	var tickets []string
	for t := range all.open {
		tickets = append(tickets, t)
	}
	all.mu.Unlock()
	for _, t := range tickets {
		all.end(t)
	}
}

// find returns a shell. If connect is set, it must be one that no page has connected to yet.
func (all *shells) find(ticket string, connect bool) (*shell, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	one := all.open[ticket]
	if one == nil || connect && !one.timer.Stop() {
		return nil, fmt.Errorf("no such ticket, or it was used: %w", errdefs.ErrPermissionDenied)
	}
	return one, nil
}

// resizeShell tells a shell that the size of its terminal has changed.
func (s *Server) resizeShell(w http.ResponseWriter, r *http.Request) error {
	one, err := s.shells.find(r.PathValue("ticket"), false)
	if err != nil {
		return err
	}
	var t terminal
	if err := s.body(w, r, &t); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	return done(w, one.api.ExecResize(r.Context(), one.exec, int(t.Rows), int(t.Columns)))
}

// shell connects a page to the shell that it has opened, until one of them ends. Messages carry raw bytes.
func (s *Server) shell(w http.ResponseWriter, r *http.Request) error {
	ticket := r.PathValue("ticket")
	one, err := s.shells.find(ticket, true)
	if err != nil {
		return err
	}
	defer s.shells.end(ticket)
	// the program lives as long as the connection to it, not as the request
	program, err := one.api.ExecAttach(context.WithoutCancel(r.Context()), one.exec,
		container.ExecStartRequest{Tty: true, ConsoleSize: &one.size})
	if err != nil {
		return err
	}
	defer program.Close()
	page, err := wire.AcceptWebSocket(w, r, true)
	if err != nil {
		return err
	}
	defer page.Close()
	s.shells.mu.Lock()
	one.conn = page.Conn
	s.shells.mu.Unlock()
	said := make(chan struct{})
	go func() {
		defer close(said)
		_, _ = io.Copy(page, program) // the end of either is the end of both
		_ = page.CloseWrite()
		_ = page.Conn.SetReadDeadline(time.Now().Add(time.Second)) // in which the page may answer
	}()
	_, _ = io.Copy(program, page)
	// a terminal that is hung up ends what runs in it; exec has no call for that, but for the end of its input
	_, _ = program.Write([]byte{endOfInput})
	_ = program.Close()
	<-said
	return nil
}

// endOfInput is what a terminal takes for the end of the input at the beginning of a line.
const endOfInput = 4
