package docker

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
)

// login is `docker login`.
type login struct {
	Password      string `short:"p" help:"Password or token"`
	PasswordStdin bool   `help:"Read the password from standard input"`
	Username      string `short:"u" help:"User name"`
}

func (f *login) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	server := hub
	if len(p.Args) > 0 && p.Args[0] != "docker.io" {
		server = registryHost(p.Args[0])
	}
	if err := f.read(ctx, s, server); err != nil {
		return err
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	a := wire.Auth{Username: f.Username, Password: f.Password, ServerAddress: server}
	status, token, err := api.Login(ctx, a)
	if err != nil {
		return err
	}
	if err := s.store(a, token); err != nil {
		return err
	}
	if status != "" {
		fmt.Fprintln(s.out, status)
	}
	return nil
}

// registryHost is the key of a registry: a URL without its scheme and path.
func registryHost(server string) string {
	_, rest, ok := strings.Cut(server, "://")
	if !ok {
		rest = server
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// read gets the name and the password that the flags did not give: from standard input, or by asking.
func (f *login) read(ctx context.Context, s *session, server string) error {
	if f.Password != "" {
		fmt.Fprintln(s.errw, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
		if f.PasswordStdin {
			return errors.New("--password and --password-stdin are mutually exclusive")
		}
	}
	if f.PasswordStdin {
		if f.Username == "" {
			return errors.New("the --password-stdin option requires --username to be set")
		}
		raw, err := io.ReadAll(io.LimitReader(s.in, 64<<10))
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		f.Password = strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	}
	if f.Username != "" && f.Password != "" {
		return nil
	}
	fd, ok := terminal(s.in)
	if !ok {
		return errors.New("cannot perform an interactive login from a non TTY device; use --username with --password-stdin")
	}
	if f.Username == "" {
		if err := f.askUser(ctx, s, s.auth(server).Username); err != nil {
			return err
		}
	}
	return f.askPassword(ctx, s, fd)
}

// askUser asks for the name; an empty answer is the one that is stored.
func (f *login) askUser(ctx context.Context, s *session, stored string) error {
	question := "Username: "
	if stored != "" {
		question = "Username (" + stored + "): "
	}
	fmt.Fprint(s.out, question)
	line, err := s.ask(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(s.in, maxAnswer)).ReadString('\n')
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

func (f *login) askPassword(ctx context.Context, s *session, fd int) (err error) {
	fmt.Fprint(s.out, "Password: ")
	f.Password, err = s.ask(ctx, func() (string, error) {
		password, err := term.ReadPassword(fd)
		return string(password), err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	if f.Password == "" {
		return errors.New("Error: Password Required")
	}
	return nil
}

// store keeps credentials that the registry has accepted.
func (s *session) store(a wire.Auth, token string) error {
	set, err := s.config()
	if err != nil {
		return err
	}
	auths := maps.Clone(set.Auths)
	if auths == nil {
		auths = map[string]storedAuth{}
	}
	entry := storedAuth{IdentityToken: token}
	password := a.Password
	if token != "" {
		password = ""
	}
	entry.Auth = base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + password))
	auths[a.ServerAddress] = entry
	fmt.Fprintf(s.errw, "\nWARNING! Your credentials are stored unencrypted in '%s/config.json'.\nKeep that file to yourself.\n\n", s.flags.Config)
	return s.saveAuths(auths)
}

// logout is `docker logout`.
type logout struct{}

func (*logout) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	server, shown := hub, hub
	if len(p.Args) > 0 && p.Args[0] != "docker.io" {
		server = registryHost(p.Args[0])
		shown = server
	}
	set, err := s.config()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Removing login credentials for %s\n", shown)
	if _, ok := set.Auths[server]; !ok {
		return nil
	}
	auths := maps.Clone(set.Auths)
	delete(auths, server)
	return s.saveAuths(auths)
}
