package push

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Target is a database that numbers are sent to.
type Target struct {
	kind   kind
	secure bool
	host   string // with the port
	path   string // of the request
	query  url.Values
	prefix string // of Graphite's names

	user, password string // of InfluxDB 1
	secret         string // file with the password or the token, read at each try
	token          string // of InfluxDB 2
}

type kind int

const (
	influx1 kind = iota
	influx2
	graphite
)

// Forms are the addresses that Parse takes, for help and errors.
const Forms = "influxdb://[USER:PASSWORD@]HOST[:8086]/DATABASE, influxdb2://[TOKEN@]HOST[:8086]/ORGANISATION/BUCKET " +
	"or " +
	"graphite://HOST[:2003][/PREFIX]; influxdbs and influxdb2s with TLS; ?secret-file=PATH for the password or the token"

// Parse parses the address of a database.
func Parse(text string) (*Target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Fragment != "" || u.Opaque != "" {
		return nil, fmt.Errorf("%q is not one of %s", withoutSecrets(text), Forms)
	}
	t := &Target{}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	wrong := func(want string) error { return fmt.Errorf("%q has no %s: %s", withoutSecrets(text), want, Forms) }
	scheme, port := strings.TrimSuffix(u.Scheme, "s"), "8086"
	t.secure = scheme != u.Scheme
	switch {
	case scheme == "influxdb":
		if len(parts) != 1 || parts[0] == "" {
			return nil, wrong("database")
		}
		t.path, t.query = "/write", url.Values{"db": {parts[0]}, "precision": {"ms"}}
		t.user = u.User.Username()
		t.password, _ = u.User.Password()
	case scheme == "influxdb2":
		if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
			return nil, wrong("organisation and bucket")
		}
		t.kind, t.path = influx2, "/api/v2/write"
		t.query = url.Values{"org": {parts[0]}, "bucket": {parts[1]}, "precision": {"ms"}}
		t.token = u.User.Username()
	case u.Scheme == "graphite":
		t.kind, port, t.prefix = graphite, "2003", strings.Join(parts, ".")
	default:
		return nil, fmt.Errorf("%q is not one of %s", withoutSecrets(text), Forms)
	}
	for key, values := range u.Query() {
		if key != "secret-file" || len(values) != 1 || t.kind == graphite {
			return nil, fmt.Errorf("%q has an unknown option %s: %s", withoutSecrets(text), key, Forms)
		}
		t.secret = values[0]
	}
	if given := u.Port(); given != "" {
		port = given
	}
	t.host = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// withoutSecrets removes what stands before the host.
func withoutSecrets(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://***@" + rest[at+1:]
	}
	return text
}

// String returns the target for messages, without secrets.
func (t *Target) String() string {
	names := map[kind]string{influx1: "InfluxDB", influx2: "InfluxDB", graphite: "Graphite"}
	return names[t.kind] + " at " + t.host
}

// Key names the target in the file system: what was encoded for one is not sent to another. It changes with what the
// lines are and where they go, and not with users and secrets.
func (t *Target) Key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %s %s", t.kind, t.host, t.path, t.query.Encode(), t.prefix))
	return hex.EncodeToString(sum[:8])
}

// sendWait is how long a database may take to accept numbers.
const sendWait = 20 * time.Second

// errRefused means that what was sent is refused, and would be again.
var errRefused = errors.New("refused")

// send sends lines.
func (t *Target) send(ctx context.Context, lines []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	if t.kind == graphite {
		return t.sendPlain(ctx, lines)
	}
	scheme := "http"
	if t.secure {
		scheme = "https"
	}
	at := url.URL{Scheme: scheme, Host: t.host, Path: t.path, RawQuery: t.query.Encode()}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(lines))
	if err != nil {
		return err
	}
	if err := t.authorize(r); err != nil {
		return err
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(reply.Body, 1000)) // for the message alone
	switch code := reply.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %s: %q", errRefused, reply.Status, said)
	default:
		return fmt.Errorf("%s: %q", reply.Status, said)
	}
}

func (t *Target) authorize(r *http.Request) error {
	password, token := t.password, t.token
	if t.secret != "" {
		raw, err := os.ReadFile(t.secret)
		if err != nil {
			return err
		}
		password, token = strings.TrimSpace(string(raw)), strings.TrimSpace(string(raw))
	}
	switch {
	case t.kind == influx2:
		r.Header.Set("Authorization", "Token "+token)
	case t.user != "":
		r.SetBasicAuth(t.user, password)
	}
	return nil
}

// sendPlain sends lines of Graphite's plaintext protocol, and waits until the other side has closed after all of them:
// there is no other answer.
func (t *Target) sendPlain(ctx context.Context, lines []byte) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", t.host)
	if err != nil {
		return err
	}
	defer c.Close()
	until, _ := ctx.Deadline()
	if err := c.SetDeadline(until); err != nil {
		return err
	}
	if _, err := c.Write(lines); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	return err
}
