package cgroup

import (
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// freezeWait is how long Freeze waits for the processes to stop.
const freezeWait = 10 * time.Second

// Freeze stops every process of the group, and returns once all are stopped. After an error the group is thawed.
func (g *Group) Freeze() error {
	if err := g.below("freeze"); err != nil {
		return err
	}
	m, ok := g.h.freezer()
	if !ok {
		return fmt.Errorf("freeze control group %s: controller freezer is not mounted: %w", g.path,
			errdefs.ErrFailedPrecondition)
	}
	dir := m.dir + g.path
	frozen := freezeV1
	if m.v2 {
		frozen = freezeV2
	}
	if err := frozen(dir); err != nil {
		_ = g.Thaw()
		return fmt.Errorf("freeze control group %s: %w", g.path, err)
	}
	return nil
}

// freezeV1 retries: a process that forks while the kernel freezes the others can leave the group half frozen forever.
// Thawing the group for a moment now and then lets the fork complete.
func freezeV1(dir string) error {
	file := dir + "/freezer.state"
	limit := time.Now().Add(freezeWait)
	for try := 1; time.Now().Before(limit); try++ {
		if err := write(file, "FROZEN"); err != nil {
			return err
		}
		if try%25 == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		state, err := read(file)
		if err != nil {
			return err
		}
		if strings.TrimSpace(state) == "FROZEN" {
			return nil
		}
		if try%50 == 0 {
			if err := write(file, "THAWED"); err != nil {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return fmt.Errorf("its processes do not stop")
}

// freezeV2 waits for the kernel to report the freeze in cgroup.events, which can be polled.
func freezeV2(dir string) error {
	events, err := open(dir+"/cgroup.events", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(events)
	if err := write(dir+"/cgroup.freeze", "1"); err != nil {
		return err
	}
	for limit := time.Now().Add(freezeWait); time.Now().Before(limit); {
		var text [256]byte
		n, err := unix.Pread(events, text[:], 0)
		if err != nil && err != unix.EINTR {
			return err
		}
		if strings.Contains(string(text[:max(n, 0)]), "frozen 1\n") {
			return nil
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(events), Events: unix.POLLPRI}}, 100)
	}
	return fmt.Errorf("its processes do not stop")
}

// Thaw resumes the processes.
func (g *Group) Thaw() error {
	m, ok := g.h.freezer()
	if !ok {
		return nil // nothing could freeze them
	}
	file, value := "freezer.state", "THAWED"
	if m.v2 {
		file, value = "cgroup.freeze", "0"
	}
	if err := write(m.dir+g.path+"/"+file, value); err != nil {
		return fmt.Errorf("thaw control group %s: %w", g.path, err)
	}
	return nil
}

// Frozen reports whether the group itself is frozen or being frozen. A removed group is not.
func (g *Group) Frozen() (bool, error) {
	m, ok := g.h.freezer()
	if !ok {
		return false, nil
	}
	file := "freezer.self_freezing"
	if m.v2 {
		file = "cgroup.freeze"
	}
	state, err := read(m.dir + g.path + "/" + file)
	if err == unix.ENOENT || err == unix.ENODEV {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s of %s: %w", file, g.path, err)
	}
	return strings.TrimSpace(state) == "1", nil
}
