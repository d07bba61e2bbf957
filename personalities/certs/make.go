package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"box/certs"
	"box/personalities/cmd"
)

// making are the flags of commands that make pairs.
type making struct {
	Key   string `default:"${algorithm}" help:"Type of the keys: ${algorithms}"`
	Life  life   `default:"730d" placeholder:"days" help:"Validity of certificates: 90d (default 730d)"`
	Force bool   `help:"Overwrite existing files"`
}

func (m *making) leaf(name string) certs.Leaf {
	return certs.Leaf{Name: name, Algorithm: m.Key, Life: time.Duration(m.Life)}
}

// serving are the flags of commands that make a daemon's pair.
type serving struct {
	making
	Hosts []string `name:"host" help:"Additional name or address of the daemon; those of this host are found"`
}

// server returns what the daemon's certificate contains: the given names, and then those of this host.
func (m *serving) server() (certs.Leaf, error) {
	l := m.leaf("")
	for _, h := range append(slices.Clone(m.Hosts), certs.LocalHosts()...) {
		h = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
		if err := certs.CheckHost(h); err != nil {
			return l, err
		}
		if !slices.Contains(l.Hosts, h) {
			l.Hosts = append(l.Hosts, h)
		}
	}
	l.Name = l.Hosts[0]
	return l, nil
}

type initLine struct {
	serving
	Name       string `default:"client" help:"Name of the first client"`
	Serve      bool   `help:"Configure the daemon in daemon.json to listen on tcp://0.0.0.0:2376 with these files"`
	ConfigFile string `default:"${config}" placeholder:"file" help:"daemon.json that --serve writes to"`
}

func (c *initLine) run(_ context.Context, s *session) error {
	s.force = c.Force
	host, err := s.init(&c.serving, c.Name)
	file := ""
	if c.Serve && (err == nil || errors.Is(err, errAllThere)) {
		file = s.path(c.ConfigFile)
		err = s.serve(file)
	}
	if err == nil && host != "" {
		s.sayNext(host, file)
	}
	return err
}

// errAllThere is returned by init if there is nothing to make.
var errAllThere = fmt.Errorf("%w: nothing was written", fs.ErrExist)

// sayNext prints commands that start a daemon and connect to it, with the paths of files that they do not find by
// default. config is the daemon.json that configures the daemon, or "".
func (s *session) sayNext(host, config string) {
	daemon := "box dockerd"
	switch {
	case config == "":
		daemon += " --tlsverify" + s.files(certs.ServerFile, certs.ServerKeyFile) + " -H " + secureHost + " -H " +
			localHost
	case config != defaultConfig:
		daemon += " --config-file " + quote(config)
	}
	s.say("The daemon: %s\nHere:       docker --tlsverify%s -H tcp://%s version", daemon,
		s.files(certs.ClientFile, certs.ClientKeyFile),
		net.JoinHostPort(host, "2376"))
}

// files returns the options that name the authority and a pair, or "" if they are found by default.
func (s *session) files(cert, key string) string {
	if s.folder == s.path(cmd.CertFolder(s.env.Getenv)) {
		return ""
	}
	at := func(name string) string { return quote(filepath.Join(s.folder, name)) }
	return " --tlscacert " + at(certs.CAFile) + " --tlscert " + at(cert) + " --tlskey " + at(key)
}

// quote quotes a path for a shell if necessary.
func quote(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("/._-+:@%", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// init makes what is missing, all at once. It returns a host name in the daemon's certificate, or "" if that was not
// made.
func (s *session) init(m *serving, name string) (host string, err error) {
	if err := certs.CheckName(name); err != nil {
		return "", err
	}
	a, files, err := s.authority(m)
	if err != nil {
		return "", err
	}
	made := files
	var pairs []*certs.Pair
	// a new authority needs new pairs; existing ones of another authority are an error
	wanted := func(file string) bool { return len(files) > 0 || !exists(filepath.Join(s.folder, file)) }
	var hosts []string
	if wanted(certs.ServerFile) {
		leaf, err := m.server()
		if err != nil {
			return "", err
		}
		p, err := a.Server(leaf)
		if err != nil {
			return "", err
		}
		hosts, pairs, made = leaf.Hosts, append(pairs, p), append(made,
			certs.PairFiles(p, certs.ServerFile, certs.ServerKeyFile)...)
	}
	if wanted(certs.ClientFile) {
		p, err := a.Client(m.leaf(name))
		if err != nil {
			return "", err
		}
		pairs, made = append(pairs, p), append(made, certs.PairFiles(p, certs.ClientFile, certs.ClientKeyFile)...)
	}
	if len(made) == 0 {
		return "", fmt.Errorf("%s has an authority and the certificates of a server and a client: %w; --force replaces all",
			s.folder, errAllThere)
	}
	if err := s.write(a, made, s.force, len(files) > 0, pairs...); err != nil {
		return "", err
	}
	for _, f := range made {
		s.say("%s", filepath.Join(s.folder, f.Name))
	}
	if len(hosts) > 0 {
		s.say("The daemon's certificate is for %s", strings.Join(hosts, ", "))
		host = hosts[0]
	}
	return host, nil
}

// authority opens the authority in the folder, or makes one and returns its files for writing.
func (s *session) authority(m *serving) (*certs.Authority, []certs.File, error) {
	certificate, key := exists(filepath.Join(s.folder, certs.CAFile)), exists(filepath.Join(s.folder, certs.CAKeyFile))
	if !s.force && (certificate || key) {
		if !key {
			return nil, nil, fmt.Errorf("%s has a ca.pem without ca-key.pem: copy the key there, or use another --dir",
				s.folder)
		}
		a, err := s.open()
		return a, nil, err
	}
	word, err := s.newPassphrase()
	if err != nil {
		return nil, nil, err
	}
	place, err := os.Hostname()
	if err != nil || place == "" {
		place = "here"
	}
	a, p, err := certs.NewAuthority(s.folder, place, m.Key, max(certs.AuthorityLife, time.Duration(m.Life)), word,
		s.now)
	if err != nil {
		return nil, nil, err
	}
	return a, certs.PairFiles(p, certs.CAFile, certs.CAKeyFile), nil
}

// write writes files and the list of all signed certificates to the authority's folder. If the authority is new, so is
// the list, and revocations of the old one are removed.
func (s *session) write(a *certs.Authority, files []certs.File, force, fresh bool, pairs ...*certs.Pair) error {
	var issued certs.File
	var err error
	if fresh {
		issued = certs.Issued(pairs...)
	} else if issued, err = a.IssuedWith(pairs...); err != nil {
		return err
	}
	if fresh && exists(filepath.Join(s.folder, certs.RevokedFile)) {
		none, err := a.NewList()
		if err != nil {
			return err
		}
		files = append(files, none)
	}
	return certs.Write(s.folder, force, files, issued)
}

type serverLine struct {
	serving
	Out string `placeholder:"path" help:"Folder for ca.pem, server-cert.pem and server-key.pem (default the folder of the certificates)"`
}

func (c *serverLine) run(_ context.Context, s *session) error {
	s.force = c.Force
	a, err := s.open()
	if err != nil {
		return err
	}
	leaf, err := c.server()
	if err != nil {
		return err
	}
	p, err := a.Server(leaf)
	if err != nil {
		return err
	}
	return s.hand(a, p, c.Out, certs.PairFiles(p, certs.ServerFile, certs.ServerKeyFile))
}

// hand writes a pair to the authority's folder or, together with ca.pem, to another folder.
func (s *session) hand(a *certs.Authority, p *certs.Pair, out string, files []certs.File) error {
	if out == "" || s.path(out) == s.folder {
		if err := s.write(a, files, s.force, false, p); err != nil {
			return err
		}
		s.say("%s\n%s", filepath.Join(s.folder, files[0].Name), filepath.Join(s.folder, files[1].Name))
		return nil
	}
	ca, err := a.Public()
	if err != nil {
		return err
	}
	folder := s.path(out)
	for _, f := range files {
		if !s.force && exists(filepath.Join(folder, f.Name)) {
			return fmt.Errorf("%s: %w: nothing was written; --force overwrites it", filepath.Join(folder, f.Name),
				fs.ErrExist)
		}
	}
	// record the certificate before it is used anywhere
	if err := s.write(a, nil, false, false, p); err != nil {
		return err
	}
	if err := certs.Write(folder, s.force, files, ca); err != nil {
		return err
	}
	s.say("%s", folder)
	return nil
}

type clientLine struct {
	making
	Out         string `placeholder:"path" help:"Folder for ca.pem, cert.pem and key.pem (default clients/NAME)"`
	Bundle      string `placeholder:"file" help:"Write one file for \x60docker context import\x60 instead of a folder"`
	Host        string `help:"Daemon that the bundle is for: tcp://HOST:2376 (default this host)"`
	Description string `help:"Description in the bundle"`
}

func (c *clientLine) run(_ context.Context, s *session) error {
	s.force = c.Force
	name := s.words[0]
	if err := certs.CheckName(name); err != nil {
		return err
	}
	a, err := s.open()
	if err != nil {
		return err
	}
	p, err := a.Client(c.leaf(name))
	if err != nil {
		return err
	}
	if c.Bundle != "" {
		return s.bundle(a, p, s.path(c.Bundle), name, c.Description, c.Host)
	}
	if c.Out == "" {
		c.Out = filepath.Join(s.folder, certs.ClientsFolder, name)
	}
	return s.hand(a, p, c.Out, certs.PairFiles(p, certs.ClientFile, certs.ClientKeyFile))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
