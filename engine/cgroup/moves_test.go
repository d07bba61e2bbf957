package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	fsmount "box/fs/mount"
)

// TestHierarchiesAreMounted: whatever FavorMoves does, each hierarchy that a process is in is mounted somewhere, since
// containerd looks for all of them; and doing it again changes nothing.
func TestHierarchiesAreMounted(t *testing.T) {
	if os.Getuid() != 0 || V2() {
		t.Skip("needs root, and control groups v1")
	}
	for _, keeps := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "box")
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		for range 2 {
			if err := favorMoves(keeps, dir); err != nil {
				t.Fatal(err)
			}
		}
		count, mounted := 0, false
		all, err := fsmount.Table()
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			if i.Mountpoint == dir {
				count++
				mounted = strings.Contains(","+i.VFSOptions+",", ",name=box,")
			}
		}
		if keeps != (count == 0) || count > 1 || mounted == keeps {
			t.Errorf("keeps %v: %d mounts, %v", keeps, count, mounted)
		}
		if !keeps {
			continue
		}
		// The kernel takes it away in the background.
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			raw, err := os.ReadFile("/proc/self/cgroup")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), "name=box:") {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("it stays, mounted nowhere:\n%s", raw)
			}
		}
	}
}

func TestKeepsFavor(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v657": true, "6.18": true, "6.18-rc1": true, "7.0.1": true, "10.2": true,
		"6.17.9": false, "6.1.0-37-amd64": false, "5.19": false, "4.9.337": false, "": false, "x.18": false,
	} {
		if got := keepsFavor(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}
