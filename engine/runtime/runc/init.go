package runc

import (
	"fmt"
	"os"
	"runtime"

	// registers the writer of device rules, without which every start fails
	_ "github.com/opencontainers/cgroups/devices"
	"github.com/opencontainers/runc/libcontainer"
	// the C part of a start, which joins and makes namespaces before Go has threads
	_ "github.com/opencontainers/runc/libcontainer/nsenter"
)

// init runs the process that libcontainer executes to become a container's program: `<anything> init` with a pipe in
// the environment. It does not return then.
//
// In the keeper it reserves the main thread for the main goroutine. libcontainer mounts on threads that join a
// container's namespace and end with their goroutine. The main thread never ends, so it would stay in that namespace,
// and daemons look at it to find the keeper's namespace.
func init() {
	if len(os.Args) > 1 && os.Args[1] == "init" && os.Getenv("_LIBCONTAINER_INITPIPE") != "" {
		if os.Getenv("_LIBCONTAINER_INITTYPE") == "standard" { // an exec is in the container's root
			if err := leaveRamRoot(); err != nil {
				fmt.Fprintln(os.Stderr, "box:", err) // the start fails at pivot_root next
			}
		}
		libcontainer.Init()
	}
	if len(os.Args) > 1 && os.Args[1] == "keeper" {
		runtime.LockOSThread()
	}
}
