package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Explain describes what is wrong with a connection that failed with err, and what to do, or returns "" if err is not
// about TLS. address is the daemon's.
func Explain(err error, address string, now time.Time) string {
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &host):
		return fmt.Sprintf("the daemon's certificate is for %s, not for %s: connect by one of those names, or at the "+
			"daemon: box certs server --force --host %s",
			strings.Join(HostsOf(host.Certificate), ", "), host.Host, host.Host)
	case errors.As(err, &unknown) && unknown.Cert != nil:
		return fmt.Sprintf("the daemon's certificate is signed by %q, which is not the authority that is trusted here: is "+
			"ca.pem the one of that daemon?",
			unknown.Cert.Issuer.String())
	case errors.As(err, &invalid) && invalid.Cert != nil:
		return explainInvalid(&invalid, now)
	case errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("%s does not speak TLS: it is a plain port (2375), or not a daemon's: leave TLS out (unset "+
			"DOCKER_TLS_VERIFY) or choose the port of TLS (2376)", address)
	}
	return explainAlert(err.Error())
}

func explainInvalid(e *x509.CertificateInvalidError, now time.Time) string {
	switch e.Reason {
	case x509.Expired:
		if fault := ClockFault(now); fault != nil {
			return fault.Error()
		}
		if now.Before(e.Cert.NotBefore) {
			return fmt.Sprintf("the certificate of %q is valid from %s on, and the clock here says %s: one of the two clocks "+
				"is wrong",
				Name(e.Cert), day(e.Cert.NotBefore), day(now))
		}
		return fmt.Sprintf("the certificate of %q ended %s (the clock here says %s): at the daemon: box certs renew",
			Name(e.Cert), day(e.Cert.NotAfter), day(now))
	case x509.IncompatibleUsage:
		if err := usable(e.Cert, x509.ExtKeyUsageServerAuth); err != nil {
			return err.Error() + ": at the daemon: box certs server"
		}
	}
	return ""
}

// explainAlert describes an alert about this side's certificate (RFC 8446, 6.2) from the text of crypto/tls.
func explainAlert(text string) string {
	for _, row := range [][2]string{
		{"certificate required", "the daemon lets only clients with a certificate in: give --tlscert and --tlskey, or the " +
			"folder with cert.pem and key.pem in DOCKER_CERT_PATH"},
		{"unknown certificate authority",
			"the daemon does not trust the authority of this client's certificate: is cert.pem one that the daemon's " +
				"authority has signed?"},
		{"expired certificate", "the daemon says that this client's certificate has ended, or its clock is wrong: box " +
			"certs renew at the authority"},
		{"revoked certificate", "this client's certificate was revoked"},
		{"bad certificate", "the daemon does not accept this client's certificate: it was revoked, is not for clients, or " +
			"none was shown; the daemon's log says which"},
		{"protocol version not supported", "the daemon has no TLS that is safe: 1.2 at least is wanted"},
	} {
		if strings.Contains(text, "tls: ") && strings.Contains(text, row[0]) {
			return row[1]
		}
	}
	return ""
}
