package hosts

import (
	"context"
	"fmt"
	"net"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Which says which daemons to look at: those of Hosts and Contexts, or without any, the one that `docker` would take.
type Which struct {
	Hosts    []string // addresses, as for `docker -H`
	Contexts []string // names of contexts
	All      bool     // all stored contexts, and the default one

	Config                 string // folder of the client's settings; empty: the user's
	TLS, TLSVerify         bool   // of Hosts
	TLSCA, TLSCert, TLSKey string // empty: the user's
}

// Open returns the hosts, in the order in which they were named. It connects to none. The caller closes each.
func Open(env *cmd.Env, w Which) ([]*Host, error) {
	sessions, err := w.sessions(env)
	if err != nil {
		return nil, err
	}
	var all []*Host
	for _, s := range sessions {
		h, err := open(s)
		if err != nil && w.All {
			h, err = broken(s.Flags.Context, err)
		}
		if err != nil {
			for _, h := range all {
				h.Close()
			}
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// sessions returns a command line of the client for each daemon.
func (w Which) sessions(env *cmd.Env) (all []*session.Session, err error) {
	for _, host := range w.Hosts {
		s := w.session(env)
		s.Flags.Hosts = []string{host}
		all = append(all, s)
	}
	names := w.Contexts
	if w.All {
		stored, err := w.session(env).Contexts().List()
		if err != nil {
			return nil, err
		}
		names = append(names, session.DefaultContext)
		for _, c := range stored {
			names = append(names, c.Name)
		}
	}
	for _, name := range names {
		s := w.session(env)
		s.Flags.Context = name
		all = append(all, s)
	}
	if len(all) == 0 {
		all = append(all, w.session(env))
	}
	return all, nil
}

func (w Which) session(env *cmd.Env) *session.Session {
	s := session.New(env, func(string) bool { return false })
	f := &s.Flags
	f.TLS, f.TLSVerify = f.TLS || w.TLS, f.TLSVerify || w.TLSVerify
	for to, value := range map[*string]string{&f.Config: w.Config, &f.TLSCA: w.TLSCA, &f.TLSCert: w.TLSCert,
		&f.TLSKey: w.TLSKey} {
		if value != "" {
			*to = value
		}
	}
	return s
}

// open makes the host of a session: named by its context, or by its address.
func open(s *session.Session) (*Host, error) {
	name, err := s.CurrentContext()
	if err != nil {
		return nil, err
	}
	if len(s.Flags.Hosts) > 0 {
		name = s.Flags.Hosts[0]
	}
	away := make(chan struct{}, 1)
	s.Away = func() {
		select {
		case away <- struct{}{}:
		default:
		}
	}
	c, err := s.Client()
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	h := prepare(name, c)
	h.away, h.session = away, s
	if c.Host() == client.DefaultHost {
		h.groups = machineGroups()
	}
	h.start()
	return h, nil
}

// broken returns a host that is dead for the reason why a context cannot be used.
func broken(name string, reason error) (*Host, error) {
	c, err := client.New(client.Options{Host: "context://" + name,
		Dial: func(context.Context) (net.Conn, error) { return nil, reason }})
	if err != nil {
		return nil, err
	}
	return FromClient(name, c), nil
}

// Session returns the command line of the client that the host was opened with, or nil for one of FromClient. It is for
// one command at a time.
func (h *Host) Session() *session.Session { return h.session }

// Docker returns the options with which `docker` talks to the host.
func (h *Host) Docker() []string {
	if h.session == nil {
		return []string{"-H", h.api.Host()}
	}
	f := &h.session.Flags
	args := []string{"--config", f.Config}
	if f.Context != "" {
		return append(args, "--context", f.Context)
	}
	if len(f.Hosts) > 0 {
		args = append(args, "-H", f.Hosts[0])
	}
	if f.TLS || f.TLSVerify {
		args = append(args, fmt.Sprintf("--tls=%v", f.TLS), fmt.Sprintf("--tlsverify=%v", f.TLSVerify), "--tlscacert",
			f.TLSCA, "--tlscert", f.TLSCert, "--tlskey", f.TLSKey)
	}
	return args
}
