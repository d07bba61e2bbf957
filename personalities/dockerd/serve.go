package dockerd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"box/certs"
	"box/engine"
	"box/netapi"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// What requests under way have to end at shutdown, where the daemon stops and where another one follows.
const (
	drainWait    = 500 * time.Millisecond
	handoverWait = 2 * time.Second
)

// answer serves the API on the listeners until ctx ends; what is under way then has as long as drain says to end.
func answer(ctx context.Context, env *cmd.Env, listeners []net.Listener, server *netapi.Server,
	drain func() time.Duration) (err error) {
	var serving sync.WaitGroup
	failed := make(chan error, len(listeners))
	debug.SetGCPercent(heapGoal)
	debug.SetMemoryLimit(math.MaxInt64)
	for _, l := range listeners {
		serving.Go(func() { failed <- server.Serve(l) })
		fmt.Fprintf(env.Stderr, "API listen on %s\n", l.Addr())
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	rest, cancel := context.WithTimeout(context.Background(), drain())
	defer cancel()
	server.Shutdown(rest) // closes the listeners
	serving.Wait()
	return err
}

// warn prints to the terminal, or the log of a service, whatever --log-level says.
func warn(env *cmd.Env, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(env.Stderr, w)
	}
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// listenAll opens every -H, or none. What it returns of tcp is behind TLS where the options say so.
func listenAll(env *cmd.Env, o *config.Options, secure *certs.Server, last *handover,
	log *slog.Logger) (out []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(out)
		}
	}()
	defer last.forget()
	inherited := inherit(env.Getenv)
	for _, h := range o.Remote.Addresses {
		opened, err := openHost(h, o.Group, inherited, last)
		out = append(out, opened...)
		if err != nil {
			return out, err
		}
	}
	if left := inherited.unused(); len(left) > 0 {
		log.Warn("sockets of the service manager that no -H asks for: who connects there is not answered", "sockets",
			left)
	}
	for i, l := range out {
		if l.Addr().Network() != "tcp" {
			continue
		}
		// a socket that was handed over may be of tcp, too
		if secure == nil && o.RefusePlainTCP {
			return out, o.Remote.PlainRefused(l.Addr().String())
		}
		out[i] = limitConnections(l, log)
		if secure != nil {
			out[i] = secure.Listen(out[i])
		}
	}
	if len(out) == 0 {
		return out, errors.New("no address to listen on")
	}
	return out, nil
}

// openHost opens one -H: the socket that the last daemon had, that of the service manager, or one of our own.
func openHost(h config.Host, group string, inherited *descriptors, last *handover) ([]net.Listener, error) {
	l, err := last.listener(h, group)
	if l == nil && err == nil && h.Scheme == "unix" {
		if l, err = inherited.bound(h.Address); l != nil {
			return []net.Listener{l}, nil
		}
	}
	opened := []net.Listener{l}
	if l == nil && err == nil {
		opened, err = listen(h, group, inherited)
	}
	if err != nil {
		return nil, err
	}
	for _, l := range opened {
		last.add(h, l)
	}
	return opened, nil
}

// openTLS reads the certificates; nil where TLS is not asked for.
func openTLS(r *config.Remote, log *slog.Logger) (*certs.Server, error) {
	if !r.Secure() {
		return nil, nil
	}
	files := certs.Files{CA: r.TLSCA, Cert: r.TLSCert, Key: r.TLSKey}
	s, err := certs.ServerTLS(files, r.Verifies(), func(text string, err error) {
		if err != nil {
			log.Warn(text, "error", err)
			return
		}
		log.Info(text, "certificate", r.TLSCert)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("TLS: %w: to make what is missing: box certs init", err)
	}
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return s, nil
}

// newServer is the API, which asks of every request over TLS whether its certificate is still good.
func newServer(e *engine.Engine, lowest string, secure *certs.Server, log *slog.Logger) *netapi.Server {
	s := netapi.New(e, netapi.Product{Release: cmd.DockerVersion(), Version: cmd.Version, Lowest: lowest}, log,
		cmd.NewRest().Touch)
	if secure != nil {
		s.Admit(func(c *tls.ConnectionState) error { return secure.Admit(c.PeerCertificates) })
	}
	return s
}
