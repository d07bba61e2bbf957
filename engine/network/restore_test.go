package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

var _ Plane = (*Linux)(nil)

func TestPortsInUse(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	h := newHost(t)
	l, n := openPlane(t, "boxtest0")
	busy, err := net.Listen("tcp4", "0.0.0.0:7777")
	must(t, err)
	defer busy.Close()
	path, err := l.Sandbox(ctx, id(1), "", nil)
	must(t, err)
	join := func(i int, ports ...Port) (Endpoint, error) {
		return l.Join(ctx, Request{Container: id(1), Gateway: true, Name: "web", Network: n.ID, Endpoint: endpointID(i), Ports: ports})
	}
	first, err := join(1, Port{Proto: "tcp", Container: 80, Host: 8080})
	must(t, err)
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	if len(first.Ports) != 2 || first.Ports[0].HostIP != any4 || first.Ports[1].HostIP != any6 ||
		first.Ports[1].Host != 8080 {
		t.Errorf("bound %+v", first.Ports)
	}
	local := netip.MustParseAddr("127.0.0.1")
	for _, row := range []struct {
		port  Port
		want  string
		class error
	}{
		{Port{Proto: "tcp", Host: 8080}, "Bind for 0.0.0.0:8080 failed: port is already allocated", errdefs.ErrConflict},
		{Port{Proto: "tcp", Host: 8080, HostIP: local}, "Bind for 127.0.0.1:8080 failed: port is already allocated",
			errdefs.ErrConflict},
		{Port{Proto: "tcp", Host: 7777}, "failed to bind host port 0.0.0.0:7777/tcp: address already in use",
			errdefs.ErrConflict},
		{Port{Proto: "tcp", Host: 8000, HostIP: netip.MustParseAddr("198.51.100.7")},
			"failed to bind host port 198.51.100.7:8000/tcp: cannot assign requested address", errdefs.ErrFailedPrecondition},
		{Port{Proto: "icmp", Host: 8000}, `protocol "icmp"`, errdefs.ErrInvalidArgument},
	} {
		row.port.Container = 80
		_, err := join(2, Port{Proto: "tcp", Container: 81, Host: 8090}, row.port)
		want := "driver failed programming external connectivity on endpoint web (" + endpointID(2) + "): "
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), row.want) ||
			!errors.Is(err, row.class) {
			t.Errorf("%+v: %v", row.port, err)
		}
	}
	// A failure leaves nothing: the port beside it and the address are free.
	second, err := join(3, Port{Proto: "tcp", Container: 81, Host: 8090}, Port{Proto: "udp", Container: 80, Host: 8080},
		Port{Proto: "tcp", Container: 80, HostIP: any4},
		Port{Proto: "tcp", Container: 80, Host: 7777, HostEnd: 7779, HostIP: any4})
	must(t, err)
	if second.Address.Addr().String() != "172.30.0.3" || second.Interface != "eth1" {
		t.Errorf("%+v", second)
	}
	if last := second.Ports[len(second.Ports)-2:]; last[0].Host != firstFree || last[1].Host != 7778 {
		t.Errorf("bound %+v", last)
	}
	if l, err := net.Listen("tcp4", "127.0.0.1:8080"); err == nil {
		l.Close()
		t.Error("another program could listen on a published port")
	}
	serve(t, path, "tcp", ":80")
	if _, err := ask(h.remote, "tcp", hostAddress+":7778"); err != nil {
		t.Error(err)
	}
	for _, e := range []Endpoint{first, second} {
		must(t, l.Leave(ctx, e))
		must(t, l.Leave(ctx, e)) // doing it again is no error
	}
	must(t, l.RemoveSandbox(ctx, id(1)))
	again, err := net.Listen("tcp", ":8080")
	must(t, err)
	again.Close()
}

// TestRestoreAfterACrash checks what a killed daemon leaves: a container that lives on, one that has ended, and
// rules.
func TestRestoreAfterACrash(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	h := newHost(t)
	dir := t.TempDir()
	holder := &ownHolder{files: map[string][]int{}}
	l, err := Open(Options{ExecRoot: dir, Holder: holder})
	must(t, err)
	n := testNetwork("boxtest0")
	must(t, l.Create(ctx, n))
	var ends []Endpoint
	for i := range 2 {
		path, err := l.Sandbox(ctx, id(i), "", nil)
		must(t, err)
		serve(t, path, "tcp", ":80")
		e, err := l.Join(ctx, Request{Container: id(i), Gateway: true, Network: n.ID, Endpoint: endpointID(i),
			Ports: []Port{{Proto: "tcp", Container: 80, Host: uint16(8080 + i), HostIP: netip.IPv4Unspecified()}}})
		must(t, err)
		ends = append(ends, e)
	}
	program(t, "nft", "delete table ip box-boxtest0") // somebody changed the rules meanwhile

	l, err = Open(Options{ExecRoot: dir, Holder: holder})
	must(t, err)
	must(t, l.Restore(ctx, []Network{n}, ends[:1]))
	if _, err := ask(h.remote, "tcp", hostAddress+":8080"); err != nil {
		t.Errorf("the container that lives on: %v", err)
	}
	if _, err := ask(h.remote, "tcp", hostAddress+":8081"); err == nil {
		t.Error("the port of the container that ended is still published")
	}
	names, err := l.Sandboxes(ctx)
	if err != nil || len(names) != 2 {
		t.Errorf("sandboxes %v, %v", names, err)
	}
	must(t, l.RemoveSandbox(ctx, id(1)))
	_, err = l.Sandbox(ctx, id(7), "", nil)
	must(t, err)
	e, err := l.Join(ctx, Request{Container: id(7), Gateway: true, Network: n.ID, Endpoint: endpointID(7)})
	must(t, err)
	if e.Address.Addr() != ends[1].Address.Addr() {
		t.Errorf("address %s, %s is free", e.Address, ends[1].Address)
	}
	if _, err := l.Join(ctx, Request{Container: id(7), Gateway: true, Network: n.ID, Endpoint: endpointID(8),
		Ports: []Port{{Proto: "tcp", Container: 80, Host: 8080}}}); !errors.Is(err, errdefs.ErrConflict) {
		t.Errorf("a port of the container that lives on: %v", err)
	}
	must(t, l.Leave(ctx, e))
	must(t, l.Leave(ctx, ends[0]))
	must(t, l.RemoveSandbox(ctx, id(7)))
	must(t, l.RemoveSandbox(ctx, id(0)))
	waitGone(t)
	must(t, l.Delete(ctx, n.ID))
	must(t, l.Close(true))
	if links := program(t, "nft", "list ruleset"); strings.Contains(links, "box") {
		t.Errorf("rules left:\n%s", links)
	}
	if _, err := net.InterfaceByName("boxtest0"); err == nil {
		t.Error("the bridge is left")
	}
}

// TestSixtyAtOnce joins and leaves with sixty containers, twenty at a time, and checks that nothing is left.
func TestSixtyAtOnce(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	newHost(t)
	l, n := openPlane(t, "boxtest0")
	before := openFiles(t)
	start := time.Now()
	slots := make(chan struct{}, 20)
	var wait sync.WaitGroup
	var mu sync.Mutex
	addresses := map[netip.Prefix]bool{}
	for i := range 60 {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if _, err := l.Sandbox(ctx, id(i), "", map[string]string{"net.core.somaxconn": "77"}); err != nil {
				t.Error(err)
				return
			}
			e, err := l.Join(ctx, Request{Container: id(i), Gateway: true, Network: n.ID, Endpoint: endpointID(i),
				Ports: []Port{{Proto: "tcp", Container: 80}}})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			if addresses[e.Address] {
				t.Errorf("%s was given twice", e.Address)
			}
			addresses[e.Address] = true
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			delete(addresses, e.Address)
			mu.Unlock()
			if err := errors.Join(l.Leave(ctx, e), l.RemoveSandbox(ctx, id(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	took := time.Since(start)
	waitGone(t)
	t.Logf("sixty came and went in %v, everything was gone after %v", took, time.Since(start))
	if names, _ := l.Sandboxes(ctx); len(names) > 0 {
		t.Errorf("sandboxes left: %v", names)
	}
	if mounts, _ := os.ReadFile("/proc/self/mountinfo"); strings.Contains(string(mounts), l.dir) {
		t.Error("mounts left")
	}
	if after := openFiles(t); after > before+3 { // the plane keeps up to three sockets open
		t.Errorf("%d open files, %d before", after, before)
	}
	if rules := program(t, "nft", "list map ip box-boxtest0 ports"); strings.Contains(rules, "elements") {
		t.Errorf("ports left: %s", rules)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// TestForeignRulesStay checks that others' tables are the same after box has come and gone, counters included.
func TestForeignRulesStay(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	newHost(t)
	program(t, "iptables-legacy", "-P", "FORWARD", "DROP")
	program(t, "iptables-legacy", "-N", "MINE")
	program(t, "iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "MINE")
	program(t, "iptables-legacy", "-A", "FORWARD", "-j", "MINE", "-c", "12", "3456")
	program(t, "iptables-legacy", "-A", "FORWARD", "-p", "tcp")
	program(t, "iptables-legacy", "-A", "OUTPUT", "-d", "10.9.8.7", "-j", "MINE", "-c", "1", "99")
	program(t, "iptables-legacy", "-A", "MINE", "-s", "10.0.0.0/8", "-j", "DROP")
	program(t, "iptables-nft", "-P", "FORWARD", "DROP")
	program(t, "iptables-nft", "-A", "FORWARD", "-s", "10.0.0.0/8", "-j", "DROP")
	save := func() string {
		var text strings.Builder
		for _, name := range []string{"iptables-legacy-save", "iptables-nft-save"} {
			for line := range strings.Lines(program(t, name, "-c", "-t", "filter")) {
				if strings.HasPrefix(line, ":") { // a chain and its policy: the kernel itself sends packets
					line, _, _ = strings.Cut(line, " [")
					line += "\n"
				}
				if !strings.HasPrefix(line, "#") {
					text.WriteString(line)
				}
			}
		}
		return text.String()
	}
	before := save()
	l, err := Open(Options{ExecRoot: t.TempDir()})
	must(t, err)
	for i := range 3 {
		n := testNetwork(fmt.Sprintf("boxtest%d", i))
		n.Subnets[0] = subnet(fmt.Sprintf("172.%d.0.0/16", 20+i), "", fmt.Sprintf("172.%d.0.1", 20+i))
		must(t, l.Create(ctx, n))
		must(t, l.Create(ctx, n)) // doing it again changes nothing
	}
	during := save()
	for i := range 3 {
		for _, direction := range []string{"-i", "-o"} {
			if rule := fmt.Sprintf("-A FORWARD %s boxtest%d ", direction, i); strings.Count(during, rule) != 2 {
				t.Errorf("%q is there %d times, want one in each table:\n%s", rule, strings.Count(during, rule), during)
			}
		}
	}
	must(t, l.Delete(ctx, "netboxtest1"))
	must(t, l.Close(true))
	if after := save(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestThousandPorts publishes a range of one container's ports.
func TestThousandPorts(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	h := newHost(t)
	l, n := openPlane(t, "boxtest0")
	path, err := l.Sandbox(ctx, id(1), "", nil)
	must(t, err)
	var ports []Port
	for i := range 1000 {
		ports = append(ports, Port{Proto: "tcp", Container: 80, Host: uint16(20000 + i), HostIP: netip.IPv4Unspecified()})
	}
	start := time.Now()
	e, err := l.Join(ctx, Request{Container: id(1), Gateway: true, Network: n.ID, Endpoint: endpointID(1), Ports: ports})
	must(t, err)
	joined := time.Since(start)
	serve(t, path, "tcp", ":80")
	for _, port := range []int{20000, 20399, 20400, 20999} {
		if _, err := ask(h.remote, "tcp", fmt.Sprintf("%s:%d", hostAddress, port)); err != nil {
			t.Error(err)
		}
	}
	start = time.Now()
	must(t, l.Leave(ctx, e))
	t.Logf("joined in %v, left in %v", joined, time.Since(start))
	must(t, l.RemoveSandbox(ctx, id(1)))
}

// TestBridgeWithoutARecord: the bridge of a network whose record was not written, or was removed, goes with its rules
// at the next start; that of another daemon, and one of the user's, stay.
func TestBridgeWithoutARecord(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	dir := t.TempDir()
	plane := func(at string) *Linux {
		l, err := Open(Options{ExecRoot: at})
		must(t, err)
		return l
	}
	other := plane(t.TempDir())
	l := plane(dir)
	for i, row := range []struct {
		by   *Linux
		name string
	}{{l, "br-0123456789ab"}, {l, "br-ba9876543210"}, {other, "br-00000000000a"}} {
		n := testNetwork(row.name)
		n.Subnets = []Subnet{{Prefix: netip.MustParsePrefix(fmt.Sprintf("172.%d.0.0/24", 25+i)),
			Gateway: netip.MustParseAddr(fmt.Sprintf("172.%d.0.1", 25+i))}}
		must(t, row.by.Create(ctx, n))
	}
	program(t, "ip", "link", "add", "br-fedcba987654", "type", "bridge")
	kept := testNetwork("br-ba9876543210")
	kept.Subnets = []Subnet{{Prefix: netip.MustParsePrefix("172.26.0.0/24"), Gateway: netip.MustParseAddr("172.26.0.1")}}
	next := plane(dir)
	must(t, next.Restore(ctx, []Network{kept}, nil))
	for name, want := range map[string]bool{"br-0123456789ab": false, "br-ba9876543210": true, "br-00000000000a": true,
		"br-fedcba987654": true} {
		if _, err := net.InterfaceByName(name); (err == nil) != want {
			t.Errorf("%s: %v, and should be there: %v", name, err, want)
		}
	}
	rules := program(t, "nft", "list ruleset")
	if strings.Contains(rules, "br-0123456789ab") || !strings.Contains(rules, "br-ba9876543210") {
		t.Errorf("rules:\n%s", rules)
	}
	must(t, next.Close(true))
	must(t, other.Close(true))
}

// TestDeleteAtOnce: the bridge of a network goes with it though the kernel has not deleted the links yet of those that
// have just left.
func TestDeleteAtOnce(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	l, n := openPlane(t, "br-0123456789ab")
	for i := range 3 {
		_, err := l.Sandbox(ctx, id(i), "", nil)
		must(t, err)
		e, err := l.Join(ctx, Request{Container: id(i), Network: n.ID, Endpoint: endpointID(i)})
		must(t, err)
		must(t, l.Leave(ctx, e))
		must(t, l.RemoveSandbox(ctx, id(i)))
	}
	must(t, l.Delete(ctx, n.ID))
	if _, err := net.InterfaceByName(n.Bridge); err == nil {
		t.Error("the bridge is left")
	}
	waitGone(t)
}
