// Package runtimetest has the suite that every built-in runtime passes, and what the runtimes' own tests need
// besides.
package runtimetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// BusyboxRoot makes a root with busybox. It skips the test without busybox or the rights of root.
func BusyboxRoot(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root")
	}
	program, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox")
	}
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	if err := os.Mkdir(root+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/bin/busybox", raw, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "sleep", "cat", "kill", "ls", "id", "stty", "hostname", "grep", "pwd", "true",
		"mount", "touch", "chmod", "chown", "cut", "readlink", "echo"} {
		if err := os.Symlink("busybox", root+"/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Spec describes a container in root with namespaces of its own.
func Spec(t *testing.T, root string) *specs.Spec {
	t.Helper()
	usual := []string{"CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"}
	return &specs.Spec{
		Root: &specs.Root{Path: root}, Hostname: "inside",
		Process: &specs.Process{
			Cwd: "/", Env: []string{"PATH=/nowhere:relative:/bin"},
			Capabilities: &specs.LinuxCapabilities{Bounding: usual, Permitted: usual, Effective: usual},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
				Options: []string{"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: fmt.Sprintf("/box-runtime-test-%d/%s", os.Getpid(), filepath.Base(filepath.Dir(root))),
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.PIDNamespace}, {Type: specs.CgroupNamespace},
			},
			MaskedPaths: []string{"/proc/keys", "/proc/none", "/masked"}, ReadonlyPaths: []string{"/proc/sys", "/proc/none"},
			Sysctl: map[string]string{"net.ipv4.ip_default_ttl": "77"},
		},
	}
}
