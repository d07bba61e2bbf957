package logs

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
)

// target is a connection to the server that lines go to. It is made anew when it breaks.
type target struct {
	dial  func(ctx context.Context) (net.Conn, error)
	tries int                          // to send one message, before it is lost
	pause func(try int) time.Duration  // before the next; nil: none
	lazy  bool                         // a server that does not answer is no reason not to start
	queue int                          // bytes of lines that may wait while Write goes on; 0: Write waits
	renew time.Duration                // after which a connection is made anew; 0: never
	reply func(c net.Conn) error       // reads the server's answer to a message; nil: there is none
	large func(net.Conn, []byte) error // sends what is too long for a datagram; nil: it is lost

	mu     sync.Mutex // guards what follows, for moments
	conn   net.Conn
	since  time.Time
	unsent []byte // rest of a message of which a part went out before the end of a context
}

// dialWait bounds how long the connection to a server may take.
const dialWait = 10 * time.Second

// connect makes the connection.
func (t *target) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	t.use(c)
	return nil
}

func (t *target) use(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn, t.since = c, time.Now()
}

// drop ends a connection that is of no use any more; what was sent in part is lost with it.
func (t *target) drop() {
	t.mu.Lock()
	old := t.conn
	t.conn, t.unsent = nil, nil
	t.mu.Unlock()
	if old != nil {
		_ = old.Close() // over TLS it may take a while
	}
}

func (t *target) close() error {
	t.drop()
	return nil
}

// send sends a message. With the error of ctx it was not taken; a part of it that went out before that is followed by
// the rest with the next one.
func (t *target) send(ctx context.Context, b []byte) error {
	if t.renew > 0 && t.conn != nil && time.Since(t.since) > t.renew {
		t.drop()
	}
	for try := 1; ; try++ {
		var err error
		if t.conn == nil {
			err = t.connect(ctx)
		}
		if err == nil {
			if err = t.put(ctx, b); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.drop()
		if try >= t.tries {
			return err
		}
		if t.pause == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(t.pause(try)):
		}
	}
}

// put sends a message over the connection that there is.
func (t *target) put(ctx context.Context, b []byte) error {
	_ = t.conn.SetDeadline(time.Time{})
	conn := t.conn
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
	if len(t.unsent) > 0 {
		if err := t.write(ctx, t.unsent); err != nil {
			return err
		}
		if len(t.unsent) > 0 {
			return ctx.Err() // cut again
		}
	}
	if err := t.write(ctx, b); err != nil {
		return err
	}
	if t.reply == nil {
		return nil
	}
	err := t.reply(conn)
	if err != nil {
		t.drop() // an answer that comes later must not be taken for another message's
	}
	return err
}

// write sends b. When ctx cuts it a message of which something is out counts as sent, and what is not sent of it is
// kept; but not one over a connection that cannot go on after that, or one that is answered as a whole.
func (t *target) write(ctx context.Context, b []byte) error {
	n, err := t.conn.Write(b)
	if errors.Is(err, syscall.EMSGSIZE) && t.large != nil {
		err = t.large(t.conn, b)
	}
	if err == nil {
		t.keep(nil)
		return nil
	}
	if ctx.Err() == nil {
		return err
	}
	_, secure := t.conn.(*tls.Conn)
	switch {
	case secure, t.reply != nil && n > 0:
		t.drop()
	case n > 0 || len(t.unsent) > 0:
		t.keep(b[n:])
		return nil
	}
	return err
}

func (t *target) keep(rest []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent = bytes.Clone(rest)
}

// state is what another process needs to go on: the connection, nil when there is none that can be handed over, and
// what was not sent yet.
func (t *target) state() (syscall.Conn, []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.conn.(syscall.Conn) // one over TLS is none
	if !ok {
		return nil, nil
	}
	return c, t.unsent
}

// adopt takes a connection over from another process.
func (t *target) adopt(f *os.File, unsent []byte) error {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return fmt.Errorf("take over a connection for logs: %w", err)
	}
	t.use(c)
	t.keep(unsent)
	return nil
}

// growing are pauses that grow by half each time, a minute at most.
func growing(first time.Duration) func(int) time.Duration {
	const longest = time.Minute
	return func(try int) time.Duration {
		return min(longest, time.Duration(float64(first)*math.Pow(1.5, float64(min(try, 64)-1))))
	}
}

// dialer connects to an address of a network.
func dialer(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}
