// Package driver defines what log drivers share: lines of output, a container's configuration, and the interface of
// drivers.
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

// String returns the stream's name in logs.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// MaxLine is the maximal length of a line with its newline, in bytes. As in Docker, longer lines are passed on in
// parts.
const MaxLine = 16 << 10

// Line is one line of output, or a part of one that is longer than MaxLine or has not ended.
type Line struct {
	Stream Stream
	Time   time.Time
	Text   []byte // without the newline
	Part   int    // number of a line's part, from 1; 0 for a whole line
	Last   bool   // the part before the newline
	ID     string // shared by the parts of one line
}

// Open reports whether no newline follows.
func (l *Line) Open() bool { return l.Part > 0 && !l.Last }

// Config says where a container's output goes.
type Config struct {
	Driver  string            // one of logs.Drivers; none is never opened
	Path    string            // the log file or, for a driver that cannot be read, its local cache; "" for none
	Options map[string]string // already validated
	Tag     string            // the expanded option tag
	Attrs   map[string]string // the chosen labels and variables

	// About the container, for drivers that report it.
	ID        string
	Name      string // without a slash
	ImageID   string
	ImageName string
	Command   string
	Created   time.Time
}

// Driver delivers lines to where they are kept. Its methods are never called concurrently.
type Driver interface {
	// Log takes a line, which is only valid during the call; it may buffer the result until Flush. The error of ctx
	// means that the line was not taken, any other that it is lost.
	Log(ctx context.Context, l *Line) error
	// Flush ends a batch.
	Flush() error
	// Close releases the driver; buffered lines are lost.
	Close() error
}
