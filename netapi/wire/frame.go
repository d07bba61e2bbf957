// Package wire has both sides of what the API sends besides plain JSON: multiplexed streams, hijacked connections,
// progress as lines of JSON, and values in headers.
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Stream is the first byte of a frame: the stream to which its payload belongs.
type Stream byte

// The streams of a multiplexed connection. System carries an error of the daemon.
const (
	Stdin Stream = iota
	Stdout
	Stderr
	System
)

// frameHeader is the length of a frame's header: the stream, three zeros, and the payload's length as big-endian
// uint32.
const frameHeader = 8

// MaxFrame is the maximum payload of a frame that Demux accepts. Docker's daemons send at most 32 KiB; 16 MiB allows
// for log drivers that do not split lines.
const MaxFrame = 16 << 20

// FrameWriter writes frames of one stream. Writers of several streams on a connection share a mutex.
type FrameWriter struct {
	w      io.Writer
	mu     *sync.Mutex
	stream Stream
	buf    []byte
}

// NewFrameWriter returns a writer for one stream. mu is shared by all streams on w.
func NewFrameWriter(w io.Writer, mu *sync.Mutex, stream Stream) *FrameWriter {
	return &FrameWriter{w: w, mu: mu, stream: stream}
}

// Write sends p as one frame, or more if it is longer than MaxFrame. An empty p sends nothing.
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

// Demux copies the payloads of frames to stdout and stderr until r ends. A nil writer drops its stream. Frames that
// arrive together are written together; nothing is delayed. A System frame is returned as an error. If r ends inside a
// frame, the error is io.ErrUnexpectedEOF.
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

// errNoFrame reports the end of the frames.
var errNoFrame = errors.New("end of the stream")

// demuxed collects payloads of one stream and writes them to its writer.
type demuxed struct {
	stdout, stderr io.Writer
	stream         Stream
	to             io.Writer // writer of stream
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

// frame reads one frame.
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

// choose selects the writer of a stream.
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
