// Package journald sends lines to systemd's journal by its native protocol, each as a datagram of fields.
package journald

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
)

// socketPath is where journald listens.
const socketPath = "/run/systemd/journal/socket"

// sender implements the driver.
type sender struct {
	*remote.Connection
	fields []byte // fields of every line
	buf    []byte
}

// Open makes the driver without connecting.
func Open(c driver.Config) (remote.Driver, error) { return open(c, socketPath), nil }

func open(c driver.Config, socket string) *sender {
	j := &sender{Connection: &remote.Connection{Tries: 2, Large: sendMemory}}
	j.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := remote.Dialer("unixgram", socket)(ctx)
		if err != nil {
			return nil, errors.New("journald is not enabled on this host")
		}
		return conn, nil
	}
	short := c.ID[:min(12, len(c.ID))]
	for _, f := range [][2]string{{"CONTAINER_ID", short}, {"CONTAINER_ID_FULL", c.ID}, {"CONTAINER_NAME", c.Name},
		{"CONTAINER_TAG", c.Tag},
		{"IMAGE_NAME", c.ImageName}, {"SYSLOG_IDENTIFIER", c.Tag}} {
		j.fields = appendField(j.fields, f[0], []byte(f[1]))
	}
	for key, v := range c.Attrs {
		j.fields = appendField(j.fields, fieldName(key), []byte(v))
	}
	return j
}

// fieldName converts a label's name to a field's: capitals, digits and underscores, without leading underscores.
func fieldName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
	return strings.TrimLeft(s, "_")
}

// appendField appends NAME=value or, if the value has a newline, its length and the value.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	if bytes.IndexByte(value, '\n') < 0 {
		b = append(append(b, '='), value...)
		return append(b, '\n')
	}
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(append(b, value...), '\n')
}

func (j *sender) Server() *remote.Connection { return j.Connection }
func (j *sender) Flush() error               { return nil }

func (j *sender) Log(ctx context.Context, l *driver.Line) error {
	b := appendField(j.buf[:0], "MESSAGE", l.Text)
	b = appendField(b, "PRIORITY", strconv.AppendInt(nil, int64(remote.Severity(l.Stream)), 10))
	b = append(b, j.fields...)
	b = appendField(b, "SYSLOG_TIMESTAMP", []byte(l.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")))
	if l.Part > 0 {
		b = appendField(b, "CONTAINER_PARTIAL_ID", []byte(l.ID))
		b = appendField(b, "CONTAINER_PARTIAL_ORDINAL", strconv.AppendInt(nil, int64(l.Part), 10))
		b = appendField(b, "CONTAINER_PARTIAL_LAST", strconv.AppendBool(nil, l.Last))
		if !l.Last {
			b = appendField(b, "CONTAINER_PARTIAL_MESSAGE", []byte("true"))
		}
	}
	if j.buf = b; cap(b) > 4<<10 {
		j.buf = nil
	}
	return j.Send(ctx, b)
}

// sendMemory sends what is too long for a datagram as the descriptor of a sealed memory file.
func sendMemory(c net.Conn, b []byte) error {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("a descriptor over a %T: %w", c, errdefs.ErrInvalidArgument)
	}
	fd, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for rest := b; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(to uintptr) bool {
		sent = unix.Sendmsg(int(to), nil, unix.UnixRights(fd), nil, 0)
		return sent != unix.EAGAIN
	})
	return errors.Join(err, sent)
}
