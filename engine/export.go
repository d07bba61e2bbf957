package engine

import (
	"context"
	"fmt"
	"io"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/fs"
	"box/fs/archive"
)

// Exported is the root of a container to export. It must be closed.
type Exported struct {
	fd    int
	ids   fs.IDMaps
	close func()
}

// Export opens the root of a container, without what is mounted in it.
func (e *Engine) Export(ctx context.Context, ref string) (*Exported, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	if err := notGoing(c, "export"); err != nil {
		return nil, err
	}
	root, err := e.roots.Mount(ctx, c.ID())
	if err != nil {
		return nil, err
	}
	// A running container's mounts are in a namespace of its own: this one shows the root alone.
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		e.roots.Unmount(c.ID())
		return nil, fmt.Errorf("export container %s: %w", ident.Short(c.ID()), err)
	}
	e.publish(ctx, c, events.ActionExport)
	return &Exported{fd: fd, ids: e.o.IDs, close: func() {
		unix.Close(fd)
		e.roots.Unmount(c.ID())
	}}, nil
}

// notGoing refuses a container whose files are being deleted.
func notGoing(c *lifecycle.Container, verb string) error {
	switch st, _ := c.Now(); st.State {
	case api.StateDead:
		return refuse.Conflict("You cannot %s container %s which is Dead", verb, c.ID())
	case api.StateRemoving:
		return refuse.Conflict("You cannot %s container %s which is being removed", verb, c.ID())
	}
	return nil
}

// Write writes the files as a tar.
func (x *Exported) Write(ctx context.Context, w io.Writer) error {
	p := archive.NewPacker(w, archive.PackOptions{UIDs: x.ids.UIDs, GIDs: x.ids.GIDs, Nobody: true})
	if err := p.Content(ctx, x.fd); err != nil {
		return err
	}
	return p.Close()
}

// Close closes it.
func (x *Exported) Close() { x.close() }

// Changes lists the differences between a container's root and its image.
func (e *Engine) Changes(ctx context.Context, ref string) (_ []api.FilesystemChange, err error) {
	defer e.actions.Time("container", "changes", &err)()
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	d, err := e.differ()
	if err != nil {
		return nil, err
	}
	list, err := d.Changes(ctx, c.ID())
	if err != nil {
		return nil, err
	}
	out := make([]api.FilesystemChange, 0, len(list))
	for _, ch := range list {
		out = append(out, api.FilesystemChange{Path: ch.Path, Kind: api.ChangeType(ch.Kind)})
	}
	return out, nil
}

func (e *Engine) differ() (fs.Differ, error) {
	d, ok := e.layers.(fs.Differ)
	if !ok {
		return nil, fmt.Errorf("storage driver %s does not tell what a container changed", e.layers.Name())
	}
	return d, nil
}
