package keeper

import "sync"

// arrivals are the requests that came and are not read yet. They are read side by side, and a dead daemon's may still
// be among them when the next daemon's come, so the order in which they came has to be known.
type arrivals struct {
	mu   sync.Mutex
	last uint64
	open map[uint64]chan struct{} // closed when later requests may go ahead
}

// arrival is a request's place among the arrivals.
type arrival struct {
	all    *arrivals
	number uint64
}

func (a *arrivals) add() arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[uint64]chan struct{}{}
	}
	a.last++
	a.open[a.last] = make(chan struct{})
	return arrival{a, a.last}
}

// settle tells later requests that they need not wait for this one any more.
func (r arrival) settle() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if c := r.all.open[r.number]; c != nil {
		close(c)
		delete(r.all.open, r.number)
	}
}

// await waits for the requests that came before this one, each of which settles within requestWait.
func (r arrival) await() {
	r.all.mu.Lock()
	var earlier []chan struct{}
	for n, c := range r.all.open {
		if n < r.number {
			earlier = append(earlier, c)
		}
	}
	r.all.mu.Unlock()
	for _, c := range earlier {
		<-c
	}
}
