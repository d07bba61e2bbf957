package certs

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// checkWait limits the time of each connection.
const checkWait = 10 * time.Second

// skew is the difference between clocks that is reported.
const skew = 5 * time.Minute

// Check connects to a daemon as a client with these files and as one without a certificate. It returns descriptions of
// what is wrong, none if all is well, and of what it found.
func Check(ctx context.Context, address string, files Files, now func() time.Time) (faults, found []string) {
	c := &checking{address: address, files: files, now: now}
	c.host, _, _ = net.SplitHostPort(address)
	c.run(ctx)
	return unique(c.faults), c.found
}

type checking struct {
	address, host string
	files         Files
	now           func() time.Time
	authorities   []*x509.Certificate
	pair          *tls.Certificate
	faults, found []string
}

func (c *checking) wrong(format string, a ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, a...))
}
func (c *checking) saw(format string, a ...any) { c.found = append(c.found, fmt.Sprintf(format, a...)) }

func (c *checking) run(ctx context.Context) {
	if err := ClockFault(c.now()); err != nil {
		c.wrong("clock: %v", err)
	}
	c.own()
	ours := c.dial(ctx, c.pair)
	if ours.err != nil {
		c.unreachable(ours.err)
		return
	}
	c.daemon(ours.chain)
	c.asClient(ours)
	c.asStranger(c.dial(ctx, nil))
}

// own checks the files of this side.
func (c *checking) own() {
	var err error
	if c.authorities, err = readCertificates(c.files.CA); err != nil {
		c.wrong("CA: %v", err)
	}
	pair, err := loadPair(c.files.Cert, c.files.Key)
	if err != nil {
		c.wrong("client: %v", err)
		return
	}
	c.pair = &pair
	leaf := pair.Leaf
	c.saw("client: %q, signed by %q, until %s", Name(leaf), leaf.Issuer.String(), day(leaf.NotAfter))
	if err := usable(leaf, x509.ExtKeyUsageClientAuth); err != nil {
		c.wrong("key use: %s: %v", c.files.Cert, err)
	}
	c.dates(leaf, c.files.Cert)
	if len(c.authorities) > 0 && !c.signed(leaf) {
		c.wrong("CA: %s is signed by %q, which is not in %s", c.files.Cert, leaf.Issuer.String(), c.files.CA)
	}
}

func (c *checking) signed(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(c.authorities, func(a *x509.Certificate) bool { return leaf.CheckSignatureFrom(a) == nil })
}

func (c *checking) dates(leaf *x509.Certificate, what string) {
	switch now := c.now(); {
	case ClockFault(now) != nil: // said already
	case now.Before(leaf.NotBefore):
		c.wrong("clock: %s is valid from %s on, and the clock here says %s: one of the two clocks is wrong", what,
			day(leaf.NotBefore), day(now))
	case now.After(leaf.NotAfter):
		c.wrong("expiry: %s ended %s: box certs renew", what, day(leaf.NotAfter))
	}
}

func (c *checking) unreachable(err error) {
	var op *net.OpError
	switch text := Explain(err, c.address, c.now()); {
	case errors.As(err, &op) && op.Op == "dial":
		c.wrong("connection: nobody answers at %s: %v", c.address, err)
	case text != "":
		c.wrong("connection: %s", text)
	default:
		c.wrong("connection: %s: %v", c.address, err)
	}
}

// daemon checks the certificates that the daemon presents.
func (c *checking) daemon(chain []*x509.Certificate) {
	leaf := chain[0]
	c.saw("daemon: %q for %s, signed by %q, until %s", Name(leaf), strings.Join(HostsOf(leaf), ", "), leaf.Issuer.String(),
		day(leaf.NotAfter))
	c.dates(leaf, "the daemon's certificate")
	if err := usable(leaf, x509.ExtKeyUsageServerAuth); err != nil {
		c.wrong("key use: the daemon shows the wrong one: %v: at the daemon: box certs server", err)
	}
	if leaf.VerifyHostname(c.host) != nil {
		c.wrong("name: the daemon's certificate is for %s, not for %s: at the daemon: box certs server --force --host %s",
			strings.Join(HostsOf(leaf), ", "), c.host, c.host)
	}
	if len(c.authorities) == 0 {
		return
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range c.authorities {
		roots.AddCert(a)
		c.dates(a, c.files.CA)
	}
	for _, m := range chain[1:] {
		between.AddCert(m)
	}
	// dates and uses are checked already: at a time when the leaf was valid only signatures can be wrong
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
		CurrentTime: leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		c.wrong("CA: the daemon's certificate is signed by %q, which is not in %s (%s)", leaf.Issuer.String(), c.files.CA,
			subjects(c.authorities))
	case err != nil && !isDate(err):
		c.wrong("CA: %v", err)
	}
}

func isDate(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func subjects(list []*x509.Certificate) string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%q", c.Subject.String()))
	}
	return strings.Join(out, ", ")
}

// asClient judges the connection with a certificate.
func (c *checking) asClient(t trial) {
	switch {
	case t.answer != nil:
		text := explainAlert(t.answer.Error())
		if text == "" {
			text = t.answer.Error()
		}
		c.wrong("client certificate: %s", text)
	case t.status == http.StatusForbidden:
		c.wrong("client certificate: the daemon refuses it: %s", t.text)
	case t.status != http.StatusOK:
		c.wrong("daemon: it answers %d to a ping: is it a daemon of this API?", t.status)
	case c.pair != nil:
		c.saw("the daemon accepts %q", Name(c.pair.Leaf))
	}
	if !t.date.IsZero() && ClockFault(c.now()) == nil {
		if d := t.date.Sub(c.now()).Abs(); d > skew {
			c.wrong("clock: the daemon's says %s and the one here %s", day(t.date), day(c.now()))
		}
	}
}

// asStranger judges the connection without a certificate.
func (c *checking) asStranger(t trial) {
	if t.err == nil && t.answer == nil && t.status == http.StatusOK {
		c.wrong("daemon: it lets everybody in, without a certificate too: start it with --tlsverify")
		return
	}
	c.saw("the daemon refuses who has no certificate")
}

// trial is the result of one connection.
type trial struct {
	err    error // no TLS came about
	chain  []*x509.Certificate
	answer error // TLS did, and then no answer
	status int
	text   string
	date   time.Time
}

// dial connects without checking certificates, and sends a ping.
func (c *checking) dial(ctx context.Context, pair *tls.Certificate) (t trial) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return trial{err: err}
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(checkWait)) // a socket has deadlines
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, ServerName: c.host}
	config.VerifyConnection = func(s tls.ConnectionState) error { t.chain = s.PeerCertificates; return nil }
	// present the certificate whatever authorities the daemon names, so that the daemon says what it does not accept
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if pair == nil {
			return &tls.Certificate{}, nil
		}
		return pair, nil
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if len(t.chain) > 0 {
			t.answer = err
			return t
		}
		t.err = err
		return t
	}
	t.answer = t.ping(conn)
	return t
}

func (t *trial) ping(conn net.Conn) error {
	req, err := http.NewRequest(http.MethodGet, "https://daemon/_ping", nil)
	if err != nil {
		return err
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text := make([]byte, 512)
	n, _ := res.Body.Read(text) // the beginning is enough
	t.status, t.text = res.StatusCode, strings.TrimSpace(string(text[:n]))
	t.date, _ = http.ParseTime(res.Header.Get("Date"))
	return nil
}
