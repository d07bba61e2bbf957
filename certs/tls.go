package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Files are the paths of the files that one side of a connection needs.
type Files struct {
	CA   string // whom to trust; its folder may have a crl.pem
	Cert string
	Key  string
}

// In returns the files in a folder, with the names that Docker's clients use.
func In(folder string) Files {
	return Files{CA: filepath.Join(folder, "ca.pem"), Cert: filepath.Join(folder, "cert.pem"),
		Key: filepath.Join(folder, "key.pem")}
}

// maxFile is the maximum size of a file of certificates or revocations, in bytes.
const maxFile = 16 << 20

// Server is TLS for a daemon. It notices changes of its files: new connections get the new certificate, and connections
// whose certificate is no longer accepted are closed. If new files are not valid, the old ones stay in use.
type Server struct {
	files  Files
	verify bool
	note   func(text string, err error) // told when files were taken up (err is nil) or refused
	now    func() time.Time

	mu      sync.Mutex
	stamps  [4]stamp
	current material
	verdict map[[sha256.Size]byte]error // of certificates under current
	open    map[*Conn]struct{}
	timer   *time.Timer // runs while connections are open
}

// material is the content of the files.
type material struct {
	config *tls.Config
	roots  *x509.CertPool
	list   *Revocations
}

// stamp identifies a version of a file.
type stamp struct {
	size, inode int64
	mode        time.Time
}

// ServerTLS reads the files and checks them. If verify is set, only clients are accepted whose certificate the
// authority has signed and not revoked. note may be nil.
func ServerTLS(files Files, verify bool, note func(text string, err error)) (*Server, error) {
	if note == nil {
		note = func(string, error) {}
	}
	s := &Server{files: files, verify: verify, note: note, now: time.Now, verdict: map[[sha256.Size]byte]error{},
		open: map[*Conn]struct{}{}}
	s.stamps = s.look()
	var err error
	if s.current, err = s.load(); err != nil {
		return nil, errors.Join(err, ClockFault(s.now()))
	}
	return s, nil
}

// list returns the path of the list of revoked certificates.
func (s *Server) list() string { return filepath.Join(filepath.Dir(s.files.CA), "crl.pem") }

// look returns the versions of the files. A missing file has the zero stamp.
func (s *Server) look() (out [4]stamp) {
	for i, path := range []string{s.files.Cert, s.files.Key, s.files.CA, s.list()} {
		if st, err := os.Stat(path); err == nil {
			out[i] = stamp{st.Size(), inode(st), st.ModTime()}
		}
	}
	return out
}

func (s *Server) load() (material, error) {
	m := material{config: &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		// A resumed session would not be checked again.
		SessionTicketsDisabled: true,
	}}
	if err := Settle(filepath.Dir(s.files.Cert)); err != nil { // waits for who writes several files at this moment
		return m, err
	}
	pair, err := loadPair(s.files.Cert, s.files.Key)
	if err != nil {
		return m, err
	}
	if err := usable(pair.Leaf, x509.ExtKeyUsageServerAuth); err != nil {
		return m, fmt.Errorf("%s: %w", s.files.Cert, err)
	}
	m.config.Certificates = []tls.Certificate{pair}
	if !s.verify {
		return m, nil
	}
	authorities, err := readCertificates(s.files.CA)
	if err != nil {
		return m, err
	}
	m.roots = x509.NewCertPool()
	for _, c := range authorities {
		m.roots.AddCert(c)
	}
	m.config.ClientAuth, m.config.ClientCAs = tls.RequireAndVerifyClientCert, m.roots
	raw, err := readFile(s.list())
	if errors.Is(err, os.ErrNotExist) {
		if s.current.list != nil {
			return m, fmt.Errorf("%s is gone: what it revoked stays revoked until the daemon starts again", s.list())
		}
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if m.list, err = ReadRevocations(raw, authorities); err != nil {
		return m, fmt.Errorf("%s: %w", s.list(), err)
	}
	return m, nil
}

// Ends returns when the certificate in use ends.
func (s *Server) Ends() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.config.Certificates[0].Leaf.NotAfter
}

// refresh reads changed files, and closes connections that are no longer accepted. s.mu is held.
func (s *Server) refresh() {
	seen := s.look()
	if seen == s.stamps {
		return
	}
	s.stamps = seen
	m, err := s.load()
	if err != nil {
		s.note("the certificates have changed and are refused; the old ones stay", err)
		return
	}
	s.current = m
	clear(s.verdict)
	s.note("the certificates have changed and are in force", nil)
	for c := range s.open {
		if chain := c.chain(); len(chain) > 0 && s.judge(chain) != nil {
			delete(s.open, c)
			c.Conn.Close() // under TLS: a word of farewell might wait for a slow client
		}
	}
}

// Admit returns an error if the client with this chain is not accepted by the files as they are now. An empty chain is
// accepted if none is required.
func (s *Server) Admit(chain []*x509.Certificate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if !s.verify {
		return nil
	}
	if len(chain) == 0 {
		return errors.New("the client shows no certificate")
	}
	return s.judge(chain)
}

// Hosts returns the names and addresses in the server's certificate as it is now.
func (s *Server) Hosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return HostsOf(s.current.config.Certificates[0].Leaf)
}

// judge checks a client's chain. s.mu is held.
func (s *Server) judge(chain []*x509.Certificate) error {
	if now := s.now(); now.After(chain[0].NotAfter) {
		return fmt.Errorf("the certificate of %q ended %s", Name(chain[0]), day(chain[0].NotAfter))
	}
	key := sha256.Sum256(chain[0].Raw)
	if err, known := s.verdict[key]; known {
		return err
	}
	err := s.check(chain)
	s.verdict[key] = err
	return err
}

func (s *Server) check(chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	paths, err := chain[0].Verify(x509.VerifyOptions{Roots: s.current.roots, Intermediates: between, CurrentTime: s.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err = s.current.list.Check(path); err == nil {
			return nil
		}
	}
	return err
}

// loadPair reads a certificate and its key. Its error names the file that is wrong.
func loadPair(cert, key string) (tls.Certificate, error) {
	c, err := readFile(cert)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the certificate: %w", err)
	}
	k, err := readFile(key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the key: %w", err)
	}
	if bytes.Contains(k, []byte("ENCRYPTED")) {
		return tls.Certificate{}, fmt.Errorf("the key %s has a passphrase: write it without one (openssl pkey -in %s -out "+
			"new.pem)", key, key)
	}
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with key %s: %w", cert, key, err)
	}
	return pair, nil
}
