package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
)

// Several daemons may use one bridge. Each has its own table there, whose first rule names the daemon. A daemon
// leaves alone what is another's, and what another's table needs: route_localnet and the passes.

// ownerMark starts the comment that names a daemon by its exec root.
const ownerMark = "box of "

// maxMark is the longest comment that nft(8) shows.
const maxMark = 120

// Mark returns what tells the daemon with that exec root from others on a host.
func Mark(execRoot string) string {
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

// find returns the name of this daemon's table on a bridge, "" for none, and the names of other daemons' tables.
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

// noTables tells whether err means that the kernel has no nf_tables.
func noTables(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, syscall.ENOENT)
}

// tables is find with the lock held. A table without a mark is from a box that did not make marks yet.
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
	case errors.Is(err, syscall.EINVAL): // nfnetlink's answer for a missing subsystem
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

// markOf returns the mark of a table, "" for none.
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

// name chooses the name of this daemon's table on a bridge: the plain one unless another daemon has that. The caller
// holds the lock.
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
