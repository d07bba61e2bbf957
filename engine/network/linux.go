package network

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"box/engine/network/firewall"
)

// Options say where a plane keeps its things and what it leaves alone.
type Options struct {
	ExecRoot  string       // sandboxes are at ExecRoot/netns/<first 12 digits of the container's ID>
	Holder    Holder       // keeps the descriptors of published ports; nil: this process, as long as it lives
	Log       *slog.Logger // nil for none
	NoRules   bool         // make no rule: there is no way out, and a process forwards published ports
	NoForward bool         // leave the forwarding of IPv4 as it is
}

// Linux is the Plane on a Linux kernel. It does everything by netlink and files in /proc/sys, in the network
// namespace of this process.
type Linux struct {
	dir       string // folder of the sandboxes
	holder    Holder
	noForward bool
	log       *slog.Logger
	route     *socket
	reaper    *reaper
	group     uint32 // group of the links that this daemon makes

	mu        sync.Mutex // guards what follows; never held over a call to the kernel
	networks  map[string]*bridge
	endpoints map[string]*Endpoint
	fresh     map[string]*socket // container -> socket in a sandbox that nothing has joined yet
	ports     portTable
	warnings  []string
	conntrack *conntrack // opened when it is first needed

	firewall *firewall.Firewall
}

// bridge is a network and the addresses in use on it.
type bridge struct {
	Network
	index int // index of the link
	pool  *pool
}

// Open makes a plane and the folder for sandboxes; it changes nothing else in the kernel.
func Open(o Options) (*Linux, error) {
	l := &Linux{
		dir: filepath.Join(o.ExecRoot, "netns"), holder: o.Holder, log: o.Log, noForward: o.NoForward,
		networks: map[string]*bridge{}, endpoints: map[string]*Endpoint{}, fresh: map[string]*socket{},
		ports: portTable{},
	}
	mark := firewall.Mark(o.ExecRoot)
	l.group = groupOf(mark)
	l.firewall = firewall.New(mark, o.NoRules, l.warn)
	if l.log == nil {
		l.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if l.holder == nil {
		l.holder = &ownHolder{files: map[string][]int{}}
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of network namespaces: %w", err)
	}
	var err error
	if l.route, err = newSocket(); err != nil {
		return nil, err
	}
	l.reaper = newReaper(l.log)
	return l, nil
}

// Close implements Plane. It waits for links that are being deleted.
func (l *Linux) Close(last bool) error {
	l.mu.Lock()
	for id, h := range l.fresh {
		h.Close()
		delete(l.fresh, id)
	}
	last = last && len(l.endpoints) == 0
	bridges := slices.Collect(maps.Values(l.networks))
	l.mu.Unlock()
	l.reaper.close()
	var err error
	for _, b := range bridges {
		if last {
			err = errors.Join(err, l.retire(b))
		}
	}
	l.firewall.Close()
	if l.conntrack != nil {
		l.conntrack.close()
	}
	l.route.Close()
	return err
}

// Warnings implements Plane.
func (l *Linux) Warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.warnings)
}

// warn records a sentence for docker info, once.
func (l *Linux) warn(text string) {
	l.mu.Lock()
	known := slices.Contains(l.warnings, text)
	if !known {
		l.warnings = append(l.warnings, text)
	}
	l.mu.Unlock()
	if !known {
		l.log.Warn(text)
	}
}

// network finds a network that was created and has its bridge.
func (l *Linux) network(id string) (*bridge, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.networks[id]
	if b == nil {
		return nil, fmt.Errorf("network %s is not set up: %w", id, errdefs.ErrNotFound)
	}
	if b.index == 0 {
		return nil, fmt.Errorf("bridge %s of network %s could not be made when the daemon started: %w", b.Bridge, b.Name,
			errdefs.ErrUnavailable)
	}
	return b, nil
}
