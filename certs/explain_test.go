package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestExplain: errors of a connection are told in words that say what to do, whatever they are wrapped in, and others
// are left alone.
func TestExplain(t *testing.T) {
	_, a := makeAll(t, time.Now)
	server := must1(a.Server(Leaf{Name: "d", Hosts: []string{"box.test", "10.0.0.1"}, Life: LeafLife}))(t).Certificate
	client := must1(a.Client(Leaf{Name: "anna", Life: LeafLife}))(t).Certificate
	invalid := func(c *x509.Certificate, r x509.InvalidReason) error {
		return x509.CertificateInvalidError{Cert: c, Reason: r}
	}
	now := time.Now()
	for name, row := range map[string]struct {
		err  error
		now  time.Time
		says string // "" for no explanation
	}{
		"another name": {x509.HostnameError{Certificate: server, Host: "x.test"}, now,
			"is for box.test, 10.0.0.1, not for x.test"},
		"another authority": {x509.UnknownAuthorityError{Cert: server}, now,
			"which is not the authority that is trusted here"},
		"no certificate": {x509.UnknownAuthorityError{}, now, ""},
		"not yet": {invalid(server, x509.Expired), server.NotBefore.Add(-12 * time.Hour),
			"one of the two clocks is wrong"},
		"over": {invalid(server, x509.Expired), server.NotAfter.Add(time.Hour), "box certs renew"},
		"a client's": {invalid(client, x509.IncompatibleUsage), now,
			"is for clients (key use clientAuth) and not for a server: at the daemon"},
		"a server's in use":    {invalid(server, x509.IncompatibleUsage), now, ""},
		"too many between":     {invalid(server, x509.TooManyIntermediates), now, ""},
		"no TLS":               {tls.RecordHeaderError{Msg: "x"}, now, "10.0.0.1:2376 does not speak TLS"},
		"no TLS, told by http": {errors.New("http: server gave HTTP response to HTTPS client"), now, "does not speak TLS"},
		"wanted": {errors.New("remote error: tls: certificate required"), now,
			"only clients with a certificate"},
		"unknown": {errors.New("remote error: tls: unknown certificate authority"), now,
			"does not trust the authority of this client"},
		"ended": {errors.New("remote error: tls: expired certificate"), now,
			"has ended, or its clock is wrong"},
		"revoked": {errors.New("remote error: tls: revoked certificate"), now, "was revoked"},
		"bad": {errors.New("remote error: tls: bad certificate"), now,
			"does not accept this client's certificate"},
		"old":               {errors.New("remote error: tls: protocol version not supported"), now, "no TLS that is safe"},
		"said by a program": {errors.New("fatal: bad certificate"), now, ""},
		"something else":    {errors.New("connection refused"), now, ""},
	} {
		for _, err := range []error{row.err, fmt.Errorf("get ping: %w", row.err), errors.Join(errors.New("x"), row.err)} {
			got := Explain(err, "10.0.0.1:2376", row.now)
			if row.says == "" && got != "" || !strings.Contains(got, row.says) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// TestExplainPlainPort: a client that speaks TLS to a port that does not hears so, from crypto/tls as from net/http.
func TestExplainPlainPort(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	_, err := (&http.Client{}).Get("https://" + address)
	if err == nil || !strings.Contains(Explain(err, address, time.Now()), "leave TLS out") {
		t.Errorf("%v", err)
	}
	_, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err == nil || !strings.Contains(Explain(err, address, time.Now()), "leave TLS out") {
		t.Errorf("%v", err)
	}
}
