package fstest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"box/fs"
)

// concurrent: many make, commit and remove layers on one parent at once, and somebody wants to remove that meanwhile.
func concurrent(b *bench) {
	b.layer("base", "", Entry{Name: "f", Body: "f"}, Entry{Name: "d/"}, Entry{Name: "d/g", Body: "g"})
	before := b.folders()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for round := range 4 {
				if err := b.oneOfMany(fmt.Sprintf("%d-%d", i, round)); err != nil {
					b.Errorf("%d, round %d: %v", i, round, err)
				}
			}
		})
	}
	b.container("holds", "base")
	all.Go(func() {
		for range 20 {
			if err := b.Remove(b.Context(), "base"); !errdefs.IsFailedPrecondition(err) {
				b.Errorf("the parent of others was removed: %v", err)
			}
		}
		if err := b.Remove(b.Context(), "holds"); err != nil {
			b.Error(err)
		}
	})
	all.Wait()
	b.settles(before, "all are removed")
	var names []string
	b.must(b.Walk(b.Context(), func(i fs.Info) error { names = append(names, i.Name); return nil }))
	if !slices.Equal(names, []string{"base"}) {
		b.Errorf("left are %v", names)
	}
}

// oneOfMany is a layer and a container on it, from the first call to the last.
func (b *bench) oneOfMany(id string) error {
	ctx := b.Context()
	staged, name, c := "staged-"+id, "layer-"+id, "c-"+id
	err := b.Prepare(ctx, staged, "base", fs.PrepareOptions{})
	if err != nil {
		return err
	}
	size, err := b.Apply(ctx, staged, bytes.NewReader(Tar(b, Entry{Name: "own", Body: id}, Entry{Name: ".wh.f"})))
	if err != nil {
		return err
	}
	commit := func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: staged, Name: name, Parent: "base", Size: size})
	}
	if err := b.db.Update(commit); err != nil {
		return err
	}
	if err := b.Prepare(ctx, c, name, fs.PrepareOptions{Purpose: fs.ForContainer}); err != nil {
		return err
	}
	if _, _, err := b.Mounts(ctx, c); err != nil {
		return err
	}
	if err := b.Remove(ctx, name); !errdefs.IsFailedPrecondition(err) {
		return fmt.Errorf("a layer under a container was removed: %w", err)
	}
	return errors.Join(b.Remove(ctx, c), b.Remove(ctx, name))
}
