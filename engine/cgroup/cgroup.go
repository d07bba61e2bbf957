package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Root is where the hierarchies are mounted.
const Root = "/sys/fs/cgroup"

// V2 reports whether Root is the unified hierarchy (cgroup v2) and not controllers of v1.
func V2() bool {
	var st unix.Statfs_t
	return unix.Statfs(Root, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

// Ensure mounts control groups below Root unless the host has: v2 if its memory controller is not bound to v1, else
// one v1 hierarchy per controller.
func Ensure() error {
	if mounted() {
		return nil
	}
	if err := os.MkdirAll(Root, 0o755); err != nil {
		return fmt.Errorf("folder for control groups (is sysfs mounted?): %w", err)
	}
	if err := unix.Mount("cgroup2", Root, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
		"nsdelegate"); err == nil {
		if raw, err := os.ReadFile(Root + "/cgroup.controllers"); err == nil && strings.Contains(string(raw), "memory") {
			return nil
		}
		_ = unix.Unmount(Root, unix.MNT_DETACH)
	}
	return mountV1()
}

func mounted() bool {
	h, err := Read()
	return err == nil && slices.ContainsFunc(h.mounts,
		func(m mount) bool { return h.unified || m.controllers != nil && !m.optional() })
}

// mountV1 mounts every enabled controller of /proc/cgroups below a tmpfs.
func mountV1() error {
	names, err := controllers()
	if err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("cgroup_root", Root, "tmpfs", flags, "mode=755"); err != nil {
		return fmt.Errorf("mount %s: %w", Root, err)
	}
	var errs error
	for _, name := range names {
		dir := filepath.Join(Root, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("cgroup", dir, "cgroup", flags, name); err != nil {
			errs = errors.Join(errs, fmt.Errorf("mount control group %s: %w", name, err), os.Remove(dir))
		}
	}
	if !mounted() {
		return errors.Join(errors.New("kernel has no control groups"), errs)
	}
	return nil
}

// controllers lists the kernel's enabled controllers.
func controllers() ([]string, error) {
	f, err := os.Open("/proc/cgroups")
	if err != nil {
		return nil, fmt.Errorf("kernel has no control groups: %w", err)
	}
	defer f.Close()
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) == 4 && w[3] == "1" {
			names = append(names, w[0])
		}
	}
	return names, nil
}

// emptyWait is how long Clear waits for killed processes to disappear.
const emptyWait = 10 * time.Second

// Clear kills every process in the group at path (such as "/docker/<id>") in all hierarchies, waits until the group
// is empty, and removes it. A missing group is no error; the root is refused.
func Clear(path string) error {
	h, err := Read()
	if err != nil {
		return err
	}
	return h.clear(path)
}

func (h *Hierarchies) clear(path string) error {
	g := h.Open(path)
	if err := g.below("clear"); err != nil {
		return err
	}
	limit := time.Now().Add(emptyWait)
	for {
		left := 0
		for _, m := range h.mounts {
			left += killAll(m.dir + g.path)
		}
		if left == 0 {
			break
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%d processes of control group %s do not end", left, g.path)
		}
		time.Sleep(5 * time.Millisecond)
	}
	var errs error
	for _, m := range h.mounts {
		errs = errors.Join(errs, removeTree(m.dir+g.path))
	}
	return errs
}

// killAll kills every process in and below the group, and returns how many there were. Where cgroup.kill is missing
// it freezes the group first, so that nothing escapes by forking, and then thaws it to let the processes die.
func killAll(dir string) int {
	if _, err := os.Stat(dir); err != nil {
		return 0
	}
	n := 0
	_ = filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			list, _ := pidsIn(p)
			n += len(list)
		}
		return nil
	})
	if n == 0 {
		return 0
	}
	if os.WriteFile(dir+"/cgroup.kill", []byte("1"), 0) == nil {
		return n
	}
	freezer := dir + "/freezer.state"
	_ = os.WriteFile(freezer, []byte("FROZEN"), 0)
	_ = filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			list, _ := pidsIn(p)
			for _, pid := range list {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		return nil
	})
	_ = os.WriteFile(freezer, []byte("THAWED"), 0)
	return n
}

// removeTree removes a group and those below it, deepest first, since groups can only be removed by rmdir(2). The
// error is EBUSY if one of them still has processes.
func removeTree(dir string) error {
	err := unix.Rmdir(dir)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	var dirs []string
	_ = filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, p)
		}
		return nil
	})
	for i := len(dirs) - 1; i >= 0; i-- {
		err := unix.Rmdir(dirs[i])
		// The kernel releases the last process a moment after it has left the list.
		for pause := 100 * time.Microsecond; err == unix.EBUSY && pause < 50*time.Millisecond; pause += pause / 2 {
			time.Sleep(pause)
			err = unix.Rmdir(dirs[i])
		}
		if err != nil && err != unix.ENOENT {
			return fmt.Errorf("remove control group %s: %w", dirs[i], err)
		}
	}
	return nil
}

// LeaveService moves this process out of the control groups of the service that started it, to the root of every
// hierarchy, so that it survives the end of the service.
func LeaveService() {
	h, err := Read()
	if err != nil {
		return
	}
	for _, m := range h.mounts {
		_ = os.WriteFile(filepath.Join(m.dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
	}
}
