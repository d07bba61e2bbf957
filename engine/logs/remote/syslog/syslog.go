// Package syslog sends lines by the protocols of RFC 3164 and RFC 5424.
package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
)

// Options are the driver's options besides those of all drivers.
var Options = []string{
	"syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key",
	"syslog-tls-skip-verify",
}

// Check refuses invalid option values with Docker's errors.
func Check(options map[string]string) error {
	_, err := parse(options)
	return err
}

// config is the parsed options.
type config struct {
	network, address string // both "" for the host's own daemon
	facility         int
	format           string
}

// facilities are the names in RFC 5424, section 6.2.1, by number; "" has no name.
var facilities = []string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
	"ftp", "", "", "", "",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

const overTLS = "tcp+tls"

func parse(options map[string]string) (c config, err error) {
	if c.network, c.address, err = parseAddress(options["syslog-address"]); err != nil {
		return c, err
	}
	if c.facility, err = parseFacility(options["syslog-facility"]); err != nil {
		return c, err
	}
	c.format = options["syslog-format"]
	if !slices.Contains([]string{"", "rfc3164", "rfc5424", "rfc5424micro"}, c.format) {
		return c, errors.New("Invalid syslog format")
	}
	return c, nil
}

func parseAddress(text string) (network, address string, err error) {
	if text == "" {
		return "", "", nil
	}
	u, err := remote.ParseTransport("syslog-address", text)
	if err != nil {
		return "", "", err
	}
	if u.Scheme == "unix" || u.Scheme == "unixgram" {
		_, err := os.Stat(u.Path)
		return u.Scheme, u.Path, err
	}
	address, err = remote.WithPort(u.Host, "514")
	return u.Scheme, address, err
}

func parseFacility(text string) (int, error) {
	if text == "" {
		text = "daemon"
	}
	if i := slices.Index(facilities, text); i >= 0 {
		return i, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(facilities) {
		return n, nil
	}
	return 0, errors.New("invalid syslog facility")
}

// sender implements the driver.
type sender struct {
	*remote.Connection
	config
	tag, host string
	pid       int
	buf       []byte
}

// Open makes the driver without connecting.
func Open(c driver.Config) (remote.Driver, error) {
	cfg, err := parse(c.Options)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("logger: can not resolve hostname: %w", err)
	}
	s := &sender{config: cfg, tag: c.Tag, host: host, pid: os.Getpid()}
	s.Connection = &remote.Connection{Tries: 2}
	switch cfg.network {
	case "":
		s.Dial = dialHost
	case overTLS:
		t, err := clientTLS(c.Options)
		if err != nil {
			return nil, err
		}
		s.Dial = func(ctx context.Context) (net.Conn, error) {
			return (&tls.Dialer{Config: t}).DialContext(ctx, "tcp", cfg.address)
		}
	default:
		s.Dial = remote.Dialer(cfg.network, cfg.address)
	}
	return s, nil
}

// dialHost connects to the host's own syslog daemon.
func dialHost(ctx context.Context) (net.Conn, error) {
	for _, network := range []string{"unixgram", "unix"} {
		for _, path := range []string{"/dev/log", "/var/run/syslog", "/var/run/log"} {
			if c, err := remote.Dialer(network, path)(ctx); err == nil {
				return c, nil
			}
		}
	}
	return nil, errors.New("Unix syslog delivery error")
}

// clientTLS returns the TLS configuration from the options.
func clientTLS(options map[string]string) (*tls.Config, error) {
	_, skip := options["syslog-tls-skip-verify"]
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: skip}
	if path := options["syslog-tls-ca-cert"]; path != "" && !skip {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("could not read CA certificate %q: %w", path, err)
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("failed to append certificates from PEM file: %q", path)
		}
	}
	cert, key := options["syslog-tls-cert"], options["syslog-tls-key"]
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("Could not load X509 key pair: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (s *sender) Server() *remote.Connection { return s.Connection }
func (s *sender) Flush() error               { return nil }

func (s *sender) Log(ctx context.Context, l *driver.Line) error {
	if len(l.Text) == 0 {
		return nil // as in Docker
	}
	s.buf = s.appendMessage(s.buf[:0], l)
	err := s.Send(ctx, s.buf)
	if cap(s.buf) > 4<<10 {
		s.buf = nil
	}
	return err
}

func (s *sender) appendMessage(b []byte, l *driver.Line) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(s.facility<<3|remote.Severity(l.Stream)), 10)
	b = append(b, '>')
	switch s.format {
	case "rfc5424":
		b = s.append5424(b, l, time.RFC3339)
	case "rfc5424micro":
		b = s.append5424(b, l, "2006-01-02T15:04:05.000000Z07:00")
	default:
		b = l.Time.Local().AppendFormat(b, time.Stamp)
		b = append(b, ' ')
		if s.format == "rfc3164" {
			b = append(append(b, s.host...), ' ')
		}
		b = append(b, s.tag...)
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(s.pid), 10)
		b = append(b, "]: "...)
	}
	b = append(b, l.Text...)
	if len(l.Text) == 0 || l.Text[len(l.Text)-1] != '\n' {
		b = append(b, '\n')
	}
	if s.network == overTLS && (s.format == "rfc5424" || s.format == "rfc5424micro") {
		return append([]byte(strconv.Itoa(len(b))+" "), b...) // RFC 5425, section 4.3
	}
	return b
}

// append5424 appends version, time, host, name, process and message ID, and no structured data.
func (s *sender) append5424(b []byte, l *driver.Line, layout string) []byte {
	b = append(b, "1 "...)
	b = l.Time.Local().AppendFormat(b, layout)
	b = fmt.Appendf(b, " %s %s %d %s - ", s.host, s.tag, s.pid, s.tag)
	return b
}
