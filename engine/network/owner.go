package network

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
)

// Several daemons may use one bridge. The links of each are in a group of its own (ip-link(8)), which costs no
// message, and its rules have a mark (engine/network/firewall).

// groupOf returns the link group of the daemon with that mark. Group 0 is everybody's.
func groupOf(mark string) uint32 {
	sum := sha256.Sum256([]byte(mark))
	return binary.BigEndian.Uint32(sum[:])>>1 | 1
}

// retire removes what this daemon has on a bridge, and the link too if the daemon made it and nothing is on it.
func (l *Linux) retire(b *bridge) error {
	shared, err := l.firewall.Retire(b.Bridge)
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

// made tells whether this daemon made a link, or a box that did not mark links yet, which is known by the name.
func (l *Linux) made(b *bridge, link netlink.Link) bool {
	return link.Attrs().Group == l.group || len(b.ID) >= 12 && b.Bridge == "br-"+b.ID[:12]
}

// dying tells whether a link was this daemon's to a container that has left, and only waits to be deleted.
func (l *Linux) dying(link netlink.Link) bool {
	attrs := link.Attrs()
	if attrs.Group != l.group || !strings.HasPrefix(attrs.Name, "veth") {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.endpoints {
		if e.HostLink == attrs.Name {
			return false
		}
	}
	return true
}

// deserted tells whether no link is on a bridge but such as are being deleted.
func (l *Linux) deserted(index int) bool {
	links, err := l.route.LinkList()
	if err != nil {
		return false
	}
	for _, link := range links {
		if link.Attrs().MasterIndex == index && !l.dying(link) {
			return false
		}
	}
	return true
}
