package system

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"golang.org/x/term"

	"box/netapi/wire"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Login is `docker login`.
type Login struct {
	Password      string `short:"p" help:"Password or token"`
	PasswordStdin bool   `help:"Read the password from standard input"`
	Username      string `short:"u" help:"User name"`
}

// Run implements session.Runner.
func (f *Login) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	server := session.Hub
	if len(p.Args) > 0 && p.Args[0] != "docker.io" {
		server = registryHost(p.Args[0])
	}
	if err := f.read(ctx, s, server); err != nil {
		return err
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	a := wire.Auth{Username: f.Username, Password: f.Password, ServerAddress: server}
	status, token, err := api.Login(ctx, a)
	if err != nil {
		return err
	}
	if err := store(s, a, token); err != nil {
		return err
	}
	if status != "" {
		fmt.Fprintln(s.Out, status)
	}
	return nil
}

// registryHost returns the key for the credentials of a registry: its URL without scheme and path.
func registryHost(server string) string {
	_, rest, ok := strings.Cut(server, "://")
	if !ok {
		rest = server
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// read gets a missing user name and password from standard input or from the terminal.
func (f *Login) read(ctx context.Context, s *session.Session, server string) error {
	if f.Password != "" {
		fmt.Fprintln(s.Err, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
		if f.PasswordStdin {
			return errors.New("--password and --password-stdin are mutually exclusive")
		}
	}
	if f.PasswordStdin {
		if f.Username == "" {
			return errors.New("the --password-stdin option requires --username to be set")
		}
		raw, err := io.ReadAll(io.LimitReader(s.In, 64<<10))
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		f.Password = strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	}
	if f.Username != "" && f.Password != "" {
		return nil
	}
	fd, ok := session.Terminal(s.In)
	if !ok {
		return errors.New("cannot perform an interactive login from a non TTY device; use --username with --password-stdin")
	}
	if f.Username == "" {
		if err := f.askUser(ctx, s, s.Auth(server).Username); err != nil {
			return err
		}
	}
	return f.askPassword(ctx, s, fd)
}

// askUser asks for the user name. An empty answer means the stored one.
func (f *Login) askUser(ctx context.Context, s *session.Session, stored string) error {
	question := "Username: "
	if stored != "" {
		question = "Username (" + stored + "): "
	}
	fmt.Fprint(s.Out, question)
	line, err := s.Ask(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(s.In, session.MaxAnswer)).ReadString('\n')
	})
	if errors.Is(err, io.EOF) {
		return errors.New("read the user name: standard input ended")
	}
	if err != nil {
		return err
	}
	if f.Username = strings.TrimSpace(line); f.Username == "" {
		f.Username = stored
	}
	if f.Username == "" {
		return errors.New("Error: Non-null Username Required")
	}
	return nil
}

func (f *Login) askPassword(ctx context.Context, s *session.Session, fd int) (err error) {
	fmt.Fprint(s.Out, "Password: ")
	f.Password, err = s.Ask(ctx, func() (string, error) {
		password, err := term.ReadPassword(fd)
		return string(password), err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out)
	if f.Password == "" {
		return errors.New("Error: Password Required")
	}
	return nil
}

// store saves credentials that the registry has accepted.
func store(s *session.Session, a wire.Auth, token string) error {
	set, err := s.Config()
	if err != nil {
		return err
	}
	auths := maps.Clone(set.Auths)
	if auths == nil {
		auths = map[string]session.StoredAuth{}
	}
	entry := session.StoredAuth{IdentityToken: token}
	password := a.Password
	if token != "" {
		password = ""
	}
	entry.Auth = base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + password))
	auths[a.ServerAddress] = entry
	fmt.Fprintf(s.Err, "\nWARNING! Your credentials are stored unencrypted in '%s/config.json'.\nKeep that file to "+
		"yourself.\n\n", s.Flags.Config)
	return s.SaveAuths(auths)
}
