package network

import (
	"errors"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// reaper deletes links off the reply path, since the kernel takes 16-43 ms for each. The kernel takes a link along
// when its sandbox goes away, many at once, so the reaper first gives it time for that.
type reaper struct {
	queue chan doomed
	quit  chan struct{}
	wait  sync.WaitGroup
	log   *slog.Logger
}

type doomed struct {
	index int
	name  string
	at    time.Time
}

// grace is how long the kernel gets to take a link along with its namespace.
const grace = 150 * time.Millisecond

func newReaper(log *slog.Logger) *reaper {
	r := &reaper{queue: make(chan doomed, 4096), quit: make(chan struct{}), log: log}
	r.wait.Go(r.run)
	return r
}

// kill has a link deleted. The caller has cut it off already.
func (r *reaper) kill(index int, name string) {
	select {
	case r.queue <- doomed{index, name, time.Now().Add(grace)}:
	default:
		r.delete(doomed{index: index, name: name})
	}
}

func (r *reaper) run() {
	closing := r.quit
	for {
		select {
		case d := <-r.queue:
			select {
			case <-time.After(time.Until(d.at)):
			case <-closing:
			}
			r.delete(d)
		case <-closing:
			select {
			case d := <-r.queue:
				r.delete(d)
			default:
				return
			}
		}
	}
}

func (r *reaper) delete(d doomed) {
	link, err := netlink.LinkByIndex(d.index)
	if err != nil || link.Attrs().Name != d.name {
		return // gone, or its number is used again
	}
	if err := netlink.LinkDel(link); err != nil && !noSuchLink(err) && !errors.Is(err, syscall.EINVAL) {
		r.log.Warn("deleting a link", "link", d.name, "error", err)
	}
}

// close deletes what is left in the queue and waits for that.
func (r *reaper) close() {
	close(r.quit)
	r.wait.Wait()
}
