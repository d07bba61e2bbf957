package top

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"box/certs"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/rules"
	"box/personalities/top/screen"
	"box/personalities/top/web"
)

// judgeEvery is how often hosts are looked at by --rules.
const judgeEvery = 10 * time.Second

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
	wrong, stop, err := o.watchRules(all, judgeEvery, log)
	if err != nil {
		return failed("--rules", errors.Join(err, l.Close()))
	}
	defer stop()
	s, err := web.New(web.Options{Hosts: all, Secure: secure, Token: o.Token, Log: log, Wrong: wrong,
		Names: web.Names(o.Listen)})
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

// watchRules looks at all hosts by --rules until stop is called, whether a page is open or not: webhooks are told of
// what begins and ends. wrong returns what is wrong on a host.
func (o *options) watchRules(all []*hosts.Host, every time.Duration, log *slog.Logger) (wrong func(string) []string,
	stop func(), err error) {
	if o.Rules == "" {
		return nil, func() {}, nil
	}
	limits, err := o.rulesOf()
	if err != nil {
		return nil, nil, err
	}
	var stops []func()
	for _, h := range all {
		_, unwatch := h.Watch()
		stops = append(stops, unwatch)
	}
	sender := rules.NewSender(limits.Webhooks, &http.Client{}, log)
	look := func(context.Context) (views []rules.View) {
		for _, h := range all {
			views = append(views, screen.View(h.State()))
		}
		return views
	}
	w := &rules.Watcher{Rules: limits, Every: every, Log: log, Tell: sender.Send, Views: look}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	wrong = func(host string) (said []string) {
		for _, a := range w.State().Alerts() {
			if a.Host == host {
				said = append(said, a.Text)
			}
		}
		return said
	}
	return wrong, func() {
		cancel()
		running.Wait()
		sender.Close()
		for _, f := range stops {
			f()
		}
	}, nil
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
