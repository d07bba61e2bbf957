package network

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// socket is an open route netlink socket, and what is asked of the kernel through it. It has the methods of a
// netlink.Handle as values: a field of that type, in what is kept in an interface, keeps all of its methods in the
// file (0.8 MB), since text/template calls methods by name.
type socket struct {
	LinkList            func() ([]netlink.Link, error)
	LinkByName          func(name string) (netlink.Link, error)
	LinkByIndex         func(index int) (netlink.Link, error)
	LinkAdd             func(netlink.Link) error
	LinkDel             func(netlink.Link) error
	LinkSetUp           func(netlink.Link) error
	LinkSetHardwareAddr func(netlink.Link, net.HardwareAddr) error
	AddrList            func(link netlink.Link, family int) ([]netlink.Addr, error)
	AddrAdd             func(netlink.Link, *netlink.Addr) error
	AddrDel             func(netlink.Link, *netlink.Addr) error
	RouteAdd            func(*netlink.Route) error
	RouteReplace        func(*netlink.Route) error
	RouteDel            func(*netlink.Route) error
	RouteList           func(link netlink.Link, family int) ([]netlink.Route, error)
	Close               func()
}

// newSocket opens a socket in the network namespace of the calling thread.
func newSocket() (*socket, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a route netlink socket: %w", err)
	}
	return socketOf(h), nil
}

// socketAt opens a socket in another network namespace.
func socketAt(ns *os.File) (*socket, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a route netlink socket in %s: %w", ns.Name(), err)
	}
	return socketOf(h), nil
}

func socketOf(h *netlink.Handle) *socket {
	return &socket{
		LinkList: h.LinkList, LinkByName: h.LinkByName, LinkByIndex: h.LinkByIndex, LinkAdd: h.LinkAdd,
		LinkDel: h.LinkDel, LinkSetUp: h.LinkSetUp, LinkSetHardwareAddr: h.LinkSetHardwareAddr,
		AddrList: h.AddrList, AddrAdd: h.AddrAdd, AddrDel: h.AddrDel, RouteAdd: h.RouteAdd,
		RouteReplace: h.RouteReplace, RouteDel: h.RouteDel, RouteList: h.RouteList, Close: h.Close,
	}
}
