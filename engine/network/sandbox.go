package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loopbackIndex is the index of lo, the first link of every namespace.
const loopbackIndex = 1

// sandboxPath returns where a container's namespace is mounted. It refuses what is no ID, since that becomes a file
// name.
func (l *Linux) sandboxPath(container string) (string, error) {
	if len(container) < 12 || strings.Trim(container, "0123456789abcdef") != "" {
		return "", fmt.Errorf("sandbox of container %q: not an ID: %w", container, errdefs.ErrInvalidArgument)
	}
	return filepath.Join(l.dir, container[:12]), nil
}

// Sandbox implements Plane.
func (l *Linux) Sandbox(_ context.Context, container, from string, sysctls map[string]string) (string, error) {
	path, err := l.sandboxPath(container)
	if err != nil {
		return "", err
	}
	if isNamespace(path) {
		return path, nil
	}
	for name := range sysctls {
		if !strings.HasPrefix(name, "net.") || strings.Contains(name, "..") {
			return "", fmt.Errorf("sysctl %q is not one of a network namespace: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o444)
	if err != nil {
		return "", fmt.Errorf("sandbox of container %s: %w", container[:12], err)
	}
	file.Close()
	handle, err := makeNamespace(path, from, sysctls)
	if err != nil {
		os.Remove(path)
		return "", fmt.Errorf("sandbox of container %s: %w", container[:12], err)
	}
	l.mu.Lock()
	l.fresh[container] = handle
	l.mu.Unlock()
	return path, nil
}

// makeNamespace makes a network namespace, or takes the one at from, mounts it at path and returns a socket in it. It
// enters the namespace on a thread of its own, which ends with the goroutine if it cannot come back.
func makeNamespace(path, from string, sysctls map[string]string) (*socket, error) {
	type result struct {
		handle *socket
		err    error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- result{err: err}
			return
		}
		defer home.Close()
		handle, err := enterNew(path, from, sysctls)
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread()
		}
		done <- result{handle, err}
	}()
	r := <-done
	return r.handle, r.err
}

// enterNew moves the calling thread into a new namespace, or the one at from, and sets that up.
func enterNew(path, from string, sysctls map[string]string) (*socket, error) {
	if err := leaveFor(from); err != nil {
		return nil, fmt.Errorf("making a network namespace: %w", err)
	}
	// Links that are put in get no IPv6 link-local address; the loopback, which exists already, keeps ::1.
	if err := writeSysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for name, value := range sysctls {
		if err := writeSysctl(strings.ReplaceAll(name, ".", "/"), value); err != nil {
			return nil, err
		}
	}
	handle, err := newSocket()
	if err != nil {
		return nil, err
	}
	if err := handle.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopbackIndex}}); err != nil {
		handle.Close()
		return nil, fmt.Errorf("bringing up the loopback link: %w", err)
	}
	if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
		handle.Close()
		return nil, fmt.Errorf("mounting the network namespace at %s: %w", path, err)
	}
	return handle, nil
}

// leaveFor moves the calling thread into the network namespace at from, or into a new one if from is "".
func leaveFor(from string) error {
	if from == "" {
		return unix.Unshare(unix.CLONE_NEWNET)
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// inside returns a socket in a sandbox, at first the one that was opened when the sandbox was made.
func (l *Linux) inside(container, path string) (*socket, error) {
	l.mu.Lock()
	handle := l.fresh[container]
	delete(l.fresh, container)
	l.mu.Unlock()
	if handle != nil {
		return handle, nil
	}
	file, err := openNamespace(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return socketAt(file)
}

// RemoveSandbox implements Plane. The namespace goes with the last process in it.
func (l *Linux) RemoveSandbox(_ context.Context, container string) error {
	path, err := l.sandboxPath(container)
	if err != nil {
		return err
	}
	l.mu.Lock()
	handle := l.fresh[container]
	delete(l.fresh, container)
	l.mu.Unlock()
	if handle != nil {
		handle.Close()
	}
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err,
		unix.ENOENT) {
		return fmt.Errorf("unmounting the network namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing sandbox: %w", err)
	}
	return nil
}

// Sandboxes implements Plane.
func (l *Linux) Sandboxes(context.Context) ([]string, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("listing sandboxes: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// isNamespace tells whether a namespace is mounted at path, and not just the file to mount it on.
func isNamespace(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.NSFS_MAGIC
}

func openNamespace(path string) (*os.File, error) {
	if !isNamespace(path) {
		return nil, fmt.Errorf("%s is not a mounted network namespace: %w", path, errdefs.ErrNotFound)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the network namespace: %w", err)
	}
	return file, nil
}

// writeSysctl changes a kernel setting in the calling thread's network namespace. name is a path below /proc/sys.
func writeSysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %s to %q: %w", strings.ReplaceAll(name, "/", "."), value, err)
	}
	return nil
}
