package cgroup

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// FavorMoves makes it fast to move a process into a control group on v1, as long as the result is open. Each start
// and exec moves one, and each time the kernel waits about 15 ms for all readers of a lock, unless a hierarchy was
// mounted with favordynmods (Linux 6.0, commit 6a010a49b63a; it makes every fork slightly slower). The host's own
// mounts stay as they are: the option goes to a hierarchy without controllers that is mounted nowhere. On the unified
// hierarchy nothing moves (clone3(2), CLONE_INTO_CGROUP), and the result is nil.
func FavorMoves() (*os.File, error) {
	if V2() {
		return nil, nil
	}
	fs, err := unix.Fsopen("cgroup", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("favor moves between control groups: %w", err)
	}
	defer unix.Close(fs)
	for _, set := range []func() error{
		func() error { return unix.FsconfigSetFlag(fs, "none") },
		func() error { return unix.FsconfigSetString(fs, "name", "box") },
		func() error { return unix.FsconfigSetFlag(fs, "favordynmods") },
		func() error { return unix.FsconfigCreate(fs) },
	} {
		if err := set(); err != nil {
			return nil, fmt.Errorf("favor moves between control groups: %w", err)
		}
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("favor moves between control groups: %w", err)
	}
	return os.NewFile(uintptr(m), "cgroup"), nil
}
