package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The matrix tries every kind of firewall that a host may have, with bridged packets filtered or not, and every way
// to and from a container. The host is a namespace of the test, and so is the remote machine beside it.

const (
	hostAddress   = "192.0.2.1"
	remoteAddress = "192.0.2.2"
)

var firewalls = []struct {
	name  string
	setUp func(t *testing.T)
}{
	{"none", func(*testing.T) {}},
	{"legacy", func(t *testing.T) { program(t, "iptables-legacy", "-P", "FORWARD", "DROP") }},
	{"legacy with rules", func(t *testing.T) {
		program(t, "iptables-legacy", "-N", "MINE")
		program(t, "iptables-legacy", "-A", "FORWARD", "-p", "tcp")
		program(t, "iptables-legacy", "-A", "FORWARD", "-j", "MINE")
		program(t, "iptables-legacy", "-A", "MINE", "-p", "tcp", "--dport", "1", "-j", "RETURN")
		program(t, "iptables-legacy", "-A", "MINE", "-j", "DROP")
	}},
	{"iptables on nft", func(t *testing.T) { program(t, "iptables-nft", "-P", "FORWARD", "DROP") }},
	{"nft", func(t *testing.T) {
		program(t, "nft", "add table inet fw; add chain inet fw forward { type filter hook forward priority 0; policy "+
			"drop; }")
	}},
	{"docker", startDocker},
}

func TestMatrix(t *testing.T) {
	for _, fw := range firewalls {
		t.Run(strings.ReplaceAll(fw.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			if !onHost(t) {
				return
			}
			h := newHost(t)
			fw.setUp(t)
			h.plane, h.network = openPlane(t, "boxtest0")
			for _, filtered := range []string{"0", "1"} {
				if err := writeSysctl("net/bridge/bridge-nf-call-iptables", filtered); err != nil {
					if filtered == "1" {
						t.Log("bridged packets cannot be filtered in this kernel: ", err)
						break
					}
				}
				h.try(t, "bridge-nf-call-iptables="+filtered)
			}
		})
	}
}

// TestFirewallThatComesLater sets up a firewall, and flushes ours, while the plane runs.
func TestFirewallThatComesLater(t *testing.T) {
	if !onHost(t) {
		return
	}
	h := newHost(t)
	h.plane, h.network = openPlane(t, "boxtest0")
	program(t, "iptables-legacy", "-P", "FORWARD", "DROP")
	h.try(t, "legacy later")
	program(t, "nft", "flush ruleset")
	program(t, "nft", "add table inet fw; add chain inet fw forward { type filter hook forward priority 0; policy drop; }")
	h.try(t, "flushed, then nft")
}

// host is the machine of one row.
type host struct {
	plane   *Linux
	network Network
	remote  string // path of the remote machine's namespace
	round   int
}

// newHost gives the current namespace a loopback, a link and a remote machine at its other end.
func newHost(t *testing.T) *host {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	h := &host{remote: filepath.Join(t.TempDir(), "remote")}
	if err := os.WriteFile(h.remote, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	there, err := makeNamespace(h.remote, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(h.remote, unix.MNT_DETACH) })
	defer there.Close()
	here, err := newSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	ns, err := os.Open(h.remote)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "up0"
	must(t, here.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopbackIndex}}))
	must(t, here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "up0", PeerNamespace: netlink.NsFd(ns.Fd())}))
	for handle, address := range map[*socket]string{here: hostAddress, there: remoteAddress} {
		link, err := handle.LinkByName("up0")
		must(t, err)
		must(t, handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(address + "/24"))}))
		must(t, handle.LinkSetUp(link))
	}
	// The remote machine tries to reach containers directly.
	must(t, there.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix("172.30.0.0/16")),
		Gw: net.ParseIP(hostAddress)}))
	return h
}

// try starts two containers and tries every way.
func (h *host) try(t *testing.T, row string) {
	t.Helper()
	ctx := context.Background()
	h.round += 10
	web, webPath := h.container(t, h.round, Port{Proto: "tcp", Container: 80, Host: 8080},
		Port{Proto: "udp", Container: 80, Host: 8080},
		Port{Proto: "tcp", Container: 80, Host: 8081, HostIP: netip.MustParseAddr("127.0.0.1")})
	other, otherPath := h.container(t, h.round+1)
	serve(t, webPath, "tcp", ":80")
	serve(t, webPath, "udp", ":80")
	serve(t, webPath, "tcp", ":81")
	serve(t, h.remote, "tcp", remoteAddress+":9000")
	serve(t, "", "tcp", "127.0.0.1:7000")
	direct := web.Address.Addr().String()
	ways := []struct {
		name, from, network, to string
		want                    string // the client's address as the server sees it, "" for any, "none" if it must fail
	}{
		{"remote", h.remote, "tcp", hostAddress + ":8080", remoteAddress},
		{"remote, udp", h.remote, "udp", hostAddress + ":8080", remoteAddress},
		{"loopback", "", "tcp", "127.0.0.1:8080", "172.30.0.1"},
		{"loopback, udp", "", "udp", "127.0.0.1:8080", "172.30.0.1"},
		{"loopback only", "", "tcp", "127.0.0.1:8081", "172.30.0.1"},
		{"loopback only, from remote", h.remote, "tcp", hostAddress + ":8081", "none"},
		{"the host's address", "", "tcp", hostAddress + ":8080", ""},
		{"the bridge's address", "", "tcp", "172.30.0.1:8080", ""},
		{"hairpin from another container", otherPath, "tcp", hostAddress + ":8080", ""},
		{"hairpin by the bridge's address", otherPath, "tcp", "172.30.0.1:8080", ""},
		{"hairpin from the container itself", webPath, "tcp", hostAddress + ":8080", ""},
		{"hairpin, udp", otherPath, "udp", hostAddress + ":8080", ""},
		{"out", webPath, "tcp", remoteAddress + ":9000", hostAddress},
		{"container to container", otherPath, "tcp", direct + ":81", other.Address.Addr().String()},
		{"host to container", "", "tcp", direct + ":81", "172.30.0.1"},
		{"remote to a port that is not published", h.remote, "tcp", direct + ":81", "none"},
	}
	for _, w := range ways {
		got, err := ask(w.from, w.network, w.to)
		switch {
		case w.want == "none" && err == nil:
			t.Errorf("%s: %s: got through as %s", row, w.name, got)
		case w.want != "none" && err != nil:
			t.Errorf("%s: %s: %v", row, w.name, err)
		case w.want != "" && w.want != "none" && got != w.want:
			t.Errorf("%s: %s: the server saw %s, want %s", row, w.name, got, w.want)
		}
	}
	h.tryLoopbackOfHost(t, row, otherPath)
	for _, e := range []Endpoint{web, other} {
		must(t, h.plane.Leave(ctx, e))
		must(t, h.plane.RemoveSandbox(ctx, e.Container))
	}
	for _, from := range []string{h.remote, "", otherPath} {
		if got, err := ask(from, "tcp", hostAddress+":8080"); err == nil {
			t.Errorf("%s: %s reached from %q after the container left", row, got, from)
		}
	}
}

// tryLoopbackOfHost sends from a container to the host's 127.0.0.1, as root in a container with NET_ADMIN can.
func (h *host) tryLoopbackOfHost(t *testing.T, row, path string) {
	t.Helper()
	ns, err := os.Open(path)
	must(t, err)
	defer ns.Close()
	in, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()))
	must(t, err)
	defer in.Close()
	must(t, inNamespace(path, func() error { return writeSysctl("net/ipv4/conf/all/route_localnet", "1") }))
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo", Index: loopbackIndex}}
	must(t, in.AddrDel(lo, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix("127.0.0.1/8"))}))
	must(t, in.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix("127.0.0.0/8")), Gw: net.ParseIP("172.30.0.1")}))
	for _, to := range []string{"127.0.0.1:7000", "127.0.0.1:8081"} {
		if got, err := ask(path, "tcp", to); err == nil {
			t.Errorf("%s: a container reached %s of the host as %s", row, to, got)
		}
	}
}

func (h *host) container(t *testing.T, n int, ports ...Port) (Endpoint, string) {
	t.Helper()
	ctx := context.Background()
	path, err := h.plane.Sandbox(ctx, id(n), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range ports { // the holder forwards IPv6, and there is none here
		if !p.HostIP.IsValid() {
			ports[i].HostIP = netip.IPv4Unspecified()
		}
	}
	e, err := h.plane.Join(ctx, Request{Container: id(n), Gateway: true, Network: h.network.ID, Endpoint: endpointID(n), Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	return e, path
}

// inNamespace runs f on a thread in the namespace at path, or on the host if path is "".
func inNamespace(path string, f func() error) error {
	if path == "" {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		ns, err := os.Open(path)
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// serve answers every client with the address that it comes from, until the test ends.
func serve(t *testing.T, path, network, address string) {
	t.Helper()
	var closer io.Closer
	err := inNamespace(path, func() error {
		if network == "udp" {
			conn, err := net.ListenPacket("udp4", address)
			if err != nil {
				return err
			}
			closer = conn
			go func() {
				buf := make([]byte, 64)
				for {
					_, from, err := conn.ReadFrom(buf)
					if err != nil {
						return
					}
					conn.WriteTo([]byte(from.String()), from)
				}
			}()
			return nil
		}
		l, err := net.Listen("tcp4", address)
		if err != nil {
			return err
		}
		closer = l
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, conn.RemoteAddr().String())
				conn.Close()
			}
		}()
		return nil
	})
	if errors.Is(err, unix.EADDRINUSE) {
		return // left from an earlier row
	}
	must(t, err)
	t.Cleanup(func() { closer.Close() })
}

// ask connects and returns the address that the server saw.
func ask(path, network, to string) (string, error) {
	const patience = 1500 * time.Millisecond // a busy machine may drop a SYN, which is sent again after a second
	var answer string
	err := inNamespace(path, func() error {
		conn, err := net.DialTimeout(network+"4", to, patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if network == "udp" {
			conn.Write([]byte("?"))
		}
		buf := make([]byte, 64)
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		at, err := netip.ParseAddrPort(string(buf[:n]))
		answer = at.Addr().String()
		return err
	})
	return answer, err
}

func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// startDocker runs a Docker daemon of the test's own on the host.
func startDocker(t *testing.T) {
	dir := t.TempDir()
	path, err := exec.LookPath("dockerd")
	if err != nil {
		t.Skip("dockerd is not installed")
	}
	if out, _ := exec.Command(path, "--version").Output(); !strings.HasPrefix(string(out), "Docker version") {
		t.Skip("the dockerd of this host is not Docker's")
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "dktest0"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	must(t, netlink.LinkAdd(bridge))
	must(t, netlink.AddrAdd(bridge, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix("172.31.0.1/24"))}))
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	cmd := exec.Command(path, "--data-root", dir+"/data", "--exec-root", dir+"/run", "-H", "unix://"+dir+"/sock",
		"--pidfile", dir+"/pid",
		"--bridge", "dktest0", "-s", "vfs")
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
		log.Close()
		unix.Unmount(dir+"/data", unix.MNT_DETACH)
	})
	for range 300 {
		if conn, err := net.Dial("unix", dir+"/sock"); err == nil {
			defer conn.Close()
			fmt.Fprint(conn, "GET /_ping HTTP/1.0\r\n\r\n")
			if answer, _ := io.ReadAll(conn); strings.Contains(string(answer), "200 OK") {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	t.Skipf("dockerd did not start: %s", text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
