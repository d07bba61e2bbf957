package wire

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
)

// WebSocket is the server's side of a connection by RFC 6455. Each Write is a message. Messages of the client are read
// as one stream, whatever their type. One goroutine may read while others write.
type WebSocket struct {
	net.Conn
	binary bool // messages are binary instead of text

	reading sync.Mutex // held by Read
	r       *bufio.Reader
	left    uint64 // of the current frame
	mask    [4]byte
	at      int // index in mask
	err     error

	writing sync.Mutex
	closed  bool // a close frame was sent, after which nothing may follow
}

// Opcodes, section 5.2.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

const (
	maxControl  = 125             // maximum payload of a control frame, section 5.5
	finalFrame  = 0x80            // bit in the first byte
	maskedFrame = 0x80            // bit in the second byte
	closeWait   = 1 * time.Second // how long a client may take to answer a close frame
)

// AcceptWebSocket takes over the connection of a request for a WebSocket (section 4.2). After an error, an ordinary
// reply is still possible.
func AcceptWebSocket(w http.ResponseWriter, r *http.Request, binary bool) (*WebSocket, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	raw, err := base64.StdEncoding.DecodeString(key)
	switch {
	case !hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", "websocket"):
		return nil, fmt.Errorf("not a request for a WebSocket: %w", errdefs.ErrInvalidArgument)
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		return nil, fmt.Errorf("the version of the WebSocket protocol is not 13: %w", errdefs.ErrInvalidArgument)
	case err != nil || len(raw) != 16:
		return nil, fmt.Errorf("the key of the WebSocket is not 16 bytes: %w", errdefs.ErrInvalidArgument)
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("hijack the connection of %s: %w", r.URL.Path, err)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if p := r.Header.Get("Sec-WebSocket-Protocol"); p != "" && !strings.Contains(p, ",") {
		head += "Sec-WebSocket-Protocol: " + p + "\r\n"
	}
	err = conn.SetDeadline(time.Time{}) // the server's deadlines are not the stream's
	if err == nil {
		_, err = io.WriteString(conn, head+"\r\n")
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("answer the upgrade of %s: %w", r.URL.Path, err)
	}
	return &WebSocket{Conn: conn, binary: binary, r: rw.Reader}, nil
}

// hasToken tells whether a header with a list contains a token.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for _, word := range strings.Split(line, ",") {
			if strings.EqualFold(strings.TrimSpace(word), token) {
				return true
			}
		}
	}
	return false
}

// Write sends p as one message. An empty p sends nothing.
func (s *WebSocket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	op := byte(opText)
	if s.binary {
		op = opBinary
	}
	if err := s.frame(op, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// frame sends a frame in one write.
func (s *WebSocket) frame(op byte, p []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = op == opClose
	b := append(make([]byte, 0, 10+len(p)), finalFrame|op)
	switch n := len(p); {
	case n <= maxControl:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	_, err := s.Conn.Write(append(b, p...))
	return err
}

// Read reads the payloads of messages. It returns io.EOF when the client has closed the connection, with or without a
// close frame.
func (s *WebSocket) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for s.err == nil && s.left == 0 {
		s.err = s.next()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p[:min(uint64(len(p)), s.left)])
	s.unmask(p[:n])
	s.left -= uint64(n)
	return n, err
}

func (s *WebSocket) unmask(p []byte) {
	for i := range p {
		p[i] ^= s.mask[s.at&3]
		s.at++
	}
}

// next reads the header of a frame, and handles control frames.
func (s *WebSocket) next() error {
	var head [2]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return err
	}
	op, length := head[0]&0xf, uint64(head[1]&^maskedFrame)
	extended := 0 // bytes of a longer length
	switch length {
	case 126:
		extended = 2
	case 127:
		extended = 8
	}
	rest := make([]byte, extended+len(s.mask))
	if head[0]&0x70 != 0 || head[1]&maskedFrame == 0 {
		return s.fail("a frame without a mask, or of an extension")
	}
	if _, err := io.ReadFull(s.r, rest); err != nil {
		return err
	}
	for i := range extended {
		if i == 0 {
			length = 0
		}
		length = length<<8 | uint64(rest[i])
	}
	s.mask, s.at = [4]byte(rest[extended:]), 0
	switch op {
	case opContinuation, opText, opBinary:
		s.left = length
		return nil
	case opClose, opPing, opPong:
		return s.control(op, head[0], length)
	}
	return s.fail(fmt.Sprintf("a frame of kind %d", op))
}

func (s *WebSocket) control(op, first byte, length uint64) error {
	if length > maxControl || first&finalFrame == 0 {
		return s.fail("a long control frame")
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(s.r, payload); err != nil {
		return err
	}
	s.unmask(payload)
	switch op {
	case opPing:
		return s.frame(opPong, payload)
	case opClose:
		_ = s.frame(opClose, payload[:min(2, len(payload))]) // the same status; an error means that ours is out
		return io.EOF
	}
	return nil
}

// fail ends the connection of a client that violates the protocol, with status 1002 (section 7.4.1).
func (s *WebSocket) fail(why string) error {
	_ = s.frame(opClose, append([]byte{0x03, 0xea}, why...)) // the client may be gone
	return fmt.Errorf("WebSocket: %s: %w", why, errdefs.ErrInvalidArgument)
}

// CloseWrite sends a close frame with status 1000, which the client answers.
func (s *WebSocket) CloseWrite() error { return s.frame(opClose, []byte{0x03, 0xe8}) }

// Close closes the connection. It gives the client a moment to answer a close frame first, so that nothing that was
// sent is lost.
func (s *WebSocket) Close() error {
	_ = s.CloseWrite() // or it is out already
	_ = s.Conn.SetDeadline(time.Now().Add(closeWait))
	buf := make([]byte, 512)
	for {
		if _, err := s.Read(buf); err != nil {
			return s.Conn.Close()
		}
	}
}
