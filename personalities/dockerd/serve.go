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

// How long requests may take to finish at shutdown, without and with another daemon that follows.
const (
	drainWait    = 500 * time.Millisecond
	handoverWait = 2 * time.Second
)

// answer serves the API on the listeners until ctx ends. Requests under way may then take as long as drain returns.
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

// warn prints warnings whatever --log-level says.
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

// listenAll opens all addresses of -H, or none. If TLS is configured, tcp listeners use it.
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
		log.Warn("sockets of the service manager that no -H uses: clients get no answer there", "sockets",
			left)
	}
	for i, l := range out {
		if l.Addr().Network() != "tcp" {
			continue
		}
		// an inherited socket may be tcp, too
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

// openHost opens one -H: the socket of the last daemon, that of the service manager, or a new one.
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

// openTLS reads the certificates. It returns nil if TLS is not configured.
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
		return nil, fmt.Errorf("TLS: %w: to create it: box certs init", err)
	}
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return s, nil
}

// newServer makes the server of the API. With TLS it checks the client's certificate again at each request.
func newServer(e *engine.Engine, lowest string, secure *certs.Server, rest *cmd.Rest, log *slog.Logger) *netapi.Server {
	s := netapi.New(e, netapi.Product{Release: cmd.DockerVersion(), Version: cmd.Version, Lowest: lowest}, log,
		rest.Touch)
	if secure != nil {
		s.Admit(func(c *tls.ConnectionState) error { return secure.Admit(c.PeerCertificates) })
	}
	return s
}
