package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// movesRoot is where the hierarchy of FavorMoves is mounted, on kernels that want it to stay.
const movesRoot = Root + "/box"

// FavorMoves makes it fast to move a process into a control group on v1. Each start and exec moves one, and each time
// the kernel waits about 15 ms for all readers of a lock, unless a hierarchy was mounted with favordynmods (Linux 6.0,
// commit 6a010a49b63a; it makes every fork slightly slower). The host's own mounts stay as they are: the option goes
// to a hierarchy without controllers. On the unified hierarchy nothing moves (clone3(2), CLONE_INTO_CGROUP).
//
// A hierarchy is in the /proc/PID/cgroup of every process, and containerd has no numbers for `docker stats` if one of
// those is not mounted. So it goes away again on kernels that keep to the option without it, and is mounted among the
// others, once for the host and until its end, on those that do not.
func FavorMoves() error {
	if V2() {
		return nil
	}
	if err := favorMoves(keepsFavor(release()), movesRoot); err != nil {
		return fmt.Errorf("favor moves between control groups: %w", err)
	}
	return nil
}

// favorMoves leaves a mount at dir if the option would be lost without one.
func favorMoves(keeps bool, dir string) error {
	var st unix.Statfs_t
	if !keeps && unix.Statfs(dir, &st) == nil && st.Type == unix.CGROUP_SUPER_MAGIC {
		return nil
	}
	m, err := favoring()
	for range 100 {
		if err != unix.EBUSY {
			break
		}
		time.Sleep(time.Millisecond) // another keeper's is going away
		m, err = favoring()
	}
	if err != nil {
		return err
	}
	defer unix.Close(m)
	if keeps {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return unix.MoveMount(m, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// favoring returns a mount that is nowhere yet.
func favoring() (int, error) {
	fs, err := unix.Fsopen("cgroup", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fs)
	for _, set := range []func() error{
		func() error { return unix.FsconfigSetFlag(fs, "none") },
		func() error { return unix.FsconfigSetString(fs, "name", "box") },
		func() error { return unix.FsconfigSetFlag(fs, "favordynmods") },
		func() error { return unix.FsconfigCreate(fs) },
	} {
		if err := set(); err != nil {
			return 0, err
		}
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// keepsFavor tells whether a kernel of this release favors moves until its end once it was asked to: since 6.18 (commit
// 0568f89d4fb8) the lock is one of each process, and cannot be made the old one again.
func keepsFavor(release string) bool {
	major, rest, _ := strings.Cut(release, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	if err != nil {
		return false
	}
	minor, _, _ = strings.Cut(minor, "-")
	b, err := strconv.Atoi(minor)
	return a > 6 || a == 6 && err == nil && b >= 18
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
