package top

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"box/certs"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/web"
)

// serve serves the page of hosts until the end of ctx.
func (o *options) serve(ctx context.Context, env *cmd.Env, all []*hosts.Host) error {
	secure, err := o.openTLS(env)
	if err != nil {
		return failed("--listen-tls", err)
	}
	l, err := web.Listen(o.Listen, secure, o.Insecure)
	if errors.Is(err, web.ErrOpen) {
		err = fmt.Errorf("%w: --listen-tls turns it on, --insecure does without", err)
	}
	if err != nil {
		return failed("--listen", err)
	}
	log := slog.New(slog.NewTextHandler(env.Stderr, nil))
	s, err := web.New(web.Options{Hosts: all, Secure: secure, Token: o.Token, Log: log,
		Names: web.Names(o.Listen, secure)})
	if err != nil {
		return failed("--listen-token", errors.Join(err, l.Close()))
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	fmt.Fprintf(env.Stderr, "Monitor on %s\n", l.URL(secure))
	select {
	case <-ctx.Done():
		s.Close()
		return <-ended
	case err = <-ended:
		s.Close()
		return failed("--listen", err)
	}
}

func failed(option string, err error) error {
	if err == nil {
		return nil
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("box top %s: %w", option, err)}
}

// openTLS reads the certificates of the page. It returns nil if TLS is not wanted.
func (o *options) openTLS(env *cmd.Env) (*certs.Server, error) {
	if !o.Secure && o.OwnCA == "" && o.OwnCert == "" && o.OwnKey == "" {
		return nil, nil
	}
	if (o.OwnCert == "") != (o.OwnKey == "") {
		return nil, errors.New("--listen-tlscert and --listen-tlskey belong together: give both or none")
	}
	folder := cmd.CertFolder(env.Getenv)
	files := certs.Files{CA: filepath.Join(folder, certs.CAFile), Cert: filepath.Join(folder, certs.ServerFile),
		Key: filepath.Join(folder, certs.ServerKeyFile)}
	for _, own := range []struct{ said, to *string }{{&o.OwnCA, &files.CA}, {&o.OwnCert, &files.Cert},
		{&o.OwnKey, &files.Key}} {
		if *own.said != "" {
			*own.to = *own.said
		}
	}
	s, err := certs.ServerTLS(files, true, nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: to create it: box certs init", err)
	}
	return s, err
}
