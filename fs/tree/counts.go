package tree

import (
	"sync"
	"time"

	"box/fs"
)

// keptFor is how long a count is believed of a folder without writers, since there may be some that nobody tells of.
const keptFor = 10 * time.Minute

// Counts keeps what folders take for ten minutes, so that those to which nobody has written need not be walked again.
// The zero value is ready for use, by several goroutines.
type Counts struct {
	mu      sync.Mutex
	writers map[string]int
	kept    map[string]*count
}

// count is what a folder took. It is kept before its walk, so that a writer who comes meanwhile takes it away.
type count struct {
	usage fs.Usage
	done  bool
	mark  int64
	at    time.Time
}

// Begin says that a folder may be written to from now on, until End has been called as often.
func (c *Counts) Begin(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writers == nil {
		c.writers = map[string]int{}
	}
	c.writers[name]++
	delete(c.kept, name)
}

// End says that a writer has ended.
func (c *Counts) End(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writers[name]--; c.writers[name] <= 0 {
		delete(c.writers, name)
	}
}

// Forget forgets a folder that is removed, and its writers.
func (c *Counts) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.writers, name)
	delete(c.kept, name)
}

// Of returns what a folder takes: what was counted last, if there has been no writer since and the mark is what it was;
// otherwise what measure counts.
func (c *Counts) Of(name string, mark int64, measure func() (fs.Usage, error)) (fs.Usage, error) {
	now := time.Now()
	c.mu.Lock()
	if k := c.kept[name]; k != nil && k.done && k.mark == mark && now.Sub(k.at).Abs() < keptFor {
		c.mu.Unlock()
		return k.usage, nil
	}
	fresh := &count{mark: mark, at: now}
	if c.writers[name] == 0 {
		if c.kept == nil {
			c.kept = map[string]*count{}
		}
		c.kept[name] = fresh
	}
	c.mu.Unlock()
	u, err := measure()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[name] != fresh {
		return u, err
	}
	if fresh.usage, fresh.done = u, err == nil; err != nil {
		delete(c.kept, name)
	}
	return u, err
}
