package screen

import (
	"bytes"
	"io"

	"box/netapi/wire"
)

// splitLog sends the lines of a log as they come, those that come together as one answer.
func splitLog(r io.Reader, tty bool, emit func(any)) error {
	out, errs := &cutter{emit: emit}, &cutter{emit: emit, stderr: true}
	var err error
	if tty {
		_, err = io.Copy(out, r)
	} else {
		err = wire.Demux(out, errs, r)
	}
	out.rest()
	errs.rest()
	return err
}

// cutter cuts one stream into lines.
type cutter struct {
	emit    func(any)
	stderr  bool
	pending []byte // a line without its end
}

// Write never fails.
func (c *cutter) Write(p []byte) (int, error) {
	var lines logLines
	data := append(c.pending, p...)
	for {
		text, rest, ended := bytes.Cut(data, []byte("\n"))
		if !ended && len(data) <= maxText {
			break
		}
		if !ended { // a line without end is cut
			text, rest = data[:maxText], data[maxText:]
		}
		lines = append(lines, logLine{string(bytes.TrimSuffix(text, []byte("\r"))), c.stderr})
		data = rest
	}
	c.pending = bytes.Clone(data)
	if len(lines) > 0 {
		c.emit(lines)
	}
	return len(p), nil
}

func (c *cutter) rest() {
	if len(c.pending) > 0 {
		c.emit(logLines{{string(c.pending), c.stderr}})
	}
}
