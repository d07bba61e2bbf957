// Package task is the engine's half of the keeper protocol: how the daemon, which may be stopped or replaced at any
// moment, starts and controls containers that another process owns.
//
// Each request uses its own connection to the keeper's socket: one message with descriptors out, one message back.
// Only Watch stays connected: it delivers every exit to the daemon, repeatedly, until the daemon has recorded it
// (Forget).
package task

import (
	"context"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Launcher starts containers and owns them. All methods may be called from any goroutine.
type Launcher interface {
	// Launch makes a container and runs its program. The launcher always takes ownership of attached. After an error
	// nothing is left of the container; the error's Causes say why.
	Launch(ctx context.Context, l Launch, attached []*os.File) (Status, error)
	// Find lists every container that the launcher owns.
	Find(ctx context.Context) ([]Status, error)
	// Watch calls fn for every program that has ended and was not forgotten, in order, until ctx ends or the launcher
	// is lost, and returns that error.
	Watch(ctx context.Context, fn func(Exit)) error
	// Task returns a handle for a container, without checking that it exists.
	Task(id string) Task
}

// Task is a handle for one container of a launcher.
type Task interface {
	// Exec runs another program in the container.
	Exec(ctx context.Context, e Exec, attached []*os.File) (pid int, err error)
	// Attach connects a descriptor to the streams of the container's program, or of an exec unless exec is "".
	Attach(ctx context.Context, exec string, a Attach, f *os.File) error
	// Resize sets the size of a terminal.
	Resize(ctx context.Context, exec string, width, height uint16) error
	// Signal sends sig to the container's program or to an exec's or, if all is set, to every process.
	Signal(ctx context.Context, exec string, sig unix.Signal, all bool) error
	// Pause and Resume freeze and thaw the container.
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	// Update changes limits; nil fields stay.
	Update(ctx context.Context, r *specs.LinuxResources) error
	// Describe returns the container's processes and control groups.
	Describe(ctx context.Context) (Description, error)
	// Forget drops the record of an ended exec or, if exec is "", of the ended container with its cgroup.
	Forget(ctx context.Context, exec string) error
}

// Launch describes a container to be started.
type Launch struct {
	ID      string
	Runtime string `json:",omitempty"` // Box, Runc, or "" for Box
	Spec    *specs.Spec
	Filter  *Filter `json:",omitempty"` // for Box, nil for none; other runtimes compile the profile in the spec
	Log     Log
	Stdin   bool     // the program has an input to attach to; otherwise it reads end of file
	Attach  []Attach // one for each attached descriptor, connected before the program's first output
}

// Filter is a seccomp filter in the form of seccomp(2): SECCOMP_FILTER_FLAG_* and an array of struct sock_filter, 8
// bytes each.
type Filter struct {
	Flags   uint32
	Program []byte
}

// Exec describes a program to be started in a running container.
type Exec struct {
	ID      string
	Process *specs.Process
	Stdin   bool
	Attach  []Attach
}

// Attach selects what flows over an attached descriptor. Without a terminal, output is framed like Docker's
// multiplexed streams unless Raw is set; a terminal's output is raw unless Frames is set.
type Attach struct {
	Stdin      bool
	Stdout     bool
	Stderr     bool
	CloseStdin bool // the end of this input closes the program's input
	Raw        bool
	Frames     bool `json:",omitempty"`
}

// Log says where a program's output goes. driver.Config explains the fields.
type Log struct {
	Driver  string
	Path    string
	Options map[string]string
	Tag     string            `json:",omitempty"`
	Attrs   map[string]string `json:",omitempty"`

	ID        string    `json:",omitempty"`
	Name      string    `json:",omitempty"`
	ImageID   string    `json:",omitempty"`
	ImageName string    `json:",omitempty"`
	Command   string    `json:",omitempty"`
	Created   time.Time `json:",omitzero"`
}

// Status is what a launcher knows about one container.
type Status struct {
	ID      string
	Pid     int
	Started time.Time
	Paused  bool
	Execs   []ExecStatus
	Exit    *Exit // nil while it runs
}

// ExecStatus is what a launcher knows about one exec.
type ExecStatus struct {
	ID   string
	Pid  int
	Exit *Exit
}

// Exit says how a program ended.
type Exit struct {
	Container string
	Exec      string // "" for the container's own program
	Pid       int
	Code      int // exit status, or 128 + signal
	OOMKilled bool
	At        time.Time
}

// Description lists a container's processes and control groups.
type Description struct {
	Pids    []int
	Cgroups map[string]string // folders by controller, "" for the unified hierarchy
}
