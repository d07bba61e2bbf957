// Package wire is both halves of what crosses the API connection besides plain JSON: multiplexed
// streams, the hijack of a connection, progress as lines of JSON, and the values carried in headers.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Stream is the first byte of a frame: which of the program's streams its payload belongs to.
type Stream byte

// The streams of a multiplexed connection. System carries an error text of the daemon, not output.
const (
	Stdin Stream = iota
	Stdout
	Stderr
	System
)

// frameHeader is the length of a header: stream, three zeros, payload length as big-endian uint32.
const frameHeader = 8

// MaxFrame is the longest payload that Demux accepts in one frame. Docker's daemons copy in pieces of
// 32 KiB and log lines are split at 16 KiB; 16 MiB leaves room for drivers that do not split.
const MaxFrame = 16 << 20

// FrameWriter writes everything as frames of one stream. Writers of several streams on one connection
// share a mutex, so that frames never interleave.
type FrameWriter struct {
	w      io.Writer
	mu     *sync.Mutex
	stream Stream
	buf    []byte
}

// NewFrameWriter returns a writer of frames of one stream; mu is shared with the other streams on w.
func NewFrameWriter(w io.Writer, mu *sync.Mutex, stream Stream) *FrameWriter {
	return &FrameWriter{w: w, mu: mu, stream: stream}
}

// Write sends p as one frame, header and payload in one write. An empty p sends nothing.
func (f *FrameWriter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sent := 0; sent < len(p); {
		part := p[sent:min(len(p), sent+MaxFrame)]
		f.buf = append(f.buf[:0], byte(f.stream), 0, 0, 0, 0, 0, 0, 0)
		binary.BigEndian.PutUint32(f.buf[4:], uint32(len(part)))
		f.buf = append(f.buf, part...)
		if _, err := f.w.Write(f.buf); err != nil {
			return sent, err
		}
		sent += len(part)
		if cap(f.buf) > 64<<10 {
			f.buf = nil
		}
	}
	return len(p), nil
}

// Demux copies the frames of r to stdout and stderr until r ends; nil writers swallow their stream.
// A System frame ends it with the daemon's text as the error. An end inside a frame is
// io.ErrUnexpectedEOF.
func Demux(stdout, stderr io.Writer, r io.Reader) error {
	var header [frameHeader]byte
	buf := make([]byte, 32<<10)
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read the header of a stream frame: %w", err)
		}
		n := int64(binary.BigEndian.Uint32(header[4:]))
		if n > MaxFrame || header[1]|header[2]|header[3] != 0 {
			return fmt.Errorf("stream frame with header %x: not a multiplexed stream, or over %d bytes", header, MaxFrame)
		}
		body := &io.LimitedReader{R: r, N: n}
		if err := frameTo(Stream(header[0]), stdout, stderr, body, buf); err != nil {
			return err
		}
		if body.N != 0 {
			return fmt.Errorf("read a stream frame of %d bytes: %w", n, io.ErrUnexpectedEOF)
		}
	}
}

func frameTo(stream Stream, stdout, stderr io.Writer, body io.Reader, buf []byte) error {
	var w io.Writer
	switch stream {
	case Stdin, Stdout:
		w = stdout
	case Stderr:
		w = stderr
	case System:
		text, err := io.ReadAll(io.LimitReader(body, 64<<10))
		if err != nil {
			return err
		}
		return fmt.Errorf("error from daemon in stream: %s", text)
	default:
		return fmt.Errorf("stream frame for unknown stream %d", stream)
	}
	if w == nil {
		w = io.Discard
	}
	_, err := io.CopyBuffer(onlyWriter{w}, body, buf)
	return err
}

// onlyWriter hides ReadFrom, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }
