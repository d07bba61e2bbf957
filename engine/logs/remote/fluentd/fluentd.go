// Package fluentd sends lines by version 1 of Fluentd's forward protocol, each as its own message.
package fluentd

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
)

// Options are the driver's options besides those of all drivers.
var Options = []string{
	"fluentd-address", "fluentd-async", "fluentd-async-connect", "fluentd-async-reconnect-interval",
	"fluentd-buffer-limit",
	"fluentd-max-retries", "fluentd-request-ack", "fluentd-retry-wait", "fluentd-sub-second-precision",
	"fluentd-write-timeout",
}

// Check refuses invalid option values with Docker's errors.
func Check(options map[string]string) error {
	_, err := parse(options)
	return err
}

// defaultBuffer is how many bytes of lines may wait for a server that is connected to in the background.
const defaultBuffer = 1_000_000

// config is the parsed options.
type config struct {
	network, address string
	async            bool
	buffer           int // bytes
	retries          int
	wait             time.Duration
	renew            time.Duration
	ack              bool
	exact            bool // send times with nanoseconds
}

func parse(options map[string]string) (c config, err error) {
	get := func(name string) string { return options["fluentd-"+name] }
	if c.network, c.address, err = parseAddress(get("address")); err != nil {
		return c, err
	}
	c.buffer, c.wait, c.retries = defaultBuffer, time.Second, math.MaxInt32
	if s := get("buffer-limit"); s != "" {
		n, err := units.RAMInBytes(s)
		if err != nil {
			return c, err
		}
		c.buffer = int(n)
	}
	if s := get("retry-wait"); s != "" {
		if c.wait, err = time.ParseDuration(s); err != nil {
			return c, err
		}
	}
	if s := get("max-retries"); s != "" {
		n, err := strconv.ParseUint(s, 10, strconv.IntSize)
		if err != nil {
			return c, err
		}
		c.retries = int(min(n, math.MaxInt32))
	}
	if get("async") != "" && get("async-connect") != "" {
		return c, errors.New("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect")
	}
	connect := false
	for _, o := range []struct {
		name string
		to   *bool
	}{{"async", &c.async}, {"async-connect", &connect}, {"sub-second-precision", &c.exact}, {"request-ack", &c.ack}} {
		if s := get(o.name); s != "" {
			if *o.to, err = strconv.ParseBool(s); err != nil {
				return c, err
			}
		}
	}
	c.async = c.async || connect
	c.renew, err = parseRenewal(get("async-reconnect-interval"))
	return c, err
}

func parseRenewal(s string) (time.Duration, error) {
	const name, least, most = "fluentd-async-reconnect-interval", 100 * time.Millisecond, 10 * time.Second
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("invalid value for %s: %w", name, err)
	}
	if d != 0 && (d < least || d > most) {
		return 0, fmt.Errorf("invalid value for %s: value (%q) must be between %s and %s", name, d, least, most)
	}
	return d, nil
}

func parseAddress(text string) (network, address string, err error) {
	const port = "24224"
	if text == "" {
		return "tcp", "127.0.0.1:" + port, nil
	}
	network, address = "tcp", text
	if scheme, _, ok := strings.Cut(text, "://"); ok && slices.Contains(remote.Transports, scheme) {
		u, err := remote.ParseTransport("fluentd-address", text)
		if err != nil {
			return "", "", fmt.Errorf("invalid fluentd-address %s: %w", text, err)
		}
		if u.Scheme == "unix" || u.Scheme == "unixgram" {
			return u.Scheme, u.Path, nil
		}
		network, address = u.Scheme, u.Host
	}
	if address, err = remote.WithPort(address, port); err == nil {
		_, p, _ := net.SplitHostPort(address)
		_, err = strconv.Atoi(p)
	}
	if err != nil {
		return "", "", fmt.Errorf("invalid fluentd-address %s: %w", text, err)
	}
	return network, address, nil
}

// sender implements the driver.
type sender struct {
	*remote.Connection
	config
	tag   string
	extra map[string]string // fields of every line
	chunk string            // ID of the message that waits for its answer
	buf   []byte
}

// Open makes the driver without connecting.
func Open(c driver.Config) (remote.Driver, error) {
	cfg, err := parse(c.Options)
	if err != nil {
		return nil, err
	}
	f := &sender{config: cfg, tag: c.Tag,
		extra: map[string]string{"container_id": c.ID, "container_name": "/" + c.Name}}
	maps.Copy(f.extra, c.Attrs)
	f.Connection = &remote.Connection{Tries: cfg.retries, Pause: remote.Growing(cfg.wait), Renew: cfg.renew,
		Lazy: cfg.async}
	f.Dial = remote.Dialer(cfg.network, cfg.address)
	if cfg.async {
		f.Queue = cfg.buffer
	}
	if cfg.ack {
		f.Reply = f.awaitAck
	}
	return f, nil
}

func (f *sender) Server() *remote.Connection { return f.Connection }
func (f *sender) Flush() error               { return nil }

func (f *sender) Log(ctx context.Context, l *driver.Line) error {
	b := f.appendEvent(f.buf[:0], l)
	if f.buf = b; cap(b) > 4<<10 {
		f.buf = nil
	}
	return f.Send(ctx, b)
}

// appendEvent appends [tag, time, record] in MessagePack, or [tag, time, record, {"chunk": ID}] if the server is to
// answer.
func (f *sender) appendEvent(b []byte, l *driver.Line) []byte {
	items := 3
	if f.ack {
		items = 4
	}
	b = append(b, 0x90|byte(items))
	b = packString(b, f.tag)
	b = f.appendTime(b, l.Time)
	b = f.appendRecord(b, l)
	if f.ack {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		f.chunk = base64.StdEncoding.EncodeToString(id[:])
		b = packPair(packMap(b, 1), "chunk", f.chunk)
	}
	return b
}

// partFields are the extra fields for a part of a line.
var partFields = []string{"partial_message", "partial_id", "partial_ordinal", "partial_last"}

// appendRecord appends the fields of a line, each once: as in Docker a label replaces a field of the same name,
// except a field for parts.
func (f *sender) appendRecord(b []byte, l *driver.Line) []byte {
	labelled := func(name string) bool { _, is := f.extra[name]; return is }
	own := []string{"source", "log"}
	if l.Part > 0 {
		own = slices.Concat(own, partFields)
	}
	n := len(f.extra)
	for _, name := range own {
		if !labelled(name) {
			n++
		}
	}
	b = packMap(b, n)
	if !labelled("source") {
		b = packPair(b, "source", l.Stream.String())
	}
	if !labelled("log") {
		b = append(packLength(packString(b, "log"), len(l.Text)), l.Text...)
	}
	for _, key := range slices.Sorted(maps.Keys(f.extra)) {
		if l.Part == 0 || !slices.Contains(partFields, key) {
			b = packPair(b, key, f.extra[key])
		}
	}
	if l.Part > 0 {
		for i, v := range []string{"true", l.ID, strconv.Itoa(l.Part), strconv.FormatBool(l.Last)} {
			b = packPair(b, partFields[i], v)
		}
	}
	return b
}

// appendTime appends seconds or, if the option says so, an EventTime, which includes nanoseconds.
func (f *sender) appendTime(b []byte, at time.Time) []byte {
	if !f.exact {
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(at.Unix()))
	}
	b = append(b, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

// packPair appends a key and a string.
func packPair(b []byte, key, s string) []byte { return packString(packString(b, key), s) }

// packString appends a string. As in Docker, invalid UTF-8 stays as it is.
func packString(b []byte, s string) []byte { return append(packLength(b, len(s)), s...) }

// packLength appends the header of a string.
func packLength(b []byte, n int) []byte {
	switch {
	case n < 32:
		return append(b, 0xa0|byte(n))
	case n < 1<<8:
		return append(b, 0xd9, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
}

func packMap(b []byte, n int) []byte {
	if n < 16 {
		return append(b, 0x80|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(b, 0xde), uint16(n))
}

// awaitAck reads {"ack": ID}.
func (f *sender) awaitAck(c net.Conn) error {
	want := packPair(packMap(nil, 1), "ack", f.chunk)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("fluentd: answer to a message: %w", err)
	}
	if string(got) != string(want) {
		return errors.New("fluentd: answer to another message")
	}
	return nil
}
