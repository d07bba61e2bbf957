// Package task is the engine's half of the keeper protocol: how the daemon, which may be stopped or replaced at
// any moment, starts and drives containers that another process owns.
//
// One request is one connection to the keeper's socket: a message with descriptors goes out, a message comes
// back. Only Watch stays: it carries every exit from the keeper to the daemon, again and again until the
// daemon has said that it wrote it down (Forget).
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
	// Launch makes a container and runs its program; attached descriptors are the launcher's from then on, whatever
	// happens. After an error nothing of it is left; its Causes say why.
	Launch(ctx context.Context, l Launch, attached []*os.File) (Status, error)
	// Find lists everything that the launcher owns.
	Find(ctx context.Context) ([]Status, error)
	// Watch calls fn for every program that ended and was not forgotten, in order, until ctx ends or the launcher is
	// lost, which is the error.
	Watch(ctx context.Context, fn func(Exit)) error
	// Task is a container that was launched. It is not asked whether it is there.
	Task(id string) Task
}

// Task is one container of a launcher's.
type Task interface {
	// Exec runs a further program in the container.
	Exec(ctx context.Context, e Exec, attached []*os.File) (pid int, err error)
	// Attach connects a descriptor to the streams of the container's program, or of an exec when exec is not "".
	Attach(ctx context.Context, exec string, a Attach, f *os.File) error
	// Resize sets the size of the terminal.
	Resize(ctx context.Context, exec string, width, height uint16) error
	// Signal sends sig to the program, to an exec's, or with all to every process of the container.
	Signal(ctx context.Context, exec string, sig unix.Signal, all bool) error
	// Pause and Resume freeze and thaw.
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	// Update changes limits; nil fields stay.
	Update(ctx context.Context, r *specs.LinuxResources) error
	// Describe tells where the container runs.
	Describe(ctx context.Context) (Description, error)
	// Forget drops what is kept of an exec that ended, or with exec "" the ended container itself: its cgroup and
	// record.
	Forget(ctx context.Context, exec string) error
}

// Launch is a container to be started.
type Launch struct {
	ID      string
	Runtime string `json:",omitempty"` // Box or another; "" for Box
	Spec    *specs.Spec
	Filter  *Filter `json:",omitempty"` // of Box, nil for none; others compile the profile in the spec
	Log     Log
	Stdin   bool     // the program has a standard input that somebody may attach to; else it reads end of file
	Attach  []Attach // one for each descriptor that is passed along, connected before the program's first byte
}

// Filter is a seccomp filter as seccomp(2) takes it: SECCOMP_FILTER_FLAG_*, and struct sock_filter, 8 bytes each.
type Filter struct {
	Flags   uint32
	Program []byte
}

// Exec is a program to be started in a running container.
type Exec struct {
	ID      string
	Process *specs.Process
	Stdin   bool
	Attach  []Attach
}

// Attach says what flows over an attached descriptor. Output of a program without a terminal comes in frames
// as in Docker's multiplexed streams unless Raw is set; a terminal's comes as it is unless Frames is set.
type Attach struct {
	Stdin      bool
	Stdout     bool
	Stderr     bool
	CloseStdin bool // the end of this input is the end of the program's input
	Raw        bool
	Frames     bool `json:",omitempty"`
}

// Log says where a program's output is kept. The fields are those of driver.Config, which says what they mean.
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

// Status is what a launcher knows of one container.
type Status struct {
	ID      string
	Pid     int
	Started time.Time
	Paused  bool
	Execs   []ExecStatus
	Exit    *Exit // nil while it runs
}

// ExecStatus is what a launcher knows of one exec.
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

// Description tells where a container runs.
type Description struct {
	Pids    []int
	Cgroups map[string]string // folder by controller, "" for the unified hierarchy
}
