package certs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"box/certs"
)

// maxPassphrase is the maximum length of a passphrase in bytes.
const maxPassphrase = 4096

// open opens the authority. If its key has a passphrase, it is read from --passphrase or asked for.
func (s *session) open() (*certs.Authority, error) {
	return certs.Open(s.folder, func() ([]byte, error) {
		source := s.line.Passphrase
		if source == "" {
			source = "ask"
		}
		return s.passphrase(source, "Passphrase of the authority's key: ")
	}, s.now)
}

// newPassphrase returns the passphrase for a new key, or none without --passphrase. A typed one has to be repeated.
func (s *session) newPassphrase() ([]byte, error) {
	if s.line.Passphrase == "" {
		return nil, nil
	}
	word, err := s.passphrase(s.line.Passphrase, "New passphrase of the authority's key: ")
	if err == nil && len(word) == 0 {
		err = errors.New("the passphrase is empty")
	}
	if err != nil || s.line.Passphrase != "ask" {
		return word, err
	}
	again, err := s.passphrase("ask", "Repeat it: ")
	if err == nil && !bytes.Equal(word, again) {
		err = errors.New("the two passphrases differ")
	}
	return word, err
}

func (s *session) passphrase(source, prompt string) ([]byte, error) {
	kind, value, _ := strings.Cut(source, ":")
	switch kind {
	case "env":
		word := s.env.Getenv(value)
		if word == "" {
			return nil, fmt.Errorf("--passphrase: the variable %s is not set", value)
		}
		return []byte(word), nil
	case "file":
		f, err := os.Open(s.path(value))
		if err != nil {
			return nil, fmt.Errorf("--passphrase: %w", err)
		}
		defer f.Close()
		return firstLine(f)
	case "ask":
		return s.ask(prompt)
	}
	return nil, errors.New("--passphrase has no value, or =file:PATH, or =env:NAME")
}

// ask reads a line from the terminal without echo.
func (s *session) ask(prompt string) ([]byte, error) {
	in, ok := s.env.Stdin.(*os.File)
	if !ok {
		return nil, fmt.Errorf("%w: use --passphrase=file:PATH or =env:NAME", certs.ErrPassphrase)
	}
	fd := int(in.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("%w, and there is no terminal to ask for it: use --passphrase=file:PATH or =env:NAME",
			certs.ErrPassphrase)
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETSF, &quiet); err != nil {
		return nil, err
	}
	fmt.Fprint(s.env.Stderr, prompt)
	word, err := firstLine(in)
	fmt.Fprintln(s.env.Stderr)
	return word, errors.Join(err, unix.IoctlSetTermios(fd, unix.TCSETSF, old))
}

func firstLine(r io.Reader) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassphrase)).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}
