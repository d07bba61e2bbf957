package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"

	"box/fs/disk"
)

// What the files may take, and how long an event may go unsynced. There are mostFiles only while somebody reads them
// who is behind and goes on. A longer line than maxLine is not kept.
const (
	maxFile   = 2 << 20
	maxFiles  = 2
	mostFiles = 8
	maxLine   = 256 << 10
	syncEvery = time.Minute
)

// files have the events of the past, a line each: its time in nanoseconds, the rest in JSON, and a sum of both. They are
// numbered; the newest is written to, and when it is full the oldest goes.
type files struct {
	dir  string
	disk *disk.Disk
	log  *slog.Logger

	// Of who publishes, one at a time.
	file   *os.File
	size   int64
	last   int64   // time of the last event
	ends   []int64 // times of the last events of the files before the newest
	silent bool    // that it does not work was said

	mu    sync.Mutex // guards what follows
	all   []int      // numbers of the files, oldest first
	old   []*os.File // to be synced, and closed
	made  bool       // there are new names
	timer *time.Timer
}

// line is what is written of an event beside its time.
type line struct {
	Type       events.Type       `json:"type"`
	Action     events.Action     `json:"action"`
	ID         string            `json:"id,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Keep opens the files of events in a folder, or makes them. What was published before a restart is remembered from
// then on. It is called before anything is published.
func (b *Bus) Keep(dir string, d *disk.Disk, log *slog.Logger) error {
	f := &files{dir: dir, disk: d, log: log}
	if err := f.open(); err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files, b.last, b.evicted = f, f.last, f.last
	return nil
}

// Close makes all events durable. What is published later is not kept.
func (b *Bus) Close() error {
	b.mu.Lock()
	f := b.files
	b.files, b.lost = nil, b.evicted
	b.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.close()
}

func (f *files) path(number int) string { return filepath.Join(f.dir, fmt.Sprintf("%d.log", number)) }

// open finds the files, and the last event.
func (f *files) open() error {
	if err := f.disk.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".log")
		if n, err := strconv.Atoi(name); ok && err == nil && n > 0 && e.Type().IsRegular() && strconv.Itoa(n) == name {
			f.all = append(f.all, n)
		}
	}
	slices.Sort(f.all)
	for len(f.all) > maxFiles {
		if err := f.disk.Remove(f.path(f.all[0])); err != nil {
			return err
		}
		f.all = f.all[1:]
	}
	if len(f.all) == 0 {
		return f.begin(1)
	}
	for i, n := range f.all {
		if i > 0 {
			f.ends = append(f.ends, f.last)
		}
		f.last = max(f.last, lastOf(f.path(n)))
	}
	if f.file, err = os.OpenFile(f.path(f.all[len(f.all)-1]), os.O_RDWR, 0); err != nil {
		return err
	}
	return f.resume()
}

// resume goes on behind what is in the newest file, on a line of its own.
func (f *files) resume() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	var end [1]byte
	if f.size = info.Size(); f.size == 0 {
		return nil
	}
	if _, err := f.file.ReadAt(end[:], f.size-1); err != nil || end[0] == '\n' {
		return err
	}
	_, err = f.disk.WriteAt(f.file, []byte("\n"), f.size)
	f.size++
	return err
}

// begin makes a new file.
func (f *files) begin(number int) error {
	file, err := f.disk.Create(f.path(number), os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		f.old = append(f.old, f.file)
	}
	f.file, f.size, f.all, f.made = file, 0, append(f.all, number), true
	return nil
}

// write appends an event, and tells whether that worked. If others had to go for it, lost is the time of the last one.
// Those after the time wanted stay if that can be.
func (f *files) write(m *events.Message, wanted func() int64) (lost int64, ok bool) {
	text, err := format(m)
	if err == nil && f.size > 0 && f.size+int64(len(text)) > maxFile {
		lost, err = f.rotate(wanted)
	}
	if err == nil {
		_, err = f.disk.WriteAt(f.file, text, f.size)
	}
	if err != nil {
		if !f.silent {
			f.log.Warn("events are not kept", "error", err)
		}
		f.silent = true
		return lost, false
	}
	f.size, f.last, f.silent = f.size+int64(len(text)), m.TimeNano, false
	f.later()
	return lost, true
}

// rotate begins a new file, and removes the oldest ones. It returns the time of the last event in those.
func (f *files) rotate(wanted func() int64) (lost int64, err error) {
	f.mu.Lock()
	all := f.all
	f.mu.Unlock()
	for len(all) >= mostFiles || len(all) >= maxFiles && f.ends[0] <= wanted() {
		if err := f.disk.Remove(f.path(all[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			return lost, err
		}
		lost, f.ends, all = f.ends[0], f.ends[1:], all[1:]
		f.mu.Lock()
		f.all = slices.Clone(all)
		f.mu.Unlock()
	}
	if err := f.begin(all[len(all)-1] + 1); err != nil {
		return lost, err
	}
	f.ends = append(f.ends, f.last)
	return lost, nil
}

// later syncs within a minute.
func (f *files) later() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer == nil {
		f.timer = time.AfterFunc(syncEvery, func() {
			if err := f.sync(); err != nil && !errors.Is(err, os.ErrClosed) { // by Close, which syncs
				f.log.Warn("sync events", "error", err)
			}
		})
	}
}

// sync makes durable what was written.
func (f *files) sync() error {
	f.mu.Lock()
	now, old, made := f.file, f.old, f.made
	f.timer, f.old, f.made = nil, nil, false
	f.mu.Unlock()
	var err error
	if made {
		err = f.disk.SyncFolder(f.dir)
	}
	for _, file := range old {
		err = errors.Join(err, f.disk.Sync(file), file.Close())
	}
	return errors.Join(err, f.disk.Sync(now))
}

func (f *files) close() error {
	f.mu.Lock()
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	return errors.Join(f.sync(), f.file.Close())
}

// format makes a line of an event.
func format(m *events.Message) ([]byte, error) {
	raw, err := json.Marshal(line{m.Type, m.Action, m.Actor.ID, m.Actor.Attributes})
	if err != nil || len(raw) > maxLine {
		return nil, errors.Join(fmt.Errorf("an event of %d bytes", len(raw)), err)
	}
	text := append(strconv.AppendInt(nil, m.TimeNano, 10), ' ')
	text = append(text, raw...)
	return fmt.Appendf(text, " %08x\n", crc32.ChecksumIEEE(text)), nil
}

// parse reads a line. It is false for one that is damaged.
func parse(text []byte) (m events.Message, ok bool) {
	n := bytes.LastIndexByte(text, ' ')
	if n < 0 || string(text[n+1:]) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text[:n])) {
		return m, false
	}
	head, rest, _ := bytes.Cut(text[:n], []byte(" "))
	at, err := strconv.ParseInt(string(head), 10, 63)
	var l line
	if err != nil || at <= 0 || json.Unmarshal(rest, &l) != nil || l.Type == "" || l.Action == "" {
		return m, false
	}
	if l.Attributes == nil {
		l.Attributes = map[string]string{}
	}
	return message(at, l.Type, l.Action, l.ID, l.Attributes), true
}

// lastOf is the time of the last event in a file, or 0.
func lastOf(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	raw := make([]byte, min(info.Size(), 2*maxFile))
	if _, err := file.ReadAt(raw, info.Size()-int64(len(raw))); err != nil {
		return 0
	}
	for len(raw) > 0 {
		n := bytes.LastIndexByte(raw, '\n')
		if m, ok := parse(raw[n+1:]); ok {
			return m.TimeNano
		}
		raw = raw[:max(n, 0)]
	}
	return 0
}
