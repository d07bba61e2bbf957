package logs

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Packer compresses rotated files in the background, one at a time, for all logs of a process.
type Packer struct {
	done func() // called when nothing is left to do

	names sync.Mutex // held while files are renamed

	mu      sync.Mutex
	jobs    map[string]format // logs with rotated files to compress, by path
	running bool
	stopped bool
	work    sync.WaitGroup
}

// NewPacker makes a packer. Unless it is nil, done is called each time that the packer has caught up.
func NewPacker(done func()) *Packer {
	return &Packer{done: done, jobs: map[string]format{}}
}

// add queues the rotated files of a log for compression.
func (p *Packer) add(path string, f format) {
	if _, err := os.Stat(numbered(path, 1)); err != nil && !leftover(path) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[path] = f
	p.begin()
}

// leftover reports whether an older rotated file waits to be compressed.
func leftover(path string) bool {
	for _, n := range numbers(path) {
		if _, err := os.Stat(numbered(path, n)); err == nil {
			return true
		}
	}
	return false
}

// begin starts the work; p.mu is held.
func (p *Packer) begin() {
	if p.running || p.stopped || len(p.jobs) == 0 {
		return
	}
	p.running = true
	p.work.Go(p.run)
}

// Stop ends the work at once. Files not yet compressed stay as they are until Start, or until the log is opened
// again.
func (p *Packer) Stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.work.Wait()
}

// Start resumes the work after Stop.
func (p *Packer) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = false
	p.begin()
}

func (p *Packer) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

func (p *Packer) run() {
	for {
		path, f, ok := p.next()
		if !ok {
			break
		}
		for more := true; more; {
			var err error
			more, err = p.packOldest(path, f)
			if errors.Is(err, errStopped) {
				p.again(path, f)
			}
			more = more && err == nil // a file that cannot be compressed stays readable as it is
		}
	}
	if p.done != nil {
		p.done()
	}
}

func (p *Packer) next() (path string, f format, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		for path, f := range p.jobs {
			delete(p.jobs, path)
			return path, f, true
		}
	}
	p.running = false
	return "", f, false
}

func (p *Packer) again(path string, f format) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[path] = f
}

// header is the gzip extra field of a compressed file. Besides Docker's lastTime it has the inode of the original, so
// that a reader that has the original open finds the file after it.
type header struct {
	LastTime time.Time `json:"lastTime"`
	Inode    uint64    `json:"inode,omitempty"`
}

var errStopped = errors.New("stopped")

// packOldest compresses the oldest plain rotated file of a log, and reports whether there was one.
func (p *Packer) packOldest(path string, f format) (bool, error) {
	p.names.Lock()
	in, err := oldestPlain(path)
	p.names.Unlock()
	if in == nil || err != nil {
		return false, err
	}
	defer in.Close()
	temporary := path + ".tmp"
	if err := p.compress(in, temporary, f); err != nil {
		return false, errors.Join(err, os.Remove(temporary))
	}
	ino, err := inode(in)
	if err != nil {
		return false, errors.Join(err, os.Remove(temporary))
	}
	p.names.Lock()
	defer p.names.Unlock()
	for _, n := range numbers(path) { // by now it may have a higher number or be deleted
		if st, err := os.Stat(numbered(path, n)); err == nil && inodeOf(st) == ino {
			return true, errors.Join(os.Rename(temporary, numbered(path, n)+packed), os.Remove(numbered(path, n)))
		}
	}
	return true, os.Remove(temporary)
}

func oldestPlain(path string) (*os.File, error) {
	for _, n := range numbers(path) {
		f, err := os.Open(numbered(path, n))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if _, gone := os.Stat(numbered(path, n) + packed); err == nil && gone == nil {
			// A crash came between the last two steps.
			err = errors.Join(f.Close(), os.Remove(numbered(path, n)))
			f = nil
			if err == nil {
				continue
			}
		}
		return f, err
	}
	return nil, nil
}

// compress writes a durable compressed copy of in.
func (p *Packer) compress(in *os.File, to string, f format) error {
	h := header{LastTime: lastTime(in, f)}
	var err error
	if h.Inode, err = inode(in); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 16<<10)
	z, err := gzip.NewWriterLevel(buffered, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if z.Extra, err = json.Marshal(h); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(z, interruptible{in, p}, make([]byte, 16<<10)); err != nil {
		return err
	}
	return errors.Join(z.Close(), buffered.Flush(), out.Sync())
}

// interruptible makes reading a file fail once the packer is stopped.
type interruptible struct {
	f *os.File
	p *Packer
}

func (r interruptible) Read(b []byte) (int, error) {
	if r.p.isStopped() {
		return 0, errStopped
	}
	return r.f.Read(b)
}
