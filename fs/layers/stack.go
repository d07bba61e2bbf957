package layers

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

// Stack is the Content of drivers whose layers the kernel stacks: the folder of a layer has what it changes, and marks
// of what it deletes.
type Stack struct{ Content }

// Rebases implements fs.Rebaser: what a folder has depends on none below.
func (s *Stack) Rebases() bool { return true }

// Diff implements fs.Differ. What a container writes meanwhile may be included or not.
func (s *Stack) Diff(ctx context.Context, name string, w io.Writer) error {
	row, err := s.Table.Get(name)
	if err != nil {
		return err
	}
	dir, err := unix.Open(s.Files(row), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	defer unix.Close(dir)
	p := archive.NewPacker(w, archive.PackOptions{Whiteouts: s.Whiteouts, Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
	if err := p.Content(ctx, dir); err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	return p.Close()
}

// Changes implements fs.Differ.
func (s *Stack) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	chain, err := s.Table.Chain(name)
	if err != nil {
		return nil, err
	}
	u := archive.Upper{Dir: s.Files(chain[0]), Whiteouts: s.Whiteouts}
	for _, row := range chain[1:] {
		u.Lowers = append(u.Lowers, s.Files(row))
	}
	changes, _, err := u.Changes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at layer %s: %w", name, err)
	}
	return changes, nil
}
