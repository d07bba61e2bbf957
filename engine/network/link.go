package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of a bridge port, linux/if_link.h IFLA_BRPORT_*.
const (
	brportState    = 1
	brportMode     = 4  // hairpin: a frame may leave by the port it came in by
	brportFlush    = 24 // forget the hardware addresses behind the port
	brportIsolated = 33 // no traffic to other isolated ports
	stateDisabled  = 0
)

// vethPeerInfo is VETH_INFO_PEER of linux/veth.h.
const vethPeerInfo = 1

// pair is a link to be made between a bridge and a sandbox.
type pair struct {
	host   string // name of the end on the bridge
	inside string // name of the end in the sandbox
	mac    net.HardwareAddr
	mtu    int
	bridge int      // index of the bridge
	group  uint32   // group of the outer end
	ns     *os.File // the sandbox
}

// create makes both ends with one message: the outer one up on the bridge, the inner one in the sandbox with its name
// and hardware address. The inner one cannot be up yet, as it has no peer while the kernel makes it (veth_newlink).
func (p pair) create() error {
	up := nl.NewIfInfomsg(unix.AF_UNSPEC)
	up.Flags, up.Change = unix.IFF_UP, unix.IFF_UP
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	req.AddData(up)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.host)))
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(p.bridge))))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(p.group)))
	if p.mtu > 0 {
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(p.mtu))))
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(vethPeerInfo, nil)
	nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC)
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.inside))
	peer.AddRtAttr(unix.IFLA_ADDRESS, p.mac)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(p.ns.Fd())))
	if p.mtu > 0 {
		peer.AddRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(p.mtu)))
	}
	req.AddData(info)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("making link %s: %w", p.host, err)
	}
	return nil
}

// linkIndex finds a link without listing all of them (netdevice(7)).
func linkIndex(name string) (int, error) {
	ask, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ask); err != nil {
		return 0, err
	}
	return int(ask.Uint32()), nil
}

// portSettings changes settings of the bridge port link.
func portSettings(link int, settings map[uint16]byte) error {
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(link)
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	req.AddData(msg)
	info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	for attr, value := range settings {
		info.AddRtAttr(int(attr), []byte{value})
	}
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// configure gives the link in a sandbox its address and the default route, if there is a gateway.
func configure(h *socket, name string, address netip.Prefix, gateway netip.Addr) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s in the sandbox: %w", name, err)
	}
	if err := h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(address), Broadcast: broadcast(address)}); err != nil {
		return fmt.Errorf("address %s in the sandbox: %w", address, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing up link %s in the sandbox: %w", name, err)
	}
	if !gateway.IsValid() {
		return nil
	}
	err = h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway.AsSlice()})
	if err != nil && !errors.Is(err, syscall.EEXIST) { // another network's default route stays
		return fmt.Errorf("default route by %s in the sandbox: %w", gateway, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// broadcast returns the last address of the prefix.
func broadcast(p netip.Prefix) net.IP {
	return address(number(p.Addr()) | (1<<(32-p.Bits()) - 1)).AsSlice()
}

// noSuchLink tells whether err means that a link does not exist.
func noSuchLink(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing) || errors.Is(err, syscall.ENODEV)
}
