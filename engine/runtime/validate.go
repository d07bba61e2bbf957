package runtime

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// refusal is an error in runc's wording, which users of Docker know.
type refusal string

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

func (r refusal) Error() string { return string(r) }

// Unwrap returns the error's class.
func (refusal) Unwrap() error { return errdefs.ErrInvalidArgument }

// Validate refuses a spec that is incomplete or would change something of the host's, whatever runtime it is for.
func Validate(s *specs.Spec) error {
	switch {
	case s.Linux == nil || s.Root == nil || s.Process == nil:
		return refuse("spec has no root, process or Linux part")
	case !strings.HasPrefix(s.Root.Path, "/"):
		return refuse("invalid rootfs: not an absolute path, or a symlink")
	case !has(s, specs.MountNamespace):
		return refuse("mount namespace of the host's")
	case s.Hostname != "" && !has(s, specs.UTSNamespace):
		return refuse("unable to set hostname without a private UTS namespace")
	case s.Domainname != "" && !has(s, specs.UTSNamespace):
		return refuse("unable to set domainname without a private UTS namespace")
	}
	for key := range s.Linux.Sysctl {
		if file := sysctlFile(key); file != path.Clean(file) {
			return refuse("sysctl %q is not in a separate kernel namespace", key) // it leads out of /proc/sys
		}
		if err := validateSysctl(s, dotted(key)); err != nil {
			return err
		}
	}
	return nil
}

func has(s *specs.Spec, kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
}

// ipcSysctls are the parameters of IPC namespaces (ipc_namespaces(7)) besides those that begin with fs.mqueue.
var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
	"kernel.shm_rmid_forced",
}

// validateSysctl accepts only parameters of namespaces that the container has to itself.
func validateSysctl(s *specs.Spec, key string) error {
	switch {
	case slices.Contains(ipcSysctls, key) || strings.HasPrefix(key, "fs.mqueue."):
		if !has(s, specs.IPCNamespace) {
			return refuse("sysctl %q is not allowed in the hosts ipc namespace", key)
		}
	case strings.HasPrefix(key, "net."):
		if hostNetwork(s) {
			return refuse("sysctl %q not allowed in host network namespace", key)
		}
	case key == "kernel.domainname" && has(s, specs.UTSNamespace):
	case key == "kernel.hostname" && has(s, specs.UTSNamespace):
		return refuse("sysctl %q is not allowed as it conflicts with the OCI %q field", key, "hostname")
	case strings.HasPrefix(key, "user."):
		if !has(s, specs.UserNamespace) {
			return refuse("setting ucounts without a user namespace not allowed: %s", key)
		}
	default:
		return refuse("sysctl %q is not in a separate kernel namespace", key)
	}
	return nil
}

// hostNetwork tells whether the container shares this process's network.
func hostNetwork(s *specs.Spec) bool {
	for _, n := range s.Linux.Namespaces {
		if n.Type != specs.NetworkNamespace {
			continue
		}
		if n.Path == "" {
			return false
		}
		ours, err := os.Stat("/proc/self/ns/net")
		theirs, theirErr := os.Stat(n.Path)
		return err != nil || theirErr != nil || os.SameFile(ours, theirs)
	}
	return true
}

// dotted returns a parameter's name with dots between its parts. The first dot or slash in it is the separator, and
// the other character stands for itself (sysctl.d(5)).
func dotted(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '/' {
		return swapDots.Replace(key)
	}
	return key
}

// sysctlFile returns a parameter's file below /proc, with a slash before it.
func sysctlFile(key string) string { return "/sys/" + swapDots.Replace(dotted(key)) }

var swapDots = strings.NewReplacer(".", "/", "/", ".")
