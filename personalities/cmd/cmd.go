package cmd

import (
	"context"
	"io"
	"os/signal"
	"strings"
	"syscall"
)

// Version is what the binary calls itself to users.
const Version = "0.1.0"

// dockerRelease is the release of Docker that box is in the eyes of programs that compare versions.
const dockerRelease = "29.1.0"

// DockerVersion is what client and daemon call themselves where programs read Docker's version: the release, and
// box's own behind it as semver's build metadata. That has no dots, because cAdvisor wants three numbers with dots
// between them once in the whole.
func DockerVersion() string { return dockerRelease + "+box-" + strings.ReplaceAll(Version, ".", "-") }

// Command is one personality: a row of the table that argv[0] or the first argument picks from.
type Command struct {
	Name    string // also the file name under which the binary runs as this command
	Summary string // one line for the listing
	Hidden  bool   // not listed; still runs
	Serves  bool   // many at once, so that it uses all processors
	Main    func(ctx context.Context, env *Env) error
}

// Env is everything a command may touch of the process that runs it.
type Env struct {
	Args   []string // without the command's own name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Dir    string // the working directory; relative paths start here
}

// Interruptible returns a context that ends on the first SIGINT or SIGTERM; the second one kills the
// process as usual. A command that forwards signals to a container must not call it.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
