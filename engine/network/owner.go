package network

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Several daemons may use one bridge. Each has a table of its own there, whose first rule says whose it is; links
// that it makes are in a group of its own (ip-link(8)), which costs no message. What is another's stays, and so does
// what the table of another needs: route_localnet and the passes.

// ownerMark starts the comment that names a daemon by its exec root.
const ownerMark = "box of "

// maxMark is the longest comment that nft(8) shows.
const maxMark = 120

// ownerOf is the mark of the daemon with that exec root.
func ownerOf(execRoot string) string {
	if path, err := filepath.Abs(execRoot); err == nil {
		execRoot = path
	}
	if mark := ownerMark + execRoot; len(mark) <= maxMark {
		return mark
	}
	return ownerMark + digest(execRoot)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// groupOf is the group of the links of the daemon with that mark; 0 is everybody's.
func groupOf(mark string) uint32 {
	sum := sha256.Sum256([]byte(mark))
	return binary.BigEndian.Uint32(sum[:])>>1 | 1
}

// find tells the name of this daemon's table on a bridge, "" for none, and those of other daemons.
func (r *rules) find(bridge string) (own string, others []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none {
		return "", nil, nil
	}
	if own, others, err = r.tables(bridge); noTables(err) {
		r.none = true
		err = nil
	}
	return own, others, err
}

// noTables tells that the kernel has no nf_tables.
func noTables(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, syscall.ENOENT)
}

// tables is find with the lock held. A table without a mark is of a box that made none yet.
func (r *rules) tables(bridge string) (own string, others []string, err error) {
	c, err := r.connect()
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			r.disconnect()
		}
	}()
	list, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	switch {
	case errors.Is(err, syscall.EINVAL): // nfnetlink's word for a subsystem that is not there
		return "", nil, fmt.Errorf("listing the tables of nf_tables: %w", syscall.EOPNOTSUPP)
	case err != nil:
		return "", nil, fmt.Errorf("listing the tables of nf_tables: %w", err)
	}
	base := tablePrefix + bridge
	for _, t := range list {
		if t.Name != base && !strings.HasPrefix(t.Name, base+"/") {
			continue
		}
		mark, err := markOf(c, t)
		switch {
		case errors.Is(err, syscall.ENOENT): // gone meanwhile
		case err != nil:
			return "", nil, fmt.Errorf("reading whose table %s is: %w", t.Name, err)
		case mark == r.owner || mark == "" && t.Name == base:
			own = t.Name
		default:
			others = append(others, t.Name)
		}
	}
	return own, others, nil
}

// markOf is the mark of a table, "" for none.
func markOf(c *nftables.Conn, t *nftables.Table) (string, error) {
	list, err := c.GetRules(t, &nftables.Chain{Table: t, Name: baseChains[0].name})
	if err != nil {
		return "", err
	}
	for _, have := range list {
		if mark, ok := userdata.GetString(have.UserData, userdata.TypeComment); ok && strings.HasPrefix(mark, ownerMark) {
			return mark, nil
		}
	}
	return "", nil
}

// name chooses the name of this daemon's table on a bridge: the plain one where no other daemon has it. The lock is
// held.
func (r *rules) name(bridge string) (string, error) {
	own, others, err := r.tables(bridge)
	if err != nil || own != "" {
		return own, err
	}
	base := tablePrefix + bridge
	for _, other := range others {
		if other == base {
			return base + "/" + digest(r.owner), nil // no name of a link has a slash
		}
	}
	return base, nil
}

// retire takes away what this daemon has on a bridge, with the link if the daemon made it and nothing is on it.
func (l *Linux) retire(b *bridge) error {
	shared, err := l.retireRules(b)
	if err != nil || b.index == 0 {
		return err
	}
	link, err := l.route.LinkByIndex(b.index)
	if err == nil && !shared && l.made(b, link) && l.deserted(b.index) {
		err = l.route.LinkDel(link)
	}
	if err != nil && !noSuchLink(err) {
		return fmt.Errorf("deleting bridge %s: %w", b.Bridge, err)
	}
	return nil
}

// retireRules takes away the rules that this daemon has on a bridge; where no other has any, first what must not be
// there without.
func (l *Linux) retireRules(b *bridge) (shared bool, err error) {
	defer lockSetting(b.Bridge)()
	own, others, err := l.rules.find(b.Bridge)
	if err != nil {
		return false, err
	}
	if len(others) == 0 {
		if err := closeLoopback(b.Bridge); err != nil {
			return false, err
		}
		if err := l.removePasses([]string{b.Bridge}); err != nil {
			return false, err
		}
	}
	if own != "" {
		err = l.rules.drop(b.Bridge, own)
	}
	return len(others) > 0, err
}

// made tells whether a link was made by this daemon, or by a box that marked none: by the name that such a one chose.
func (l *Linux) made(b *bridge, link netlink.Link) bool {
	return link.Attrs().Group == l.group || len(b.ID) >= 12 && b.Bridge == "br-"+b.ID[:12]
}

// deserted tells whether no link is on a bridge.
func (l *Linux) deserted(index int) bool {
	links, err := l.route.LinkList()
	if err != nil {
		return false
	}
	for _, link := range links {
		if link.Attrs().MasterIndex == index {
			return false
		}
	}
	return true
}

func localnet(bridge string) string { return "net/ipv4/conf/" + bridge + "/route_localnet" }

// openLoopback lets ports that are published on 127.0.0.1 be rewritten on their way out by the bridge. The rules,
// which are there already, keep strangers off 127/8.
func openLoopback(bridge string) error { return setLoopback(bridge, "1") }

// closeLoopback undoes that, before the last rules go.
func closeLoopback(bridge string) error { return setLoopback(bridge, "0") }

func setLoopback(bridge, want string) error {
	now, err := os.ReadFile("/proc/sys/" + localnet(bridge))
	if err == nil && strings.TrimSpace(string(now)) == want || want == "0" && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return writeSysctl(localnet(bridge), want)
}

// settingWait bounds how long one daemon waits for another that changes what both use.
const settingWait = 2 * time.Second

// lockSetting keeps other daemons from changing the setting of a bridge between the look at its tables and the change.
func lockSetting(bridge string) (unlock func()) {
	f, err := os.Open("/proc/sys/" + localnet(bridge))
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(settingWait); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
	}
	return func() { f.Close() }
}
