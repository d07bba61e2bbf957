package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Other people's firewalls. An accept in box's table does not override a drop in another. So box puts a pass into
// each foreign chain that forwarded packets go through and that could drop them: a pair of rules at its head that
// accepts what comes from or goes to a bridge. Box's own table drops what must not reach a container.

// passMark is the comment that box's rules in foreign chains carry, before the bridge's name.
const passMark = "box "

// foreignChains returns the chains of others that forwarded packets go through: in a table of Docker's its chain for
// users' rules, otherwise every base chain on the forward hook.
func foreignChains(c *nftables.Conn) ([]*nftables.Chain, error) {
	chains, err := c.ListChains()
	if err != nil {
		return nil, fmt.Errorf("listing the chains of nf_tables: %w", err)
	}
	dockerUser := map[string]*nftables.Chain{}
	for _, ch := range chains {
		if ch.Name == "DOCKER-USER" && ch.Table.Family == nftables.TableFamilyIPv4 {
			dockerUser[ch.Table.Name] = ch
		}
	}
	var found []*nftables.Chain
	for _, ch := range chains {
		family := ch.Table.Family
		if ch.Hooknum == nil || *ch.Hooknum != *nftables.ChainHookForward || ch.Type != nftables.ChainTypeFilter ||
			family != nftables.TableFamilyIPv4 && family != nftables.TableFamilyINet ||
			strings.HasPrefix(ch.Table.Name, tablePrefix) {
			continue
		}
		if user := dockerUser[ch.Table.Name]; user != nil && family == nftables.TableFamilyIPv4 {
			found = append(found, user)
			continue
		}
		found = append(found, ch)
	}
	return found, nil
}

// passes adds the missing pairs to foreign chains, except to empty ones that accept.
func (r *rules) passes(bridges []string) error {
	return r.edit(func(c *nftables.Conn, ch *nftables.Chain, have []*nftables.Rule) (bool, error) {
		if len(have) == 0 && (ch.Policy == nil || *ch.Policy == nftables.ChainPolicyAccept) && ch.Name != "DOCKER-USER" {
			return false, nil
		}
		changed := false
		for _, b := range bridges {
			mark := passComment(b)
			if slices.ContainsFunc(have, func(h *nftables.Rule) bool { return string(h.UserData) == string(mark) }) {
				continue
			}
			for _, match := range [][]expr.Any{oif(b, true), iif(b, true)} {
				c.InsertRule(&nftables.Rule{Table: ch.Table, Chain: ch, UserData: mark,
					Exprs: rule(match, []expr.Any{&expr.Counter{}}, accept())})
			}
			changed = true
		}
		return changed, nil
	})
}

// removePasses deletes the pairs of bridges.
func (r *rules) removePasses(bridges []string) error {
	return r.edit(func(c *nftables.Conn, ch *nftables.Chain, have []*nftables.Rule) (bool, error) {
		changed := false
		for _, h := range have {
			if slices.ContainsFunc(bridges, func(b string) bool { return string(h.UserData) == string(passComment(b)) }) {
				h.Chain = ch
				h.Table = ch.Table
				if err := c.DelRule(h); err != nil {
					return false, err
				}
				changed = true
			}
		}
		return changed, nil
	})
}

// edit commits what change does to each foreign chain. A chain that cannot be changed does not keep the others from
// it.
func (r *rules) edit(change func(*nftables.Conn, *nftables.Chain, []*nftables.Rule) (bool, error)) (failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none {
		return nil
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	chains, err := foreignChains(c)
	if err != nil {
		r.disconnect()
		return err
	}
	for _, ch := range chains {
		have, err := c.GetRules(ch.Table, ch)
		if err == nil {
			var changed bool
			changed, err = change(c, ch, have)
			if err == nil && changed {
				err = c.Flush()
			}
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("chain %s of table %s: %w", ch.Name, ch.Table.Name, err))
			r.disconnect()
			if c, err = r.connect(); err != nil {
				return errors.Join(failed, err)
			}
		}
	}
	return failed
}

func passComment(bridge string) []byte {
	return userdata.AppendString(nil, userdata.TypeComment, passMark+bridge)
}

// latest returns the number of the last change to nf_tables by anybody, 0 if it cannot be told. The caller holds the
// lock. The socket stays open for the reason that connect gives.
func (r *rules) latest() uint32 {
	if r.asking == nil {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return 0
		}
		r.asking = conn
	}
	answers, err := r.asking.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   make([]byte, sizeofNfgenmsg),
	})
	if err != nil || len(answers) == 0 || len(answers[0].Data) < sizeofNfgenmsg {
		return 0
	}
	attrs, err := netlink.UnmarshalAttributes(answers[0].Data[sizeofNfgenmsg:])
	if err != nil {
		return 0
	}
	for _, a := range attrs {
		if a.Type == unix.NFTA_GEN_ID && len(a.Data) == 4 {
			return binary.BigEndian.Uint32(a.Data)
		}
	}
	return 0
}

// sizeofNfgenmsg is the size of struct nfgenmsg of linux/netfilter/nfnetlink.h.
const sizeofNfgenmsg = 4
