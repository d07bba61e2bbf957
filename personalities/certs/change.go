package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"box/certs"
)

// held is a pair in the folder.
type held struct {
	word      string // the word for it in `renew`
	cert, key string // files in the folder
}

// heldPairs returns the pairs in the folder: that of the server, that of the first client, those of other clients.
func (s *session) heldPairs() (out []held, err error) {
	for _, h := range []held{{"server", certs.ServerFile, certs.ServerKeyFile},
		{"client", certs.ClientFile, certs.ClientKeyFile}} {
		if exists(filepath.Join(s.folder, h.cert)) {
			out = append(out, h)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.folder, certs.ClientsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		in := filepath.Join(certs.ClientsFolder, e.Name())
		if exists(filepath.Join(s.folder, in, certs.ClientFile)) {
			out = append(out, held{e.Name(), filepath.Join(in, certs.ClientFile),
				filepath.Join(in, certs.ClientKeyFile)})
		}
	}
	return out, nil
}

type renewLine struct {
	Hosts []string `name:"host" help:"Additional name or address of the server"`
	Key   string   `help:"Type of the new keys (default that of the old ones)"`
	Life  life     `placeholder:"days" help:"Validity of the new certificates: 90d (default 730d; 3650d for ca)"`
}

func (c *renewLine) run(_ context.Context, s *session) error {
	for _, h := range c.Hosts {
		if err := certs.CheckHost(h); err != nil {
			return err
		}
	}
	a, err := s.open()
	if err != nil {
		return err
	}
	return s.renew(a, c.Hosts, c.Key, time.Duration(c.Life))
}

func (s *session) renew(a *certs.Authority, hosts []string, algorithm string, span time.Duration) error {
	var files []certs.File
	var pairs []*certs.Pair
	words := slices.Clone(s.words)
	if i := slices.Index(words, "ca"); i >= 0 {
		words = slices.Delete(words, i, i+1)
		p, err := a.Renew(orLife(span, certs.AuthorityLife))
		if err != nil {
			return err
		}
		files = append(files, certs.PairFiles(p, certs.CAFile, "")[0])
		if len(words) == 0 {
			return s.renewed(a, files, nil)
		}
	}
	all, err := s.heldPairs()
	if err != nil {
		return err
	}
	known, err := certs.List(s.folder)
	if err != nil {
		return err
	}
	for _, w := range words {
		if !slices.ContainsFunc(all, func(h held) bool { return h.word == w }) {
			return fmt.Errorf("there is no certificate of %q in %s: to create one: box certs client %s", w, s.folder, w)
		}
	}
	for _, h := range all {
		if len(words) > 0 && !slices.Contains(words, h.word) {
			continue
		}
		old, err := s.certificate(h.cert)
		if err != nil {
			return err
		}
		if len(words) == 0 && revoked(known, old) {
			continue // it was taken back: only who names it may give it again
		}
		p, err := again(a, old, hosts, algorithm, orLife(span, certs.LeafLife))
		if err != nil {
			return err
		}
		pairs, files = append(pairs, p), append(files, certs.PairFiles(p, h.cert, h.key)...)
	}
	if len(files) == 0 {
		return fmt.Errorf("there is nothing to renew in %s", s.folder)
	}
	return s.renewed(a, files, pairs)
}

func revoked(known []certs.Entry, c *x509.Certificate) bool {
	return slices.ContainsFunc(known, func(e certs.Entry) bool { return e.Certificate.Equal(c) && !e.Revoked.IsZero() })
}

func (s *session) renewed(a *certs.Authority, files []certs.File, pairs []*certs.Pair) error {
	if err := s.write(a, files, true, false, pairs...); err != nil {
		return err
	}
	for _, f := range files {
		s.say("%s", filepath.Join(s.folder, f.Name))
	}
	return nil
}

// again makes a new pair with the name, use and hosts of an old certificate.
func again(a *certs.Authority, old *x509.Certificate, hosts []string, algorithm string,
	span time.Duration) (*certs.Pair, error) {
	if algorithm == "" {
		algorithm = certs.AlgorithmOf(old)
	}
	l := certs.Leaf{Name: certs.Name(old), Algorithm: algorithm, Life: span}
	if certs.IsServer(old) {
		l.Hosts = append(certs.HostsOf(old), hosts...)
		return a.Server(l)
	}
	return a.Client(l)
}

func orLife(span, otherwise time.Duration) time.Duration {
	if span > 0 {
		return span
	}
	return otherwise
}

// certificate reads the first certificate in a file.
func (s *session) certificate(name string) (*x509.Certificate, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.folder, name)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := certs.ParseCertificates(raw)
	if err == nil && len(list) == 0 {
		err = errors.New("it contains no certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list[0], nil
}

type revokeLine struct{}

func (*revokeLine) run(_ context.Context, s *session) error {
	a, err := s.open()
	if err != nil {
		return err
	}
	known, err := certs.List(s.folder)
	if err != nil {
		return err
	}
	var serials []*big.Int
	for _, word := range s.words {
		found, err := s.meant(a, known, word)
		if err != nil {
			return err
		}
		for _, c := range found {
			serials = append(serials, c.SerialNumber)
			s.say("revoked: %s (serial %x, until %s)", certs.Name(c), c.SerialNumber,
				c.NotAfter.UTC().Format("2006-01-02"))
		}
	}
	list, err := a.Revoke(serials...)
	if err != nil {
		return err
	}
	return certs.Write(s.folder, true, []certs.File{list})
}

// meant returns the certificates that an argument of revoke stands for: all of that name that are not revoked yet, or
// that in a file.
func (s *session) meant(a *certs.Authority, known []certs.Entry, word string) (out []*x509.Certificate, err error) {
	for _, e := range known {
		if certs.Name(e.Certificate) == word && e.Revoked.IsZero() {
			out = append(out, e.Certificate)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	path := s.path(word)
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		c, err := s.certificate(path)
		if err != nil {
			return nil, err
		}
		if err := c.CheckSignatureFrom(a.Certificate); err != nil {
			return nil, fmt.Errorf("%s was not signed by the authority in %s: only its own authority can revoke it", path,
				s.folder)
		}
		return []*x509.Certificate{c}, nil
	}
	return nil, fmt.Errorf("there is neither a certificate of the name %q that is not revoked yet nor such a file: see "+
		"box certs list", word)
}
