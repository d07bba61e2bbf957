package overlay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"box/fs"
	"box/fs/layers"
)

// A layer below a container's (<id>-init) has some twenty files, the same for all containers of an image: to make and delete them was
// a fifth of what a container costs the daemon. So the files of a removed one wait a moment for the next.
const (
	spareFor  = time.Second // how long they wait
	mostSpare = 32
)

// spare are the files of a removed layer. Their folder is one that Sweep deletes.
type spare struct {
	kind, dir, link string
	since           time.Time
}

// spares are those that wait, and what they may be made of. The zero value is ready.
type spares struct {
	mu     sync.Mutex
	kinds  map[string]string // of layers that have rows, by name
	list   []spare           // the oldest first
	timer  *time.Timer       // runs while there are some
	work   sync.WaitGroup    // what the timer started
	closed bool
}

// kind tells layers apart that are not equal when their parent and their owners are: everything but the name.
func (d *Driver) kind(parent string, ids fs.IDMaps) (string, error) {
	below, err := d.table.Get(parent)
	uid, gid := ids.Root()
	return fmt.Sprintf("%s %s %d %d", below.ID, below.Link, uid, gid), err
}

// Recyclable implements fs.Recycler.
func (d *Driver) Recyclable(name string) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	kind, err := d.kind(row.Parent, fs.IDMaps{UIDs: row.UIDs, GIDs: row.GIDs})
	if err != nil {
		return err
	}
	d.spares.mu.Lock()
	defer d.spares.mu.Unlock()
	if d.spares.kinds == nil {
		d.spares.kinds = map[string]string{}
	}
	d.spares.kinds[name] = kind
	return nil
}

// Reuse implements fs.Recycler.
func (d *Driver) Reuse(name, parent string, ids fs.IDMaps) (bool, error) {
	kind, err := d.kind(parent, ids)
	if err != nil {
		return false, err
	}
	s, ok := d.spares.take(kind)
	if !ok {
		return false, nil
	}
	row, err := newRow(name, parent, fs.ForContainer)
	if err == nil {
		row.Link, row.UIDs, row.GIDs = s.link, ids.UIDs, ids.GIDs
		err = d.table.Stage(row)
	}
	if err != nil {
		return false, errors.Join(err, d.delete(s.dir))
	}
	if err := errors.Join(os.Rename(s.dir, d.dir(row)), d.symlink(row)); err != nil {
		return false, errors.Join(fmt.Errorf("prepare layer %s: %w", name, err), d.delete(s.dir), d.discard(row))
	}
	return true, d.Recyclable(name)
}

// take gives the youngest spare of a kind.
func (s *spares) take(kind string) (spare, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.list) - 1; i >= 0; i-- {
		if found := s.list[i]; found.kind == kind {
			s.list = append(s.list[:i], s.list[i+1:]...)
			return found, true
		}
	}
	return spare{}, false
}

// spare keeps the folder of a layer that was removed, if it may be one.
func (d *Driver) spare(row layers.Row, dir string) bool {
	s := &d.spares
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, ok := s.kinds[row.Name]
	delete(s.kinds, row.Name)
	if !ok || s.closed || len(s.list) >= mostSpare {
		return false
	}
	s.list = append(s.list, spare{kind: kind, dir: dir, link: row.Link, since: time.Now()})
	if s.timer == nil {
		s.timer = time.AfterFunc(spareFor, d.dropOld)
	}
	return true
}

// dropOld deletes the spares that nobody came for.
func (d *Driver) dropOld() {
	s := &d.spares
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.work.Add(1)
	defer s.work.Done()
	n := 0
	for n < len(s.list) && time.Since(s.list[n].since) >= spareFor {
		n++
	}
	old := s.list[:n:n]
	s.list = append([]spare(nil), s.list[n:]...)
	s.timer = nil
	if len(s.list) > 0 {
		s.timer = time.AfterFunc(spareFor-time.Since(s.list[0].since), d.dropOld)
	}
	s.mu.Unlock()
	// What cannot be deleted is an orphan.
	_ = d.deleteSpares(old)
}

func (d *Driver) deleteSpares(list []spare) (err error) {
	for _, s := range list {
		err = errors.Join(err, d.delete(s.dir))
	}
	return err
}

// closeSpares deletes all spares and takes no more.
func (d *Driver) closeSpares() error {
	s := &d.spares
	s.mu.Lock()
	s.closed = true
	list := s.list
	s.list = nil
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.work.Wait()
	return d.deleteSpares(list)
}

// symlink makes a layer's short name.
func (d *Driver) symlink(row layers.Row) error {
	err := os.Symlink(filepath.Join("..", row.ID, "diff"), filepath.Join(d.root, "l", row.Link))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}
