// Package remote is what the log drivers have in common that send lines to a server or to another program: the
// connection, which may be cut off at any byte and handed to another process, and addresses as Docker takes them.
package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"box/engine/logs/driver"
)

// Driver is a driver that sends lines away. Nothing is connected when it is opened.
type Driver interface {
	driver.Driver
	// Server is the connection that Log sends over.
	Server() *Connection
}

// Connection leads to the server that lines go to. It is made anew when it breaks.
type Connection struct {
	Dial  func(ctx context.Context) (net.Conn, error)
	Tries int                          // to send one message, before it is lost
	Pause func(try int) time.Duration  // before the next; nil: none
	Lazy  bool                         // a server that does not answer is no reason not to start
	Queue int                          // bytes of lines that may wait while Write goes on; 0: Write waits
	Renew time.Duration                // after which a connection is made anew; 0: never
	Reply func(c net.Conn) error       // reads the server's answer to a message; nil: there is none
	Large func(net.Conn, []byte) error // sends what is too long for a datagram; nil: it is lost

	mu     sync.Mutex // guards what follows, for moments
	conn   net.Conn
	since  time.Time
	unsent []byte // rest of a message of which a part went out before the end of a context
}

// dialWait bounds how long the connection to a server may take.
const dialWait = 10 * time.Second

// Connect makes the connection.
func (c *Connection) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	conn, err := c.Dial(ctx)
	if err != nil {
		return err
	}
	c.use(conn)
	return nil
}

func (c *Connection) use(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.since = conn, time.Now()
}

// drop ends a connection that is of no use any more; what was sent in part is lost with it.
func (c *Connection) drop() {
	c.mu.Lock()
	old := c.conn
	c.conn, c.unsent = nil, nil
	c.mu.Unlock()
	if old != nil {
		_ = old.Close() // over TLS it may take a while
	}
}

// Close ends the connection; what was sent in part is lost with it.
func (c *Connection) Close() error {
	c.drop()
	return nil
}

// Send sends a message. With the error of ctx it was not taken; a part of it that went out before that is followed by
// the rest with the next one.
func (c *Connection) Send(ctx context.Context, b []byte) error {
	if c.Renew > 0 && c.conn != nil && time.Since(c.since) > c.Renew {
		c.drop()
	}
	for try := 1; ; try++ {
		var err error
		if c.conn == nil {
			err = c.Connect(ctx)
		}
		if err == nil {
			if err = c.put(ctx, b); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.drop()
		if try >= c.Tries {
			return err
		}
		if c.Pause == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(c.Pause(try)):
		}
	}
}

// put sends a message over the connection that there is.
func (c *Connection) put(ctx context.Context, b []byte) error {
	_ = c.conn.SetDeadline(time.Time{})
	conn := c.conn
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	defer func() {
		if !stop() {
			<-cut
		}
	}()
	if len(c.unsent) > 0 {
		if err := c.write(ctx, c.unsent); err != nil {
			return err
		}
		if len(c.unsent) > 0 {
			return ctx.Err() // cut again
		}
	}
	if err := c.write(ctx, b); err != nil {
		return err
	}
	if c.Reply == nil {
		return nil
	}
	err := c.Reply(conn)
	if err != nil {
		c.drop() // an answer that comes later must not be taken for another message's
	}
	return err
}

// write sends b. When ctx cuts it a message of which something is out counts as sent, and what is not sent of it is
// kept; but not one over a connection that cannot go on after that, or one that is answered as a whole.
func (c *Connection) write(ctx context.Context, b []byte) error {
	n, err := c.conn.Write(b)
	if errors.Is(err, syscall.EMSGSIZE) && c.Large != nil {
		err = c.Large(c.conn, b)
	}
	if err == nil {
		c.keep(nil)
		return nil
	}
	if ctx.Err() == nil {
		return err
	}
	_, secure := c.conn.(*tls.Conn)
	switch {
	case secure, c.Reply != nil && n > 0:
		c.drop()
	case n > 0 || len(c.unsent) > 0:
		c.keep(b[n:])
		return nil
	}
	return err
}

func (c *Connection) keep(rest []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsent = bytes.Clone(rest)
}

// State is what another process needs to go on: the connection, nil when there is none that can be handed over, and
// what was not sent yet.
func (c *Connection) State() (syscall.Conn, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, ok := c.conn.(syscall.Conn) // one over TLS is none
	if !ok {
		return nil, nil
	}
	return conn, c.unsent
}

// Adopt takes a connection over from another process.
func (c *Connection) Adopt(f *os.File, unsent []byte) error {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return fmt.Errorf("take over a connection for logs: %w", err)
	}
	c.use(conn)
	c.keep(unsent)
	return nil
}

// Growing are pauses that grow by half each time, a minute at most.
func Growing(first time.Duration) func(int) time.Duration {
	const longest = time.Minute
	return func(try int) time.Duration {
		// in floating point: what is too long for a Duration would be none
		return time.Duration(min(float64(longest), float64(first)*math.Pow(1.5, float64(try-1))))
	}
}

// Dialer connects to an address of a network.
func Dialer(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

// Severities of RFC 5424, section 6.2.1.
const (
	severityError = 3
	severityInfo  = 6
)

// Severity is how bad what a stream says is to servers that ask for that.
func Severity(s driver.Stream) int {
	if s == driver.Stderr {
		return severityError
	}
	return severityInfo
}
