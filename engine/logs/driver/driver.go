// Package driver is what the log drivers have in common: a line of output, where a container's lines go, and what takes
// them there.
package driver

import (
	"context"
	"time"
)

// Stream says which of a program's two outputs a line came from.
type Stream byte

const (
	// Stdout is the standard output, or the terminal.
	Stdout Stream = 1
	// Stderr is the standard error.
	Stderr Stream = 2
)

// String is the stream's name in a log.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// MaxLine is how many bytes a line may have, its newline included; a longer one is handed on in parts, as by Docker.
const MaxLine = 16 << 10

// Line is one line of output, or a part of one that is longer than MaxLine or has no end.
type Line struct {
	Stream Stream
	Time   time.Time
	Text   []byte // without the newline
	Part   int    // counts the parts of a line from 1; 0: a whole line
	Last   bool   // the part that a newline follows
	ID     string // what the parts of one line share
}

// Open tells that no newline follows.
func (l *Line) Open() bool { return l.Part > 0 && !l.Last }

// Config says where a container's output goes.
type Config struct {
	Driver  string            // one of logs.Drivers; none is not opened at all
	Path    string            // the log file; of a driver that cannot be read its local cache, "" for none
	Options map[string]string // as validated
	Tag     string            // what the option tag gave
	Attrs   map[string]string // labels and variables that the options chose

	// Of the container, for drivers that tell of it.
	ID        string
	Name      string // without a slash
	ImageID   string
	ImageName string
	Command   string
	Created   time.Time
}

// Driver takes lines to where they are kept. Its methods are not called side by side.
type Driver interface {
	// Log takes a line, which is the driver's during the call alone; it may hold what it makes of it back until
	// Flush. The error of ctx means that the line was not taken, any other that it is lost.
	Log(ctx context.Context, l *Line) error
	// Flush ends what came together.
	Flush() error
	// Close lets go; what is held back is lost.
	Close() error
}
