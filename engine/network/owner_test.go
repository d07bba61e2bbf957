package network

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSharedBridge has daemons come and go on one bridge, with rules and without. Each removes only its own.
func TestSharedBridge(t *testing.T) {
	if !onHost(t) {
		return
	}
	h := newHost(t)
	first := h.join(t, Options{}, 2)
	reached := func(when string, want ...*neighbour) {
		t.Helper()
		for _, n := range want {
			for _, at := range []string{"127.0.0.1", hostAddress} {
				if _, err := ask("", "tcp", at+n.port); err != nil {
					t.Errorf("%s: port %s of %s: %v", when, n.port, n.address, err)
				}
			}
		}
		if !slices.Contains([]string{"1"}, loopback(t)) {
			t.Errorf("%s: route_localnet is off", when)
		}
	}
	reached("alone", first)
	bare := h.join(t, Options{NoRules: true}, 0)
	reached("beside one without rules", first)
	second := h.join(t, Options{}, 3)
	reached("beside one with rules", first, second)
	second.again(t)
	reached("after the second's crash", first, second)
	must(t, bare.plane.Close(true))
	reached("without the bare one", first, second)
	second.leave(t)
	reached("without the second", first)
	if text := program(t, "nft", "list tables"); strings.Count(text, "box-") != 1 {
		t.Errorf("tables after the second's end:\n%s", text)
	}
	if _, err := net.InterfaceByName("boxtest0"); err != nil {
		t.Error(err)
	}
	first.leave(t)
	if text := program(t, "nft", "list tables"); strings.Contains(text, "box-") {
		t.Errorf("tables after all:\n%s", text)
	}
	if _, err := net.InterfaceByName("boxtest0"); err == nil {
		t.Error("the bridge is left")
	}
}

// TestFirstLeaves checks that the second daemon's ports stay when the one leaves that made the bridge and has the
// plain table.
func TestFirstLeaves(t *testing.T) {
	if !onHost(t) {
		return
	}
	h := newHost(t)
	program(t, "iptables-legacy", "-P", "FORWARD", "DROP")
	program(t, "nft", "add table inet fw; add chain inet fw forward { type filter hook forward priority 0; policy drop; }")
	first, second := h.join(t, Options{}, 2), h.join(t, Options{}, 3)
	first.leave(t)
	for from, at := range map[string]string{"": "127.0.0.1", h.remote: hostAddress} {
		if _, err := ask(from, "tcp", at+second.port); err != nil {
			t.Errorf("%s%s: %v", at, second.port, err)
		}
	}
	second.leave(t)
	if text := program(t, "nft", "list ruleset") + program(t, "iptables-legacy", "-S"); strings.Contains(text, "box") {
		t.Errorf("rules left:\n%s", text)
	}
}

// TestLoopbackIsGuarded checks that route_localnet is on only while rules keep strangers off, and that somebody
// else's bridge stays.
func TestLoopbackIsGuarded(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	newHost(t)
	program(t, "ip", "link", "add", "boxtest0", "type", "bridge")
	n, dir := testNetwork("boxtest0"), t.TempDir()
	l, err := Open(Options{ExecRoot: dir})
	must(t, err)
	must(t, l.Create(ctx, n))
	if loopback(t) != "1" {
		t.Error("with rules: off")
	}
	must(t, l.Close(false))
	if loopback(t) != "1" || !strings.Contains(program(t, "nft", "list ruleset"), "box-boxtest0") {
		t.Error("the end of a daemon whose containers run on took rules away")
	}
	l, err = Open(Options{ExecRoot: dir, NoRules: true})
	must(t, err)
	must(t, writeSysctl(localnet, "1"))
	must(t, l.Create(ctx, n))
	if loopback(t) != "0" || strings.Contains(program(t, "nft", "list ruleset"), "box-") {
		t.Error("without rules: on, or its own table is left")
	}
	must(t, l.Close(true))
	if loopback(t) != "0" {
		t.Error("without rules: on at the end")
	}
	if _, err := net.InterfaceByName("boxtest0"); err != nil {
		t.Error("a bridge that box did not make: ", err)
	}
}

// localnet returns the setting that opens 127/8 to what comes by the bridge.
const localnet = "net/ipv4/conf/boxtest0/route_localnet"

func loopback(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/sys/" + localnet)
	must(t, err)
	return strings.TrimSpace(string(raw))
}

// neighbour starts a daemon on the bridge with one container that has a published port. Without rules it has no port.
type neighbour struct {
	o             Options
	plane         *Linux
	network       Network
	address, port string
	web           Endpoint
}

func (h *host) join(t *testing.T, o Options, n int) *neighbour {
	t.Helper()
	ctx := context.Background()
	o.ExecRoot, o.Holder = t.TempDir(), &ownHolder{files: map[string][]int{}}
	d := &neighbour{o: o, network: testNetwork("boxtest0")}
	var err error
	d.plane, err = Open(o)
	must(t, err)
	must(t, d.plane.Restore(ctx, []Network{d.network}, nil))
	if o.NoRules {
		return d
	}
	path, err := d.plane.Sandbox(ctx, id(n), "", nil)
	must(t, err)
	serve(t, path, "tcp", ":80")
	port := uint16(8080 + n)
	d.web, err = d.plane.Join(ctx, Request{Container: id(n), Gateway: true, Network: d.network.ID, Endpoint: endpointID(n),
		Address: netip.AddrFrom4([4]byte{172, 30, 0, byte(n)}),
		Ports:   []Port{{Proto: "tcp", Container: 80, Host: port, HostIP: netip.IPv4Unspecified()}}})
	must(t, err)
	d.address, d.port = d.web.Address.String(), netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()[len("0.0.0.0"):]
	return d
}

// again starts a daemon in the place of one that was killed.
func (d *neighbour) again(t *testing.T) {
	t.Helper()
	var err error
	d.plane, err = Open(d.o)
	must(t, err)
	must(t, d.plane.Restore(context.Background(), []Network{d.network}, []Endpoint{d.web}))
}

func (d *neighbour) leave(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	must(t, d.plane.Leave(ctx, d.web))
	must(t, d.plane.RemoveSandbox(ctx, d.web.Container))
	link := d.web.HostLink
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // only an empty bridge is removed
		if _, err := net.InterfaceByName(link); err != nil || time.Now().After(end) {
			break
		}
	}
	must(t, d.plane.Close(true))
}
