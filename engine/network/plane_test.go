package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// insideVariable marks a test process with its own network and mount namespaces, which is a host for a plane.
const insideVariable = "NETWORK_TEST_HOST"

// onHost runs the calling test again in a process with its own namespaces and returns true there. The test function
// must return when it gets false.
func onHost(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("making network namespaces needs root")
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.Command("/proc/self/exe", "-test.run="+pattern, "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") && line != "PASS\n" && line != "FAIL\n" {
			t.Log(strings.TrimRight(line, "\n"))
		}
	}
	if err != nil {
		t.Errorf("on its own host: %v", err)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip("skipped on its own host")
	}
	return false
}

// openPlane opens a plane with a bridge network on the current host.
func openPlane(t testing.TB, bridge string) (*Linux, Network) {
	t.Helper()
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Options{ExecRoot: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(true); err != nil {
			t.Error(err)
		}
	})
	n := testNetwork(bridge)
	if err := l.Create(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	return l, n
}

func testNetwork(bridge string) Network {
	return Network{ID: "net" + bridge, Name: "bridge", Bridge: bridge, ICC: true, Masquerade: true,
		Subnets: []Subnet{{Prefix: netip.MustParsePrefix("172.30.0.0/16"), Gateway: netip.MustParseAddr("172.30.0.1")}}}
}

// id makes an ID of 64 digits.
func id(n int) string { return fmt.Sprintf("%012x%052x", n, n) }

// endpointID makes an endpoint's ID that differs in its first digits.
func endpointID(n int) string { return id(n)[5:] }

func TestJoinAndLeave(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	l, n := openPlane(t, "boxtest0")
	var took [4]time.Duration
	const rounds = 20
	for i := range rounds {
		c := id(1000 + i)
		start := time.Now()
		path, err := l.Sandbox(ctx, c, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		took[0] += time.Since(start)
		start = time.Now()
		e, err := l.Join(ctx, Request{Container: c, Gateway: true, Name: "c", Network: n.ID, Endpoint: endpointID(5000 + i),
			Ports: []Port{{Proto: "tcp", Container: 80, Host: 8080}}})
		if err != nil {
			t.Fatal(err)
		}
		took[1] += time.Since(start)
		if want := "172.30.0.2/16"; e.Address.String() != want || e.MAC != "02:42:ac:1e:00:02" || e.Interface != "eth0" {
			t.Errorf("%+v", e)
		}
		if _, err := net.InterfaceByName(e.HostLink); err != nil {
			t.Error(err)
		}
		start = time.Now()
		if err := l.Leave(ctx, e); err != nil {
			t.Fatal(err)
		}
		took[2] += time.Since(start)
		start = time.Now()
		if err := l.RemoveSandbox(ctx, c); err != nil {
			t.Fatal(err)
		}
		took[3] += time.Since(start)
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	t.Logf("sandbox %v, join with a port %v, leave %v, remove sandbox %v", took[0]/rounds, took[1]/rounds, took[2]/rounds,
		took[3]/rounds)
	waitGone(t)
}

// waitGone waits until no veth is left.
func waitGone(t *testing.T) {
	t.Helper()
	var left []string
	for range 150 {
		left = nil
		links, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links {
			if strings.HasPrefix(link.Name, "veth") {
				left = append(left, link.Name)
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("links left: %v", left)
}
