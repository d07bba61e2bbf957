package logs

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
)

// fluentdConfig is what the options of fluentd say.
type fluentdConfig struct {
	network, address string
	async            bool
	buffer           int // bytes
	retries          int
	wait             time.Duration
	renew            time.Duration
	ack              bool
	exact            bool // times to the nanosecond
}

func parseFluentd(options map[string]string) (c fluentdConfig, err error) {
	get := func(name string) string { return options["fluentd-"+name] }
	if c.network, c.address, err = parseFluentdAddress(get("address")); err != nil {
		return c, err
	}
	c.buffer, c.wait, c.retries = defaultQueue, time.Second, math.MaxInt32
	if s := get("buffer-limit"); s != "" {
		n, err := ramInBytes(s)
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

func parseFluentdAddress(text string) (network, address string, err error) {
	const port = "24224"
	if text == "" {
		return "tcp", "127.0.0.1:" + port, nil
	}
	network, address = "tcp", text
	if scheme, _, ok := strings.Cut(text, "://"); ok && slices.Contains(transports, scheme) {
		u, err := parseTransport("fluentd-address", text)
		if err != nil {
			return "", "", fmt.Errorf("invalid fluentd-address %s: %w", text, err)
		}
		if u.Scheme == "unix" || u.Scheme == "unixgram" {
			return u.Scheme, u.Path, nil
		}
		network, address = u.Scheme, u.Host
	}
	if address, err = withPort(address, port); err == nil {
		_, p, _ := net.SplitHostPort(address)
		_, err = strconv.Atoi(p)
	}
	if err != nil {
		return "", "", fmt.Errorf("invalid fluentd-address %s: %w", text, err)
	}
	return network, address, nil
}

// fluentd sends lines by the forward protocol of Fluentd, version 1, each as a message of its own.
type fluentd struct {
	*target
	fluentdConfig
	tag   string
	extra map[string]string // fields that all lines have
	chunk string            // ID of the message that waits for its answer
	buf   []byte
}

func openFluentd(c Config) (remote, error) {
	config, err := parseFluentd(c.Options)
	if err != nil {
		return nil, err
	}
	f := &fluentd{fluentdConfig: config, tag: c.Tag,
		extra: map[string]string{"container_id": c.ID, "container_name": "/" + c.Name}}
	maps.Copy(f.extra, c.Attrs)
	f.target = &target{tries: config.retries, pause: growing(config.wait), renew: config.renew, lazy: config.async}
	f.dial = dialer(config.network, config.address)
	if config.async {
		f.queue = config.buffer
	}
	if config.ack {
		f.reply = f.awaitAck
	}
	return f, nil
}

func (f *fluentd) connection() *target { return f.target }
func (f *fluentd) flush() error        { return nil }

func (f *fluentd) log(ctx context.Context, l *Line) error {
	b := f.appendEvent(f.buf[:0], l)
	if f.buf = b; cap(b) > 4<<10 {
		f.buf = nil
	}
	return f.send(ctx, b)
}

// appendEvent appends [tag, time, record] in MessagePack, or [tag, time, record, {"chunk": ID}].
func (f *fluentd) appendEvent(b []byte, l *Line) []byte {
	items := 3
	if f.ack {
		items = 4
	}
	b = append(b, 0x90|byte(items))
	b = packString(b, f.tag)
	b = f.appendTime(b, l.Time)
	n := 2 + len(f.extra)
	if l.Part > 0 {
		n += 4
	}
	b = packMap(b, n)
	b = packPair(b, "source", l.Stream.String())
	b = append(packLength(packString(b, "log"), len(l.Text)), l.Text...)
	for _, key := range slices.Sorted(maps.Keys(f.extra)) {
		b = packPair(b, key, f.extra[key])
	}
	if l.Part > 0 {
		b = packPair(b, "partial_message", "true")
		b = packPair(b, "partial_id", l.ID)
		b = packPair(b, "partial_ordinal", strconv.Itoa(l.Part))
		b = packPair(b, "partial_last", strconv.FormatBool(l.Last))
	}
	if f.ack {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		f.chunk = base64.StdEncoding.EncodeToString(id[:])
		b = packPair(packMap(b, 1), "chunk", f.chunk)
	}
	return b
}

// appendTime appends seconds, or with the option an EventTime, which has nanoseconds too.
func (f *fluentd) appendTime(b []byte, at time.Time) []byte {
	if !f.exact {
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(at.Unix()))
	}
	b = append(b, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

// packPair appends a key and a text.
func packPair(b []byte, key, s string) []byte { return packString(packString(b, key), s) }

// packString appends a text; what is no UTF-8 goes as it is, as in Docker.
func packString(b []byte, s string) []byte { return append(packLength(b, len(s)), s...) }

// packLength appends what is before a text.
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
func (f *fluentd) awaitAck(c net.Conn) error {
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
