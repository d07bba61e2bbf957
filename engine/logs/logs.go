package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
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

// maxLine is how many bytes a line may have, its newline included; a longer one is handed on in parts, as by Docker.
const maxLine = 16 << 10

// Line is one line of output, or a part of one that is longer than maxLine or has no end.
type Line struct {
	Stream Stream
	Time   time.Time
	Text   []byte // without the newline
	Part   int    // counts the parts of a line from 1; 0: a whole line
	Last   bool   // the part that a newline follows
	ID     string // what the parts of one line share
}

// open tells that no newline follows.
func (l *Line) open() bool { return l.Part > 0 && !l.Last }

// Config says where a container's output goes.
type Config struct {
	Driver  string            // one of Drivers; none is not opened at all
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

// driver takes lines to where they are kept. Its methods are not called side by side.
type driver interface {
	// log takes a line, which is the driver's during the call alone; it may hold what it makes of it back until
	// flush. The error of ctx means that the line was not taken, any other that it is lost.
	log(ctx context.Context, l *Line) error
	// flush ends what came together.
	flush() error
	// close lets go; what is held back is lost.
	close() error
}

// remote is a driver that sends lines to a server. Nothing is connected when it is opened.
type remote interface {
	driver
	connection() *target
}

// remotes are the drivers whose lines cannot be had back. As in Docker there is a copy of theirs on the disk.
var remotes = map[string]func(Config) (remote, error){
	"syslog":   openSyslog,
	"journald": openJournald,
	"gelf":     openGelf,
	"fluentd":  openFluentd,
}

// Drivers are the names of all drivers but none, sorted.
func Drivers() []string {
	names := []string{"json-file", "local"}
	for name := range remotes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Options says what Open needs besides the configuration.
type Options struct {
	Packer *Packer     // compresses rotated files; nil: they stay as they are
	Warn   func(error) // told of lines that were lost, now and then
	Late   bool        // take up a log of an earlier executable: a server is connected to when there is something to say
}

// Open makes the log of a container whose program is about to start. Connecting to a server ends with ctx.
func Open(ctx context.Context, c Config, o Options) (*Logger, error) {
	l := &Logger{warn: o.Warn}
	if c.Options["mode"] == "non-blocking" {
		l.limit = defaultQueue
		if s := c.Options["max-buffer-size"]; s != "" {
			n, err := ramInBytes(s)
			if err != nil {
				return nil, err
			}
			l.limit = int(n)
		}
	}
	var err error
	open := remotes[c.Driver]
	switch {
	case c.Driver == "json-file":
		l.d, err = openJSON(c, o.Packer)
	case c.Driver == "local":
		l.d, err = openLocal(c.Path, c.Options, "", o.Packer)
	case open == nil:
		return nil, fmt.Errorf("log driver %q: %w", c.Driver, errdefs.ErrInvalidArgument)
	default:
		err = l.openRemote(ctx, open, c, o)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// openRemote opens a driver that cannot be read, and the cache that can.
func (l *Logger) openRemote(ctx context.Context, open func(Config) (remote, error), c Config, o Options) error {
	d, err := open(c)
	if err != nil {
		return err
	}
	l.d, l.target = d, d.connection()
	if l.limit == 0 {
		l.limit = l.target.queue
	}
	if !o.Late && !l.target.lazy {
		if err := l.target.connect(ctx); err != nil {
			return err
		}
	}
	if c.Path == "" {
		return nil
	}
	cache, err := openLocal(c.Path, c.Options, cachePrefix, o.Packer)
	if err != nil { // the options for the cache are not worth a container
		o.Warn(err)
		if cache, err = openLocal(c.Path, nil, "", o.Packer); err != nil {
			return errors.Join(err, d.close())
		}
	}
	l.cache = cache
	return nil
}
