package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Conn is a connection that has left HTTP. Reads see first what was buffered before it did.
type Conn struct {
	net.Conn
	r         *bufio.Reader
	MediaType string // client half: the Content-Type of the daemon's answer
}

// Read reads from the other side.
func (c *Conn) Read(p []byte) (int, error) {
	if c.r.Buffered() > 0 {
		return c.r.Read(p)
	}
	return c.Conn.Read(p)
}

// WriteTo lets io.Copy move bytes without a buffer of its own.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	n, err := io.CopyN(w, c.r, int64(c.r.Buffered()))
	if err != nil {
		return n, err
	}
	m, err := io.Copy(w, c.Conn)
	return n + m, err
}

// CloseWrite says that nothing more will be sent, and leaves reading open. It reports an error where the
// transport cannot (a named pipe).
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("half-close of a %T: %w", c.Conn, net.ErrClosed)
	}
	return half.CloseWrite()
}

// Media types of hijacked streams. Multiplexed is named on the 101 path alone, from API 1.42.
const (
	RawStream         = "application/vnd.docker.raw-stream"
	MultiplexedStream = "application/vnd.docker.multiplexed-stream"
)

// Hijack takes the connection of a request over and answers it: 101 UPGRADED when the client sent an
// Upgrade header, else 200 with the bytes following unframed by HTTP. extra headers (nil for none) join
// the reply. After an error the ordinary reply is still possible; after success the caller closes the Conn.
func Hijack(w http.ResponseWriter, r *http.Request, mediaType string, extra http.Header) (*Conn, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("hijack the connection of %s: %w", r.URL.Path, err)
	}
	var head strings.Builder
	if r.Header.Get("Upgrade") != "" {
		head.WriteString("HTTP/1.1 101 UPGRADED\r\nContent-Type: " + mediaType +
			"\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n")
	} else {
		head.WriteString("HTTP/1.1 200 OK\r\nContent-Type: " + RawStream + "\r\n")
	}
	if err := extra.Write(&head); err != nil {
		conn.Close()
		return nil, err
	}
	head.WriteString("\r\n")
	// the server's deadlines are not the stream's
	if err := conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := io.WriteString(conn, head.String()); err != nil {
		conn.Close()
		return nil, fmt.Errorf("answer the upgrade of %s: %w", r.URL.Path, err)
	}
	return &Conn{Conn: conn, r: rw.Reader}, nil
}

// Upgrade sends req over conn and takes conn out of HTTP. On an answer that is neither 101 nor 200, the
// response is returned with its body open and a nil Conn; the caller closes conn either way.
func Upgrade(conn net.Conn, req *http.Request) (*Conn, *http.Response, error) {
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "tcp")
	if err := req.Write(conn); err != nil {
		return nil, nil, fmt.Errorf("send %s %s: %w", req.Method, req.URL.Path, err)
	}
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, nil, fmt.Errorf("read the answer to %s %s: %w", req.Method, req.URL.Path, err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols && res.StatusCode != http.StatusOK {
		return nil, res, nil
	}
	return &Conn{Conn: conn, r: r, MediaType: res.Header.Get("Content-Type")}, res, nil
}
