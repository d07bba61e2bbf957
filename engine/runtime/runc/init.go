package runc

import (
	"fmt"
	"os"
	"runtime"

	// Registers the writer of device rules; without it every start ends in an error about devices.
	_ "github.com/opencontainers/cgroups/devices"
	"github.com/opencontainers/runc/libcontainer"
	// The C half of a start, which joins and makes namespaces before Go has threads.
	_ "github.com/opencontainers/runc/libcontainer/nsenter"
)

// init is the doorway of the process that libcontainer executes to become a container's program: `<anything> init` with
// its pipe in the environment. It never returns then; any other process passes through.
//
// In the keeper the main thread is for the main goroutine alone. libcontainer mounts on threads that join a container's
// namespace and end with their goroutine. The main thread never ends: it would stay there, and daemons look at it to
// find out where their keeper is.
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
