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

// Conn is a hijacked connection. It first returns what was buffered by the HTTP reader.
type Conn struct {
	net.Conn
	r         *bufio.Reader
	MediaType string // for clients: the Content-Type of the reply
}

// Read implements io.Reader.
func (c *Conn) Read(p []byte) (int, error) {
	if c.r.Buffered() > 0 {
		return c.r.Read(p)
	}
	return c.Conn.Read(p)
}

// WriteTo lets io.Copy use the methods of the connection.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	n, err := io.CopyN(w, c.r, int64(c.r.Buffered()))
	if err != nil {
		return n, err
	}
	m, err := io.Copy(w, c.Conn)
	return n + m, err
}

// CloseWrite ends sending and keeps receiving. It returns an error if the transport does not support that.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("half-close of a %T: %w", c.Conn, net.ErrClosed)
	}
	return half.CloseWrite()
}

// Media types of hijacked streams. MultiplexedStream is used only in replies with status 101, from API 1.42 on.
const (
	RawStream         = "application/vnd.docker.raw-stream"
	MultiplexedStream = "application/vnd.docker.multiplexed-stream"
)

// Hijack takes over the connection of a request and replies: with 101 UPGRADED if the client sent an Upgrade header,
// otherwise with 200. extra headers may be nil. After an error, an ordinary reply is still possible. After success the
// caller closes the Conn.
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
	// the server's deadlines do not apply to the stream
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

// Upgrade sends req on conn and takes conn over. If the reply is neither 101 nor 200, it returns the reply with its
// body open, and no Conn. The caller closes conn in any case.
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
