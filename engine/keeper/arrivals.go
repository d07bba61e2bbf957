package keeper

import "sync"

// arrivals are the requests that came and were not read yet. The daemon that sent one may be dead by now, and the
// next one may be here already: they are read side by side, and what counts is who came first.
type arrivals struct {
	mu   sync.Mutex
	last uint64
	open map[uint64]chan struct{} // closed when the request has done what later ones are to see
}

// arrival is one of them.
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

// settle says that later requests need not wait for this one any more.
func (r arrival) settle() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if c := r.all.open[r.number]; c != nil {
		close(c)
		delete(r.all.open, r.number)
	}
}

// await waits for the requests that came before this one. None takes longer than requestWait.
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
