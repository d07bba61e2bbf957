package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/go-units"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
	"box/engine/logs/remote/fluentd"
	"box/engine/logs/remote/gelf"
	"box/engine/logs/remote/journald"
	"box/engine/logs/remote/syslog"
)

// remotes are the drivers whose lines cannot be read back. As in Docker, a local copy can be.
var remotes = map[string]struct {
	open    func(driver.Config) (remote.Driver, error)
	options []string
	check   func(options map[string]string) error // nil if any value is valid
}{
	"syslog":   {syslog.Open, syslog.Options, syslog.Check},
	"journald": {journald.Open, nil, nil},
	"gelf":     {gelf.Open, gelf.Options, gelf.Check},
	"fluentd":  {fluentd.Open, fluentd.Options, fluentd.Check},
}

// Drivers lists the names of all drivers except none, sorted.
func Drivers() []string {
	names := []string{"json-file", "local"}
	for name := range remotes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Options is what Open needs besides the configuration.
type Options struct {
	Packer *Packer     // compresses rotated files; if nil, they stay plain
	Warn   func(error) // called, not too often, when lines are lost
	Late   bool        // continue a log of an earlier executable: connect to a server only when there is a line
}

// Open opens the log of a container whose program is about to start. Connecting to a server is bounded by ctx.
func Open(ctx context.Context, c driver.Config, o Options) (*Logger, error) {
	l := &Logger{warn: o.Warn}
	if c.Options["mode"] == "non-blocking" {
		l.limit = defaultQueue
		if s := c.Options["max-buffer-size"]; s != "" {
			n, err := units.RAMInBytes(s)
			if err != nil {
				return nil, err
			}
			l.limit = int(n)
		}
	}
	var err error
	r := remotes[c.Driver]
	switch {
	case c.Driver == "json-file":
		l.d, err = openJSON(c, o.Packer)
	case c.Driver == "local":
		l.d, err = openLocal(c.Path, c.Options, "", o.Packer)
	case r.open == nil:
		return nil, fmt.Errorf("log driver %q: %w", c.Driver, errdefs.ErrInvalidArgument)
	default:
		err = l.openRemote(ctx, r.open, c, o)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// openRemote opens a driver that cannot be read, and its readable cache.
func (l *Logger) openRemote(
	ctx context.Context, open func(driver.Config) (remote.Driver, error), c driver.Config, o Options,
) error {
	d, err := open(c)
	if err != nil {
		return err
	}
	l.d, l.target = d, d.Server()
	if l.limit == 0 {
		l.limit = l.target.Queue
	}
	if !o.Late && !l.target.Lazy {
		if err := l.target.Connect(ctx); err != nil {
			return err
		}
	}
	if c.Path == "" {
		return nil
	}
	cache, err := openLocal(c.Path, c.Options, cachePrefix, o.Packer)
	if err != nil { // bad cache options should not stop a container
		o.Warn(err)
		if cache, err = openLocal(c.Path, nil, "", o.Packer); err != nil {
			return errors.Join(err, d.Close())
		}
	}
	l.cache = cache
	return nil
}
