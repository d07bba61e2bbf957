package dockerd

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"box/fs/mount"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// leaveChroot sees to it that a daemon that was started in a chroot has a mount namespace with the chroot as its
// root, and executes itself anew there. Else containers could leave the chroot: who joins their namespace, as an exec
// does, begins at its root. A daemon that finds a keeper goes where that one is, since both must see the same mounts.
// It returns when there is no chroot to leave.
func leaveChroot(env *cmd.Env, o *config.Options, log *slog.Logger) error {
	chrooted, err := mount.Chrooted()
	if err != nil {
		log.Warn("whether this is a chroot is not known", "error", err)
		return nil
	}
	if !chrooted {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ns := ""
	k := &keeperProcess{run: o.ExecRoot}
	if pid := listener(k.socket()); pid > 0 {
		ns = fmt.Sprintf("/proc/%d/ns/mnt", pid)
	}
	log.Info("started in a chroot: going on in a mount namespace of which it is the root")
	if err := mount.LeaveChroot(ns); err != nil {
		return fmt.Errorf("leave the chroot (pivot_root or switch_root make this needless): %w", err)
	}
	return unix.Exec(exe, append([]string{exe, "dockerd"}, env.Args...), os.Environ())
}

// listener is the process that listens on a socket (unix(7), SO_PEERCRED), 0 for none.
func listener(socket string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	var peer *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if errors.Join(err, asked) != nil {
		return 0
	}
	return int(peer.Pid)
}
