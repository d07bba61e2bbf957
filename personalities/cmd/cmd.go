package cmd

import (
	"context"
	"io"
	"os/signal"
	"strings"
	"syscall"
)

// Version is the version of box that users see.
const Version = "0.1.0"

// dockerRelease is the release of Docker that programs which compare versions take box for.
const dockerRelease = "29.1.0"

// DockerVersion is the version that client and daemon report where programs expect Docker's: dockerRelease, and box's
// own version as semver build metadata. The latter has dashes for dots, because cAdvisor accepts no further dots.
func DockerVersion() string { return dockerRelease + "+box-" + strings.ReplaceAll(Version, ".", "-") }

// Command is one personality, a row of the table from which argv[0] or the first argument chooses.
type Command struct {
	Name    string // also the file name under which box runs this command
	Summary string // one line in the list of commands
	Hidden  bool   // runs, but is not listed
	Serves  bool   // serves many requests at once: uses all processors
	Main    func(ctx context.Context, env *Env) error
}

// Env is all that a command may use of its process.
type Env struct {
	Args   []string // without the name of the command
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Dir    string // the working directory, to which paths are relative
}

// Interruptible returns a context that ends on the first SIGINT or SIGTERM; a second one kills the process. A command
// that forwards signals to a container must not call it.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
