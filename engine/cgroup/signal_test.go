package cgroup

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// forks makes processes as fast as it can, each of which makes the next and ends, so that signalling one after the
// other never reaches the last.
const forks = `n() { (exec 3<&- 4<&-; n) & }; n; n; n; read x`

// TestKill checks that no process survives, including those created meanwhile, in a running or frozen group, also
// without the features of newer kernels.
func TestKill(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		for _, frozen := range []bool{false, true} {
			for _, by := range []string{"kill", "signal"} {
				t.Run(version+" "+by+map[bool]string{true: " frozen"}[frozen], func(t *testing.T) {
					h, parent := hostOf(t, version)
					g := create(t, h, parent+"/killed", nil)
					cmd, end := inside(t, g, forks)
					defer end()
					time.Sleep(20 * time.Millisecond)
					if frozen {
						if err := g.Freeze(); err != nil {
							t.Fatal(err)
						}
					}
					kill := g.Kill
					if by == "signal" {
						kill = func() error { return g.Signal(unix.SIGKILL) }
					}
					if err := kill(); err != nil {
						t.Fatal(err)
					}
					_ = cmd.Wait()
					empty(t, g)
				})
			}
		}
	}
}

// hostOf returns the trees of a version, with a parent for the test's groups.
func hostOf(t *testing.T, version string) (*Hierarchies, string) {
	t.Helper()
	if version == "v2" {
		return hostV2(t)
	}
	return host(t, "freezer", "cpuset", "devices")
}

// empty waits until the group has no processes, and checks that none appear.
func empty(t *testing.T, g *Group) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		list, err := g.Pids()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("processes are left: %v", list)
		}
	}
}

// TestSignal checks that every process gets a signal once, and that a frozen group stays frozen.
func TestSignal(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			h, parent := hostOf(t, version)
			g := create(t, h, parent+"/told", nil)
			said := t.TempDir() + "/said"
			_, end := inside(t, g, `for i in 1 2 3; do ( trap "echo $i >>`+said+`" USR1; : >`+said+`.$i; while :; do sleep 0.01; done ) & done; trap : USR1; wait; wait; wait; wait`)
			defer empty(t, g)
			defer end()
			defer func() { // those that look for a file would not end, once its folder is gone
				if err := g.Kill(); err != nil {
					t.Error(err)
				}
			}()
			within(t, "processes are ready", func() bool {
				for _, i := range []string{".1", ".2", ".3"} {
					if _, err := os.Stat(said + i); err != nil {
						return false
					}
				}
				return true
			})
			if err := g.Freeze(); err != nil {
				t.Fatal(err)
			}
			if err := g.Signal(unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			if is, err := g.Frozen(); !is || err != nil {
				t.Errorf("frozen %v, %v", is, err)
			}
			if raw, err := os.ReadFile(said); err == nil {
				t.Errorf("a frozen process says %q", raw)
			}
			if err := g.Thaw(); err != nil {
				t.Fatal(err)
			}
			within(t, "each says so", func() bool {
				raw, _ := os.ReadFile(said)
				return len(strings.Fields(string(raw))) == 3
			})
		})
	}
}

func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// TestDeleteRest checks that a group that a removal left in some of the trees is found there and removed.
func TestDeleteRest(t *testing.T) {
	h, parent := host(t, "devices", "memory")
	for i, m := range h.mounts {
		g := create(t, h, parent+"/rest", nil)
		for j, other := range h.mounts {
			if i != j && other.controllers != nil {
				if err := unix.Rmdir(other.dir + g.path); err != nil {
					t.Fatal(err)
				}
			}
		}
		if m.controllers == nil {
			continue
		}
		if _, err := g.Pids(); err != nil {
			t.Errorf("group that is left below %s: %v", m.dir, err)
		}
		if err := g.Delete(); err != nil {
			t.Error(err)
		}
		if _, err := g.Pids(); !errdefs.IsNotFound(err) {
			t.Errorf("processes of a group that is gone: %v", err)
		}
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
	}
}
