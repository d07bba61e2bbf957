package cgroup

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestWatchOOM checks that a kill is reported, also to a watch that starts after it, and that the end of the group is
// not.
func TestWatchOOM(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making control groups needs root")
	}
	h, err := Read()
	if err != nil {
		t.Skip(err)
	}
	if _, ok := h.find("memory"); !ok {
		t.Skip("no memory controller is mounted")
	}
	limit := int64(16 << 20)
	g, err := h.Create("/box-test-oom"+strconv.Itoa(os.Getpid()),
		&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Delete()
	told := make(chan bool, 100)
	tell := func(killed bool) { told <- killed }
	w, err := g.WatchOOM(true, tell)
	if err != nil {
		t.Fatal(err)
	}
	hog(t, h, g)
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Fatal("a kill is not told")
	}
	w.Close()
	w.Close()
	before := len(told)
	hog(t, h, g)
	if len(told) != before {
		t.Error("told after the Close")
	}
	for len(told) > 0 {
		<-told
	}
	for _, row := range []struct {
		fresh bool
		want  int
	}{{true, 1}, {false, 0}} {
		w, err := g.WatchOOM(row.fresh, tell)
		if err != nil {
			t.Fatal(err)
		}
		if !row.fresh {
			if err := g.Delete(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		w.Close()
		if len(told) != row.want {
			t.Errorf("fresh %v: told %d times, want %d", row.fresh, len(told), row.want)
		}
		for len(told) > 0 {
			<-told
		}
	}
	(*OOMWatch)(nil).Close()
}

// hog runs a program that takes more memory than the group may have.
func hog(t *testing.T, h *Hierarchies, g *Group) {
	t.Helper()
	m, _ := h.find("memory")
	c := exec.Command("sh", "-c", "echo $$ >"+m.dir+g.path+"/cgroup.procs && exec tail /dev/zero")
	if err := c.Run(); err == nil {
		t.Fatal("nothing was killed")
	}
}
