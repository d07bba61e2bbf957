package docker

import (
	"fmt"
	"strings"
	"time"

	"box/certs"
)

// advise adds to an error of the connection what is wrong in words, and what to do.
func (s *session) advise(err error) error {
	if s.api == nil {
		return err
	}
	text := certs.Explain(err, s.api.Host(), time.Now())
	if text == "" && strings.Contains(err.Error(), "Client sent an HTTP request to an HTTPS server") {
		text = "the daemon speaks TLS there: --tlsverify (or DOCKER_TLS_VERIFY=1), with ca.pem, cert.pem and key.pem in " + s.flags.config + " or in DOCKER_CERT_PATH"
	}
	if text == "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, text)
}
