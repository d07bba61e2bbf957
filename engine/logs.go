package engine

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
	"box/engine/logs"
	"box/engine/logs/driver"
	"box/engine/logs/logger"
	"box/engine/refuse"
	"box/engine/task"
)

// LogOptions select lines of a log.
type LogOptions struct {
	Stdout, Stderr bool
	Since, Until   time.Time
	Timestamps     bool
	Details        bool // the labels and variables that the log keeps before each line
	Follow         bool
	Tail           int  // lines, negative for all
	Raw            bool // without frames
}

// Log is a container's log, ready to be read.
type Log struct {
	Terminal bool // bytes as they are, else Docker's frames
	Copy     func(ctx context.Context, w io.Writer) error
}

// Logs opens a container's log.
func (e *Engine) Logs(ref string, o LogOptions) (*Log, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	if !o.Stdout && !o.Stderr {
		return nil, refuse.Invalid("Bad parameters: you must choose at least one stream")
	}
	if st, _ := c.Now(); st.State == api.StateRemoving || st.State == api.StateDead {
		return nil, refuse.Conflict("can not get logs from container which is dead or marked for removal")
	}
	rec := c.Record()
	if e.logFiles(&rec).Path == "" {
		return nil, refuse.NotImplemented("configured logging driver does not support reading")
	}
	return &Log{
		Terminal: rec.Config.Tty,
		Copy:     func(ctx context.Context, w io.Writer) error { return e.writeLog(ctx, c, w, o) },
	}, nil
}

// timeFormat is RFC 3339 with nine digits, so that lines are aligned.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// logBatch is how many bytes of a log are written at once.
const logBatch = 32 << 10

func (e *Engine) writeLog(ctx context.Context, c *lifecycle.Container, w io.Writer, o LogOptions) error {
	rec := c.Record()
	out := bufio.NewWriterSize(w, logBatch)
	q := logs.Query{Since: o.Since, Until: o.Until, Tail: o.Tail, Details: o.Details, Follow: o.Follow, Idle: out.Flush}
	if o.Follow {
		ended := make(chan struct{})
		q.Done = ended
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			defer close(ended)
			waitOver(ctx, c)
		}()
	}
	var line []byte
	err := e.logFiles(&rec).Read(ctx, q, func(l *logs.Entry) error {
		if l.Stream == driver.Stdout && !o.Stdout || l.Stream == driver.Stderr && !o.Stderr {
			return nil
		}
		line = appendEntry(line[:0], l, rec.Config.Tty || o.Raw, o)
		_, err := out.Write(line)
		return err
	})
	if ctx.Err() != nil {
		return nil // the client has seen enough
	}
	if err != nil {
		told := logs.Entry{Stream: driver.Stderr, Text: []byte("Error grabbing logs: " + e.Explain(err).Error() + "\n")}
		_, _ = out.Write(appendEntry(line[:0], &told, rec.Config.Tty || o.Raw, LogOptions{}))
	}
	return errors.Join(err, out.Flush())
}

// appendEntry appends a line in the form of the API: in a frame unless the container has a terminal.
func appendEntry(b []byte, l *logs.Entry, terminal bool, o LogOptions) []byte {
	if !terminal {
		b = append(b, byte(l.Stream), 0, 0, 0, 0, 0, 0, 0)
	}
	if o.Timestamps {
		b = append(l.Time.UTC().AppendFormat(b, timeFormat), ' ')
	}
	if o.Details {
		for i, key := range slices.Sorted(maps.Keys(l.Attrs)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, url.QueryEscape(key)...), '='), url.QueryEscape(l.Attrs[key])...)
		}
		b = append(b, ' ')
	}
	b = append(b, l.Text...)
	if !terminal {
		binary.BigEndian.PutUint32(b[4:], uint32(len(b)-8))
	}
	return b
}

// waitOver waits until the running program has ended.
func waitOver(ctx context.Context, c *lifecycle.Container) {
	waitStopped(ctx, c, c.End(), -1)
}

// defaultLog is the default log driver.
const defaultLog = "json-file"

// logFiles returns where the container's log can be read. Its path is "" if it cannot.
func (e *Engine) logFiles(rec *lifecycle.Record) logs.Files {
	return logs.Place(rec.Host.LogConfig.Type, rec.Host.LogConfig.Config, e.dir(rec.ID), rec.ID)
}

// logOf returns the keeper's configuration of a container's log, and creates the folder of the log file.
func (e *Engine) logOf(rec *lifecycle.Record) (task.Log, error) {
	c := rec.Host.LogConfig
	files := e.logFiles(rec)
	l := task.Log{Driver: c.Type, Path: files.Path, Options: c.Config}
	if c.Type == "none" {
		return l, nil
	}
	if files.Path != "" && filepath.Dir(files.Path) != e.dir(rec.ID) {
		if err := os.MkdirAll(filepath.Dir(files.Path), 0o700); err != nil {
			return l, task.Because(err, task.LogRefused)
		}
	}
	if c.Type == "local" {
		return l, nil
	}
	info := logger.Info{
		Config: c.Config, ContainerID: rec.ID, ContainerName: "/" + rec.Name, ContainerEntrypoint: rec.Path,
		ContainerArgs:    rec.Args,
		ContainerImageID: rec.Image, ContainerImageName: rec.Config.Image, ContainerCreated: rec.Created.UTC(),
		ContainerEnv:    rec.Config.Env,
		ContainerLabels: rec.Config.Labels, LogPath: files.Path, DaemonName: "docker",
	}
	byDefault := "{{.ID}}"
	if c.Type == defaultLog {
		byDefault = "" // which has a tag only when it is asked for
	}
	var err error
	if l.Tag, err = info.Tag(byDefault); err == nil {
		l.Attrs, err = info.Attributes()
	}
	if err != nil {
		return l, task.Because(err, task.LogRefused)
	}
	if c.Type != defaultLog {
		l.ID, l.Name, l.Created = rec.ID, rec.Name, rec.Created
		l.ImageID, l.ImageName, l.Command = rec.Image, rec.Config.Image, info.Command()
	}
	return l, nil
}

// CheckLog refuses a default that no container could use.
func CheckLog(c api.LogConfig) error {
	if err := logs.Validate(c.Type, c.Config); err != nil {
		return fmt.Errorf("failed to set log opts: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return nil
}
