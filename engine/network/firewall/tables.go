package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"box/fs/module"
)

// rules keeps a bridge's rules in an nf_tables table of its own, `ip box-<bridge>` (owner.go says what a second
// daemon on the bridge has). The published ports are elements of one map there, so that ten thousand of them cost a
// packet one look-up. A table is written whole in one transaction and can be rewritten at any time: connections do
// not notice, since the kernel asks NAT rules only for new ones.
type rules struct {
	owner      string            // the mark of this daemon
	names      map[string]string // bridge -> table, once it was written
	mu         sync.Mutex        // one transaction at a time: the nftables package numbers sets in a variable of its own
	off        bool              // this daemon makes none
	none       bool              // the kernel has no nf_tables
	conn       *nftables.Conn    // for transactions
	asking     *netlink.Conn     // for the generation
	generation uint32            // of nf_tables when foreign chains were last looked at, counted on with each transaction
}

// tablePrefix starts the names of box's tables.
const tablePrefix = "box-"

// nftModules are the modules that the tables need, for kernels that cannot ask for modules themselves.
var nftModules = []string{"nf_tables", "nf_conntrack", "nft_ct", "nf_nat", "nft_chain_nat", "nft_nat", "nft_masq",
	"nft_fib_ipv4", "nft_counter"}

// table returns this daemon's table on a bridge, under the name that was last written. The caller holds the lock.
func (r *rules) table(bridge string) *nftables.Table {
	name := r.names[bridge]
	if name == "" {
		name = tablePrefix + bridge
	}
	return &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}
}

// portMap returns the map of published ports: from address, protocol and port on the host to address and port of the
// container. The address is 0.0.0.0 if any will do.
func portMap(t *nftables.Table) *nftables.Set {
	return &nftables.Set{
		Table: t, Name: "ports", IsMap: true, Concatenation: true,
		KeyType:  nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetProto, nftables.TypeInetService),
		DataType: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetService),
	}
}

// protocols are the protocols with ports, by Docker's names.
var protocols = map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "sctp": unix.IPPROTO_SCTP}

// elements returns the map's elements for IPv4 ports.
func elements(ports []Port) []nftables.SetElement {
	var list []nftables.SetElement
	for _, p := range ports {
		if !p.HostIP.Is4() {
			continue // forwarded by the holder
		}
		key, val := make([]byte, 12), make([]byte, 8)
		copy(key, p.HostIP.AsSlice())
		key[4] = protocols[p.Proto]
		binary.BigEndian.PutUint16(key[8:], p.Host)
		copy(val, p.To.Addr().AsSlice())
		binary.BigEndian.PutUint16(val[4:], p.To.Port())
		list = append(list, nftables.SetElement{Key: key, Val: val})
	}
	return list
}

// write puts b's table into the kernel in place of what it had.
func (r *rules) write(b Bridge, published []Port) error {
	return r.transact("rules of "+b.Name, func(c *nftables.Conn) error {
		name, err := r.name(b.Name)
		if err != nil {
			return err
		}
		if r.names == nil {
			r.names = map[string]string{}
		}
		r.names[b.Name] = name
		t := r.table(b.Name)
		c.AddTable(t)
		c.DelTable(t)
		c.AddTable(t)
		ports := portMap(t)
		if err := c.AddSet(ports, nil); err != nil {
			return err
		}
		chains := map[string]*nftables.Chain{}
		accept := nftables.ChainPolicyAccept
		for _, base := range baseChains {
			chains[base.name] = c.AddChain(&nftables.Chain{Table: t, Name: base.name, Type: base.kind, Hooknum: base.hook,
				Priority: base.priority, Policy: &accept})
		}
		mark := userdata.AppendString(nil, userdata.TypeComment, r.owner)
		for _, row := range bridgeRules(b, ports) {
			c.AddRule(&nftables.Rule{Table: t, Chain: chains[row.chain], Exprs: row.exprs, UserData: mark})
			mark = nil // the first rule has it
		}
		return addElements(c, ports, elements(published))
	})
}

// addElements adds what fits into one netlink attribute (64 KB) at a time.
func addElements(c *nftables.Conn, set *nftables.Set, all []nftables.SetElement) error {
	for chunk := range slices.Chunk(all, 400) {
		if err := c.SetAddElements(set, chunk); err != nil {
			return err
		}
	}
	return nil
}

// add publishes ports.
func (r *rules) add(bridge string, ports []Port) error {
	list := elements(ports)
	if len(list) == 0 || r.off {
		return nil
	}
	return r.transact("publishing ports on "+bridge, func(c *nftables.Conn) error {
		return addElements(c, portMap(r.table(bridge)), list)
	})
}

// remove takes ports back. Rules that are gone are no error.
func (r *rules) remove(bridge string, ports []Port) error {
	list := elements(ports)
	if len(list) == 0 || r.off {
		return nil
	}
	err := r.transact("unpublishing ports on "+bridge, func(c *nftables.Conn) error {
		return c.SetDeleteElements(portMap(r.table(bridge)), list)
	})
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// drop removes this daemon's table on a bridge, which has that name.
func (r *rules) drop(bridge, name string) error {
	return r.transact("removing the rules of "+bridge, func(c *nftables.Conn) error {
		delete(r.names, bridge)
		t := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}
		c.AddTable(t) // so that a table that is gone is no error
		c.DelTable(t)
		return nil
	})
}

// missing tells whether the kernel has no nf_tables.
func (r *rules) missing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.none
}

// transact runs build and commits what it put together. It does nothing if the kernel has no nf_tables.
func (r *rules) transact(what string, build func(*nftables.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none {
		return nil
	}
	err := module.With(nftModules, func() error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		if err = build(c); err == nil {
			err = c.Flush()
		}
		if err != nil {
			r.disconnect()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	r.generation++
	return nil
}

// sendBuffer holds a transaction of some ten thousand elements; netlink takes a transaction in one piece.
const sendBuffer = 8 << 20

// connect returns the connection, which stays open: closing one waits until all that was deleted over it is freed,
// which takes the kernel 12 ms (nft_rcv_nl_event). The caller holds the lock.
func (r *rules) connect() (*nftables.Conn, error) {
	if r.conn != nil {
		return r.conn, nil
	}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		return raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer)
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, sendBuffer)
		})
	}))
	if err != nil {
		return nil, fmt.Errorf("opening a netfilter netlink socket: %w", err)
	}
	r.conn = conn
	return conn, nil
}

// disconnect closes the connection after an error, so that late answers are not taken for those to the next
// transaction. The caller holds the lock.
func (r *rules) disconnect() {
	if r.conn != nil {
		r.conn.CloseLasting()
		r.conn = nil
	}
}

// close ends the use of the kernel's rules, which stay.
func (r *rules) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disconnect()
	if r.asking != nil {
		r.asking.Close()
		r.asking = nil
	}
}
