package certs

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"box/certs"
	"box/personalities/cmd"
)

const dayFormat = "2006-01-02"

type listLine struct{}

func (*listLine) run(_ context.Context, s *session) error {
	list, err := certs.List(s.folder)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.env.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tUSE\tENDS\tSTATE\tSERIAL")
	for _, e := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%x\n", certs.Name(e.Certificate), certs.UseOf(e.Certificate),
			e.Certificate.NotAfter.UTC().Format(dayFormat),
			state(e.Certificate, e.Revoked, s.now()), e.Certificate.SerialNumber)
	}
	return w.Flush()
}

func state(c *x509.Certificate, revoked, now time.Time) string {
	switch {
	case !revoked.IsZero():
		return "revoked " + revoked.UTC().Format(dayFormat)
	case now.After(c.NotAfter):
		return "ended"
	case now.Before(c.NotBefore):
		return "not yet valid"
	}
	return "good"
}

type showLine struct{}

func (*showLine) run(_ context.Context, s *session) error {
	for _, word := range s.words {
		raw, err := os.ReadFile(s.path(word))
		if err != nil {
			return err
		}
		s.say("%s:", word)
		if err := s.show(raw); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

func (s *session) show(raw []byte) error {
	shown := 0
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		shown++
		switch {
		case block.Type == "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return err
			}
			s.showCertificate(c)
		case block.Type == "X509 CRL":
			l, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return err
			}
			s.say("  revoked certificates of %s, list %v of %s", l.Issuer, l.Number,
				l.ThisUpdate.UTC().Format(dayFormat))
			for _, e := range l.RevokedCertificateEntries {
				s.say("    serial %x since %s", e.SerialNumber, e.RevocationTime.UTC().Format(time.RFC3339))
			}
		case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			s.say("  a key with a passphrase")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			s.say("  a key without a passphrase: everybody who can read this file can use it")
		default:
			s.say("  %s", strings.ToLower(block.Type))
		}
	}
	if shown == 0 {
		return errors.New("it contains no certificate, key or list")
	}
	return nil
}

func (s *session) showCertificate(c *x509.Certificate) {
	s.say("  certificate of    %s", c.Subject)
	s.say("  signed by         %s", c.Issuer)
	s.say("  use               %s", certs.UseOf(c))
	if hosts := certs.HostsOf(c); len(hosts) > 0 {
		s.say("  hosts             %s", strings.Join(hosts, ", "))
	}
	s.say("  valid             %s to %s: %s", c.NotBefore.UTC().Format(time.RFC3339),
		c.NotAfter.UTC().Format(time.RFC3339), state(c, time.Time{}, s.now()))
	s.say("  key               %s", certs.AlgorithmOf(c))
	s.say("  serial            %x", c.SerialNumber)
	s.say("  SHA-256           %x", sha256.Sum256(c.Raw))
}

type statusLine struct {
	Within life `default:"30d" placeholder:"days" help:"Warn this long before the end: 30d, 12h (default 30d)"`
}

func (c *statusLine) run(_ context.Context, s *session) error {
	return s.status(time.Duration(c.Within))
}

// status lists the authority and the pairs in the folder. It returns exit code 1 if one of them ends soon or is
// revoked.
func (s *session) status(within time.Duration) error {
	list, err := certs.List(s.folder) // checks the authority and its list of revocations
	if err != nil {
		return err
	}
	all, err := s.heldPairs()
	if err != nil {
		return err
	}
	soon := false
	w := tabwriter.NewWriter(s.env.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "FILE\tNAME\tENDS\tDAYS LEFT\tSTATE")
	for _, h := range append([]held{{cert: certs.CAFile}}, all...) {
		c, err := s.certificate(h.cert)
		if err != nil {
			return err
		}
		left := c.NotAfter.Sub(s.now())
		var revoked time.Time
		for _, e := range list {
			if e.Certificate.Equal(c) {
				revoked = e.Revoked
			}
		}
		said := state(c, revoked, s.now())
		if said == "good" && left < within {
			said = "ends soon"
		}
		soon = soon || said != "good"
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", filepath.Join(s.folder, h.cert), certs.Name(c),
			c.NotAfter.UTC().Format(dayFormat), int(left.Hours()/24), said)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if soon {
		return &cmd.Exit{Code: 1}
	}
	return nil
}

type checkLine struct {
	CA   string `name:"tlscacert" help:"Authority to trust (default ca.pem in the folder)"`
	Cert string `name:"tlscert" help:"The client's certificate (default cert.pem)"`
	Key  string `name:"tlskey" help:"The client's key (default key.pem)"`
}

func (c *checkLine) run(ctx context.Context, s *session) error {
	address := strings.TrimPrefix(strings.TrimPrefix(s.words[0], "tcp://"), "https://")
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "2376")
	}
	files := certs.In(s.folder)
	for _, f := range []struct {
		path *string
		said string
	}{{&files.CA, c.CA}, {&files.Cert, c.Cert}, {&files.Key, c.Key}} {
		if f.said != "" {
			*f.path = s.path(f.said)
		}
	}
	faults, found := certs.Check(ctx, address, files, s.now)
	for _, f := range found {
		s.say("%s", f)
	}
	for _, f := range faults {
		fmt.Fprintln(s.env.Stderr, "WRONG:", f)
	}
	if len(faults) > 0 {
		return &cmd.Exit{Code: 1}
	}
	s.say("%s is fine", address)
	return nil
}
