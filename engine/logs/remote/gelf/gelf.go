// Package gelf sends lines in the Graylog Extended Log Format, version 1.1: compressed and in chunks over UDP,
// terminated by a zero byte over TCP.
package gelf

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
)

// Options are the driver's options besides those of all drivers.
var Options = []string{
	"gelf-address", "gelf-compression-level", "gelf-compression-type", "gelf-tcp-max-reconnect",
	"gelf-tcp-reconnect-delay",
}

// Check refuses invalid option values with Docker's errors.
func Check(options map[string]string) error {
	_, err := parse(options)
	return err
}

// config is the parsed options.
type config struct {
	network, address string
	compression      string
	level            int
	reconnects       int
	delay            time.Duration
}

func parse(options map[string]string) (c config, err error) {
	address, ok := options["gelf-address"]
	if !ok {
		return c, errors.New("gelf-address is a required parameter")
	}
	u, err := remote.ParseTransport("gelf-address", address)
	if err != nil {
		return c, err
	}
	if u.Scheme != "tcp" && u.Scheme != "udp" {
		return c, errors.New("gelf: endpoint needs to be TCP or UDP")
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return c, errors.New("gelf: please provide gelf-address as proto://host:port")
	}
	c = config{network: u.Scheme, address: u.Host, compression: "gzip", level: flate.BestSpeed, reconnects: 3,
		delay: time.Second}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if err := c.set(key, options[key]); err != nil {
			return c, err
		}
	}
	return c, nil
}

// set parses one option.
func (c *config) set(key, v string) error {
	suffix := strings.TrimPrefix(key, "gelf-")
	switch {
	case strings.HasPrefix(suffix, "compression-") && c.network != "udp":
		return errors.New("compression is only supported on UDP")
	case strings.HasPrefix(suffix, "tcp-") && c.network != "tcp":
		return fmt.Errorf("%q is only valid for TCP", key)
	}
	n, err := strconv.Atoi(v)
	switch suffix {
	case "compression-level":
		if err != nil || n < flate.DefaultCompression || n > flate.BestCompression {
			return fmt.Errorf("unknown value %q for log opt %q for gelf log driver", v, key)
		}
		c.level = n
	case "compression-type":
		if v != "gzip" && v != "zlib" && v != "none" {
			return fmt.Errorf("unknown value %q for log opt %q for gelf log driver", v, key)
		}
		c.compression = v
	case "tcp-max-reconnect", "tcp-reconnect-delay":
		if err != nil || n < 0 {
			return fmt.Errorf("%q must be a positive integer", key)
		}
		if suffix == "tcp-max-reconnect" {
			c.reconnects = n
		} else {
			c.delay = time.Duration(n) * time.Second
		}
	}
	return nil
}

// sender implements the driver.
type sender struct {
	*remote.Connection
	config
	head  []byte // {"version":...,"host":...,"short_message":
	extra []byte // ,"_container_id":... to the end
	buf   []byte
}

// Open makes the driver without connecting.
func Open(c driver.Config) (remote.Driver, error) {
	cfg, err := parse(c.Options)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, errors.New("gelf: cannot access hostname to set source field")
	}
	g := &sender{config: cfg, Connection: &remote.Connection{Tries: 2}}
	if cfg.network == "tcp" {
		g.Tries = 1 + cfg.reconnects
		g.Pause = func(int) time.Duration { return cfg.delay }
	}
	g.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := remote.Dialer(cfg.network, cfg.address)(ctx)
		if err != nil {
			return nil, fmt.Errorf("gelf: cannot connect to GELF endpoint: %s %w", cfg.address, err)
		}
		return conn, nil
	}
	g.head = append(driver.AppendJSON([]byte(`{"version":"1.1","host":`), []byte(host), ""), `,"short_message":`...)
	extra := map[string]string{
		"_container_id": c.ID, "_container_name": c.Name, "_image_id": c.ImageID, "_image_name": c.ImageName,
		"_command": c.Command, "_tag": c.Tag, "_created": c.Created.UTC().Format(time.RFC3339Nano),
	}
	for key, v := range c.Attrs {
		if !strings.HasPrefix(key, "_") {
			key = "_" + key
		}
		extra[key] = v
	}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		g.extra = driver.AppendJSON(append(g.extra, ','), []byte(key), "")
		g.extra = driver.AppendJSON(append(g.extra, ':'), []byte(extra[key]), "")
	}
	g.extra = append(g.extra, '}')
	return g, nil
}

func (g *sender) Server() *remote.Connection { return g.Connection }
func (g *sender) Flush() error               { return nil }

func (g *sender) Log(ctx context.Context, l *driver.Line) error {
	if len(l.Text) == 0 {
		return nil // servers refuse such messages
	}
	b := driver.AppendJSON(append(g.buf[:0], g.head...), l.Text, "")
	b = append(b, `,"timestamp":`...)
	b = strconv.AppendFloat(b, float64(l.Time.UnixMilli())/1000, 'f', -1, 64)
	b = append(b, `,"level":`...)
	b = strconv.AppendInt(b, int64(remote.Severity(l.Stream)), 10)
	b = append(b, g.extra...)
	if g.buf = b; cap(b) > 4<<10 {
		g.buf = nil
	}
	if g.network == "tcp" {
		return g.Send(ctx, append(b, 0))
	}
	b, err := g.compress(b)
	if err != nil {
		return err
	}
	return g.sendChunks(ctx, b)
}

func (g *sender) compress(b []byte) ([]byte, error) {
	var out bytes.Buffer
	var z io.WriteCloser
	var err error
	switch g.compression {
	case "gzip":
		z, err = gzip.NewWriterLevel(&out, g.level)
	case "zlib":
		z, err = zlib.NewWriterLevel(&out, g.level)
	default:
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// Sizes of GELF chunks over UDP.
const (
	datagramSize = 1420 // fits into an Ethernet frame
	headSize     = 12
	mostChunks   = 128
)

// sendChunks sends a message as one datagram or as several, each with a header (two bytes of magic, an ID, number and
// count) and a part of it.
func (g *sender) sendChunks(ctx context.Context, b []byte) error {
	if len(b) <= datagramSize {
		return g.Send(ctx, b)
	}
	const room = datagramSize - headSize
	count := (len(b) + room - 1) / room
	if count > mostChunks {
		return fmt.Errorf("gelf: message of %d bytes does not fit into %d chunks", len(b), mostChunks)
	}
	datagram := make([]byte, headSize, datagramSize)
	datagram[0], datagram[1] = 0x1e, 0x0f
	_, _ = rand.Read(datagram[2:10]) // never fails
	datagram[11] = byte(count)
	for i := range count {
		datagram[10] = byte(i)
		part := b[i*room : min((i+1)*room, len(b))]
		if err := g.Send(ctx, append(datagram, part...)); err != nil {
			return err
		}
	}
	return nil
}
