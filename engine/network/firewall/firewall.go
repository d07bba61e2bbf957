package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
)

// Bridge is what the rules of a bridge depend on.
type Bridge struct {
	Name       string       // name of the link
	Subnet     netip.Prefix // addresses of its containers
	Internal   bool         // no way out
	ICC        bool         // its containers may talk to each other
	Masquerade bool         // source NAT on the way out
}

// Port is a published port of the host. Rules pass over those on IPv6 addresses.
type Port struct {
	Proto  string     // tcp, udp or sctp
	HostIP netip.Addr // unspecified for every address
	Host   uint16
	To     netip.AddrPort // address and port of the container
}

// Firewall is one daemon's rules in this host's kernel. Its methods may be called from any goroutine.
type Firewall struct {
	rules rules
	warn  func(sentence string)

	mu     sync.Mutex
	legacy string // state of the legacy iptables filter table when it was last looked at
}

// New returns the Firewall of the daemon with a mark. With off it makes no rule and removes what the daemon has. It
// tells warn what this host cannot do.
func New(mark string, off bool, warn func(string)) *Firewall {
	return &Firewall{rules: rules{owner: mark, off: off}, warn: warn}
}

// Install writes the rules of a bridge and its published ports in place of those that exist, and makes other
// firewalls let its packets pass. It may be called again at any time.
func (f *Firewall) Install(b Bridge, ports []Port) error {
	if f.rules.off {
		_, err := f.Retire(b.Name)
		return err
	}
	defer lockSetting(b.Name)()
	err := f.rules.write(b, ports)
	if noTables(err) {
		f.rules.mu.Lock()
		f.rules.none = true
		f.rules.mu.Unlock()
		f.warn("no nf_tables NAT in this kernel (" + err.Error() + "): containers have no way out, published ports are " +
			"forwarded by a process; load nf_tables, nft_chain_nat, nft_masq and nft_fib_ipv4, or run a kernel that has them")
		return closeLoopback(b.Name)
	}
	if err != nil {
		return err
	}
	if err := openLoopback(b.Name); err != nil {
		f.warn("ports are not reachable on 127.0.0.1: " + err.Error())
	}
	f.passes([]string{b.Name})
	return nil
}

// ErrChanged means that somebody else removed or changed the table. Install writes it anew.
var ErrChanged = errors.New("the rules were changed by another")

// Publish adds ports to those of a bridge. It adds none if it returns ErrChanged.
func (f *Firewall) Publish(bridge string, ports []Port) error {
	err := f.rules.add(bridge, ports)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EEXIST) { // the table was flushed, or is an old one
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return err
}

// Unpublish takes ports back. Unknown ones are no error.
func (f *Firewall) Unpublish(bridge string, ports []Port) error { return f.rules.remove(bridge, ports) }

// Missing tells whether no rule is made: rules are off, or the kernel turned out to have no nf_tables.
func (f *Firewall) Missing() bool { return f.rules.off || f.rules.missing() }

// Retire removes what this daemon has on a bridge and tells whether other daemons have rules there. If none has, it
// first removes what must not exist without rules.
func (f *Firewall) Retire(bridge string) (shared bool, err error) {
	defer lockSetting(bridge)()
	own, others, err := f.rules.find(bridge)
	if err != nil {
		return false, err
	}
	if len(others) == 0 {
		if err := closeLoopback(bridge); err != nil {
			return false, err
		}
		if err := f.removePasses([]string{bridge}); err != nil {
			return false, err
		}
	}
	if own != "" {
		err = f.rules.drop(bridge, own)
	}
	return len(others) > 0, err
}

// Attend puts back what a change of somebody else's firewall removed for these bridges, and makes a new firewall let
// their packets pass. It costs little if nobody changed anything.
func (f *Firewall) Attend(bridges []string) {
	if f.rules.off {
		return
	}
	f.rules.mu.Lock()
	same := !f.rules.none && f.rules.generation == f.rules.latest()
	f.rules.mu.Unlock()
	legacy := xtablesState()
	f.mu.Lock()
	same = same && f.legacy == legacy
	f.mu.Unlock()
	if same {
		return
	}
	f.passes(bridges)
	legacy = xtablesState()
	f.rules.mu.Lock()
	f.rules.generation = f.rules.latest()
	f.rules.mu.Unlock()
	f.mu.Lock()
	f.legacy = legacy
	f.mu.Unlock()
}

// passes puts what is missing into foreign chains. It warns if it cannot.
func (f *Firewall) passes(bridges []string) {
	if err := f.rules.passes(bridges); err != nil {
		f.warn("the firewall on this host may drop containers' traffic: " + err.Error())
	}
	for _, b := range bridges {
		if err := xtablesPass(b); err != nil {
			f.warn("the legacy iptables firewall on this host may drop containers' traffic: " + err.Error())
		}
	}
}

// removePasses takes the passes of bridges out of foreign chains.
func (f *Firewall) removePasses(bridges []string) error {
	err := f.rules.removePasses(bridges)
	for _, b := range bridges {
		err = errors.Join(err, xtablesUnpass(b))
	}
	if err != nil {
		return fmt.Errorf("taking box's rules out of the host's firewall: %w", err)
	}
	return nil
}

// Close ends the use of the kernel's rules, which stay.
func (f *Firewall) Close() { f.rules.close() }

// Probe tries the rules of a bridge, and those in the chains of others, in the network namespace of the calling
// thread, which must be left afterwards. nil means that they work.
func Probe(b Bridge, ports []Port) (nat, firewalls error) {
	r := &rules{}
	defer r.close()
	return r.write(b, ports), r.passes([]string{b.Name})
}

// Protocol returns the number of a protocol with ports, by Docker's name.
func Protocol(name string) (number int, known bool) {
	n, known := protocols[name]
	return int(n), known
}
