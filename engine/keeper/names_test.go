package keeper

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"box/engine/task"
)

// apart starts a program in a network namespace of its own, with its loopback up, and returns the path of that.
func apart(t *testing.T) string {
	t.Helper()
	c := exec.Command("busybox", "sh", "-c", "busybox ip link set lo up && echo up && exec busybox sleep 1000")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("/proc/%d/ns/net", c.Process.Pid)
}

// lookUp asks for a name in a network namespace, once, and returns the address or what kind of answer there is.
func lookUp(namespace, network, name string) (string, error) {
	ns, err := os.Open(namespace)
	if err != nil {
		return "", err
	}
	defer ns.Close()
	var conn net.Conn
	err = within(ns, func() (err error) {
		conn, err = net.DialTimeout(network, "127.0.0.11:53", time.Minute)
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	q := dnsmessage.Message{Header: dnsmessage.Header{ID: 1}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	raw, err := q.Pack()
	if err != nil {
		return "", err
	}
	if network == "tcp" {
		raw = append([]byte{0, byte(len(raw))}, raw...)
	}
	if _, err := conn.Write(raw); err != nil {
		return "", err
	}
	buf := make([]byte, 512)
	n, err := conn.Read(buf)
	if err != nil {
		return "", err
	}
	answer := buf[:n]
	if network == "tcp" {
		answer = answer[2:]
	}
	var a dnsmessage.Message
	if err := a.Unpack(answer); err != nil {
		return "", err
	}
	if len(a.Answers) == 0 {
		return strings.TrimPrefix(a.RCode.String(), "RCode"), nil
	}
	return netip.AddrFrom4(a.Answers[0].Body.(*dnsmessage.AResource).A).String(), nil
}

// TestNames: containers are answered in their namespaces, from when the table was taken to when they go, by UDP and
// TCP, and each question that comes while one executable follows another.
func TestNames(t *testing.T) {
	b := startKeeper(t)
	at := apart(t)
	ctx := context.Background()
	host := func(id, name, address string) task.Host {
		return task.Host{Endpoint: id, Names: []string{name}, Addresses: []netip.Addr{netip.MustParseAddr(address)}}
	}
	must(t, b.client.Names(ctx, task.Names{
		Zones:     []task.Zone{{Network: "1", Name: "one", Hosts: []task.Host{host("a", "web", "10.0.0.2")}}},
		Resolvers: []task.Resolver{{Container: "x", Namespace: at, Networks: []string{"1"}, Internal: true}}}))
	expect := func(name, want string) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			if got, err := lookUp(at, network, name); err != nil || got != want {
				t.Errorf("%s by %s: %s %v, not %s", name, network, got, err, want)
			}
		}
	}
	expect("web", "10.0.0.2")
	expect("nobody", "ServerFailure")

	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := lookUp(at, "udp", "web.one"); err != nil || got != "10.0.0.2" {
					t.Errorf("question %d: %s %v", n, got, err)
					return
				}
			}
		})
	}
	for range 3 {
		must(t, b.client.Swap(ctx, "/proc/self/exe"))
	}
	close(stop)
	asking.Wait()
	expect("web", "10.0.0.2")

	must(t, b.client.Names(ctx, task.Names{Zones: []task.Zone{{Network: "2", Name: "two",
		Hosts: []task.Host{host("b", "db", "10.1.0.2")}}}}))
	expect("db", "ServerFailure")
	must(t, b.client.Names(ctx, task.Names{Resolvers: []task.Resolver{{Container: "x", Namespace: at, Internal: true,
		Networks: []string{"1", "2"}}}}))
	expect("db", "10.1.0.2")
	if err := b.client.Names(ctx, task.Names{Resolvers: []task.Resolver{{Container: "y", Namespace: "/nowhere"}}}); err == nil {
		t.Error("a namespace that is not there is no error")
	}
	must(t, b.client.Names(ctx, task.Names{Resolvers: []task.Resolver{{Container: "x", Gone: true}}}))
	if got, err := lookUp(at, "udp", "web"); err == nil {
		t.Errorf("one that is gone answers %s", got)
	}
}
