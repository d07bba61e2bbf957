package layers

import (
	"context"
	"sync"
)

// Background is what a driver does between its Open and its Close, such as deleting orphans.
type Background struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
	err    error // read when all have ended
}

// Begin starts the work, which ends early when its context does. It is called once.
func (b *Background) Begin(ctx context.Context, work func(ctx context.Context) error) {
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	b.all.Go(func() { b.err = work(ctx) })
}

// end stops the work, waits for it, and returns its error.
func (b *Background) end() error {
	if b.cancel != nil {
		b.cancel()
	}
	b.all.Wait()
	return b.err
}

// Swept implements fs.Sweeper.
func (b *Background) Swept(ctx context.Context) error { return Swept(ctx, &b.all) }

// Close implements fs.Driver.
func (c *Content) Close() error {
	err := c.end()
	c.Syncer.Close()
	return err
}
