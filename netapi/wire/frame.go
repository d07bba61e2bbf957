// Package wire is both halves of what crosses the API connection besides plain JSON: multiplexed
// streams, the hijack of a connection, progress as lines of JSON, and the values carried in headers.
package wire

import (
	"bufio"
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

// Demux copies the frames of r to stdout and stderr until r ends; nil writers swallow their stream. What comes
// together is written together, and nothing is held back while more is waited for. A System frame ends it with the
// daemon's text as the error. An end inside a frame is io.ErrUnexpectedEOF.
func Demux(stdout, stderr io.Writer, r io.Reader) error {
	in := bufio.NewReaderSize(r, 32<<10)
	out := &demuxed{stdout: stdout, stderr: stderr}
	for {
		if in.Buffered() < frameHeader {
			if err := out.flush(); err != nil {
				return err
			}
		}
		err := out.frame(in)
		if errors.Is(err, errNoFrame) {
			return out.flush()
		}
		if err != nil {
			return errors.Join(err, out.flush())
		}
	}
}

// errNoFrame is the end of the frames.
var errNoFrame = errors.New("end of the stream")

// demuxed is where frames go, and the payloads of those of one stream that are not written yet.
type demuxed struct {
	stdout, stderr io.Writer
	stream         Stream
	to             io.Writer // stream's
	held           []byte
}

func (d *demuxed) flush() error {
	if len(d.held) == 0 {
		return nil
	}
	_, err := d.to.Write(d.held)
	d.held = d.held[:0]
	return err
}

// frame takes one frame.
func (d *demuxed) frame(in *bufio.Reader) error {
	var header [frameHeader]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return errNoFrame
		}
		return fmt.Errorf("read the header of a stream frame: %w", err)
	}
	n := int(binary.BigEndian.Uint32(header[4:]))
	if n > MaxFrame || header[1]|header[2]|header[3] != 0 {
		return fmt.Errorf("stream frame with header %x: not a multiplexed stream, or over %d bytes", header, MaxFrame)
	}
	if err := d.choose(Stream(header[0]), io.LimitReader(in, int64(n))); err != nil {
		return err
	}
	for n > 0 {
		if in.Buffered() == 0 || len(d.held) >= in.Size() {
			if err := d.flush(); err != nil {
				return err
			}
		}
		part, err := in.Peek(min(n, max(1, in.Buffered())))
		if err != nil {
			return fmt.Errorf("read a stream frame that lacks %d bytes: %w", n, io.ErrUnexpectedEOF)
		}
		d.held = append(d.held, part...)
		n -= len(part)
		_, _ = in.Discard(len(part)) // they are there
	}
	return nil
}

// choose turns to a stream's writer.
func (d *demuxed) choose(stream Stream, body io.Reader) error {
	var w io.Writer
	switch stream {
	case Stdin, Stdout:
		w = d.stdout
	case Stderr:
		w = d.stderr
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
	if stream != d.stream {
		if err := d.flush(); err != nil {
			return err
		}
	}
	d.stream, d.to = stream, w
	return nil
}
