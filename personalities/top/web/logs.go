package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/containerd/errdefs"

	"box/netapi/client"
	"box/netapi/wire"
)

// Limits of a log that is read.
const (
	maxTail = 20000    // lines
	maxLine = 16 << 10 // bytes; the rest of a longer line is left out
)

// take takes one of the places for streams, or returns an error if all are in use.
func (s *Server) take() (free func(), err error) {
	select {
	case s.streams <- struct{}{}:
		return func() { <-s.streams }, nil
	default:
		return nil, errors.Join(errors.New("too many logs and pulls are under way"), errdefs.ErrResourceExhausted)
	}
}

// logs sends the last lines of a container's log, and then what follows. Each line begins with o or e, for its stream,
// and has the time in front of it.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) error {
	h, id, err := s.hostContainer(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	tail, err := strconv.Atoi(q.Get("tail"))
	if err != nil || tail < 0 || tail > maxTail {
		return fmt.Errorf("tail is not 0 to %d: %w", maxTail, errdefs.ErrInvalidArgument)
	}
	free, err := s.take()
	if err != nil {
		return err
	}
	defer free()
	about, err := inspect(r.Context(), h.Client(), id)
	if err != nil {
		return err
	}
	body, err := h.Client().ContainerLogs(r.Context(), id, client.Logs{Stdout: true, Stderr: true, Timestamps: true,
		Follow: q.Get("follow") == "1", Tail: strconv.Itoa(tail)})
	if err != nil {
		return err
	}
	defer body.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := newFlow(w)
	if err := out.write(nil); err != nil { // the headers, though there may be no line for long
		return nil
	}
	stdout, stderr := &lines{out: out, stream: 'o'}, &lines{out: out, stream: 'e'}
	if about.Config.Tty {
		_, err = io.Copy(stdout, body)
	} else {
		err = wire.Demux(stdout, stderr, body)
	}
	_ = errors.Join(err, stdout.end(), stderr.end()) // the reply has begun; its end says it
	return nil
}

// lines cuts what it is given into lines and sends them with the letter of their stream.
type lines struct {
	out    *flow
	stream byte
	part   []byte // of a line whose end has not come
	over   bool   // part is cut off
}

// Write sends the lines that are whole.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	var ready bytes.Buffer
	for len(p) > 0 {
		piece, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(l.part); len(piece) > room {
			piece, l.over = piece[:max(0, room)], true
		}
		l.part = append(l.part, piece...)
		if whole {
			l.take(&ready)
		}
		p = rest
	}
	if ready.Len() == 0 {
		return n, nil
	}
	return n, l.out.write(ready.Bytes())
}

// take moves the line to a buffer.
func (l *lines) take(to *bytes.Buffer) {
	to.WriteByte(l.stream)
	to.Write(bytes.TrimSuffix(l.part, []byte("\r")))
	if l.over {
		to.WriteString("…")
	}
	to.WriteByte('\n')
	l.part, l.over = l.part[:0], false
}

// end sends a last line without an end.
func (l *lines) end() error {
	if len(l.part) == 0 {
		return nil
	}
	_, err := l.Write([]byte("\n"))
	return err
}
