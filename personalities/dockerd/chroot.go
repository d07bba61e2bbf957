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

// leaveChroot moves a daemon that was started in a chroot to a mount namespace whose root is the chroot, and executes
// it again there. Otherwise containers could escape from the chroot, because a process that joins their mount
// namespace, such as an exec, starts at the root of that namespace. If there is a keeper, the daemon joins its mount
// namespace, since both must see the same mounts. leaveChroot returns if there is no chroot.
func leaveChroot(env *cmd.Env, o *config.Options, log *slog.Logger) error {
	chrooted, err := mount.Chrooted()
	if err != nil {
		log.Warn("cannot tell whether this is a chroot", "error", err)
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
	log.Info("started in a chroot: continuing in a mount namespace whose root is the chroot")
	if err := mount.LeaveChroot(ns); err != nil {
		return fmt.Errorf("leave the chroot (not necessary after pivot_root or switch_root): %w", err)
	}
	return unix.Exec(exe, append([]string{exe, "dockerd"}, env.Args...), os.Environ())
}

// listener returns the process that listens on a socket (unix(7), SO_PEERCRED), or 0.
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
