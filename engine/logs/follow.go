package logs

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is how often a follower looks for what inotify does not report: the end of the container, or changes on a
// file system without inotify.
const pollEvery = 250 * time.Millisecond

// follow continues to read, across rotations, until q.Done is closed and nothing is left, or Until has passed.
func (r *reader) follow(ctx context.Context) error {
	changes := notify(r.path)
	defer changes.stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ended := closed(r.q.Done)
		read, err := r.drain(ctx)
		if err != nil {
			return err
		}
		moved, err := r.cross(ctx)
		if err != nil {
			return err
		}
		switch {
		case read || moved:
			continue
		case ended, !r.q.Until.IsZero() && time.Now().After(r.q.Until):
			return nil
		}
		if r.q.Idle != nil {
			if err := r.q.Idle(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.q.Done:
		case <-changes.c:
		case <-tick.C:
		}
	}
}

// cross moves on to the next file if the present one is no longer the newest, and reports whether it did.
func (r *reader) cross(ctx context.Context) (bool, error) {
	if len(r.parts) == 0 {
		return r.take(openAll(r.path))
	}
	if len(r.parts) == 1 {
		st, err := os.Stat(r.path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		if err == nil && inodeOf(st) == r.parts[0].inode && !r.parts[0].packed {
			return r.rewind(st.Size())
		}
		parts, err := openAll(r.path)
		if err != nil {
			return false, err
		}
		later := after(parts, r.parts[0].inode)
		closeAll(parts[:len(parts)-len(later)])
		if len(later) == 0 {
			return false, nil // the log is gone, or the new file does not exist yet
		}
		r.parts = append(r.parts, later...)
	}
	// A numbered file is no longer written to, so this reads the rest of it.
	if _, err := r.drain(ctx); err != nil {
		return false, err
	}
	return true, r.advance()
}

// take starts reading parts.
func (r *reader) take(parts []*part, err error) (bool, error) {
	if err != nil || len(parts) == 0 {
		return false, err
	}
	r.parts = parts
	return true, r.open(0)
}

// after returns the files after the last one with that inode, or all if there is none.
func after(parts []*part, inode uint64) []*part {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].inode == inode {
			return parts[i+1:]
		}
	}
	return parts
}

// rewind starts over if somebody truncated the file, and reports whether it did.
func (r *reader) rewind(size int64) (bool, error) {
	if size >= r.in.at {
		return false, nil
	}
	if _, err := r.parts[0].f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	r.in.at, r.in.lo, r.in.hi, r.in.broken = 0, 0, 0, false
	return true, nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return c != nil
	default:
		return false
	}
}

// notifier signals when a file may have grown or been replaced.
type notifier struct {
	c    chan struct{}
	stop func()
}

// notify watches the folder of a file (inotify(7)). If that fails, followers only poll.
func notify(path string) notifier {
	n := notifier{c: make(chan struct{}, 1), stop: func() {}}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return n
	}
	f := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		f.Close()
		return n
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			if _, err := f.Read(buf); err != nil {
				return
			}
			select {
			case n.c <- struct{}{}:
			default:
			}
		}
	}()
	n.stop = func() {
		f.Close()
		<-done
	}
	return n
}
