package image

import (
	"context"
	"errors"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/reference"
	"box/engine/refuse"
	"box/fs"
)

// Removed reports what a removal did.
type Removed struct {
	ID       digest.Digest
	Labels   map[string]string
	Untagged []string // as users type them
	Deleted  []string // the image's ID, then the chain IDs of its layers from the top down; nil if the image stays
}

// User returns a container that uses an image, "" for none, and whether it runs; running containers come first.
type User func(id string) (container string, running bool)

// Remove removes a name from an image. It also removes the image with its layers if that was the last name or ref is
// an ID, by Docker's rules: without force no name is removed that a container uses, and a running container's image
// stays even with force. A stopped container keeps the layers that it needs; Release deletes them when the container
// is removed.
func (c *Catalog) Remove(ctx context.Context, ref string, force bool, user User) (Removed, error) {
	c.layering.Lock()
	defer c.layering.Unlock()
	id, err := c.find(ref)
	if err != nil {
		return Removed{}, err
	}
	r, _ := c.row(id)
	done := Removed{ID: id, Labels: r.Labels}
	by, running := user(id.String())
	going := r.Names
	if isID(ref, id) {
		err = refuseID(id, r.Names, force, by, running)
		if err == nil && c.hasChildren(id) {
			err = deleteConflict(id, "cannot be forced", "image has dependent child images")
		}
	} else {
		going = goesWith(nameOf(ref), r.Names)
		err = refuseName(ref, id, r.Names, force, by)
		if err == nil && (len(going) < len(r.Names) || running || c.hasChildren(id)) {
			done.Untagged = familiar(going)
			return done, c.untag(id, going)
		}
	}
	if err != nil {
		return Removed{}, err
	}
	done.Untagged = familiar(going)
	done.Deleted, err = c.delete(ctx, id, r)
	return done, err
}

// refuseName returns Docker's error if a name may not be removed.
func refuseName(ref string, id digest.Digest, names []string, force bool, by string) error {
	if force || by == "" || !single(names) {
		return nil
	}
	return refuse.Conflict(
		"conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s",
		ref, by, short(id))
}

// refuseID returns Docker's error if an image may not be deleted with all its names.
func refuseID(id digest.Digest, names []string, force bool, by string, running bool) error {
	switch {
	case running:
		return deleteConflict(id, "cannot be forced", "image is being used by running container "+by)
	case force:
		return nil
	case !single(names):
		return deleteConflict(id, "must be forced", "image is referenced in multiple repositories")
	case by != "":
		return deleteConflict(id, "must be forced", "image is being used by stopped container "+by)
	}
	return nil
}

func deleteConflict(id digest.Digest, how, why string) error {
	return refuse.Conflict("conflict: unable to delete %s (%s) - %s", short(id), how, why)
}

// hasChildren reports whether another image was made from this one here.
func (c *Catalog) hasChildren(id digest.Digest) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.rows {
		if r.Parent == id {
			return true
		}
	}
	return false
}

// split parses names and separates tags from digests.
func split(names []string) (tags, digests []reference.Named) {
	for _, n := range names {
		r, err := reference.Parse(n)
		if err != nil {
			continue
		}
		if r.Digest != "" {
			digests = append(digests, r)
		} else {
			tags = append(tags, r)
		}
	}
	return tags, digests
}

// single reports whether names count as one for a user: all in one repository, and at most one of them a tag.
func single(names []string) bool {
	tags, digests := split(names)
	if len(tags) > 1 {
		return false
	}
	all := append(tags, digests...)
	for _, r := range all {
		if r.Name() != all[0].Name() {
			return false
		}
	}
	return true
}

// goesWith returns the names that are removed with one: a repository's last tag takes the repository's digests along.
func goesWith(name string, names []string) []string {
	going := []string{name}
	gone, err := reference.Parse(name)
	if err != nil {
		return going
	}
	if gone.Digest != "" {
		return going
	}
	tags, digests := split(names)
	for _, r := range tags {
		if r.Name() == gone.Name() && r.String() != name {
			return going
		}
	}
	for _, r := range digests {
		if r.Name() == gone.Name() {
			going = append(going, r.String())
		}
	}
	return going
}

// isID reports whether ref was meant as an ID and not as a name.
func isID(ref string, id digest.Digest) bool {
	if ref == id.String() || ref == id.Encoded() {
		return true
	}
	return len(ref) < 64 && ref != "" && (hasPrefix(id.Encoded(), ref) || hasPrefix(id.String(), ref))
}

func hasPrefix(s, p string) bool { return len(p) <= len(s) && s[:len(p)] == p }

// nameOf returns the full name for ref, "" if it is not a name.
func nameOf(ref string) string {
	named, err := reference.Parse(ref)
	if err != nil {
		return ""
	}
	return fullName(named).String()
}

// untag removes names from an image.
func (c *Catalog) untag(id digest.Digest, names []string) error {
	c.change.Lock()
	defer c.change.Unlock()
	r, _ := c.row(id)
	r.Names = slices.DeleteFunc(slices.Clone(r.Names), func(n string) bool { return slices.Contains(names, n) })
	return c.apply(edit{set: map[digest.Digest]row{id: r}})
}

// delete removes an image and the layers that only it needs; c.layering is held.
func (c *Catalog) delete(ctx context.Context, id digest.Digest, r row) ([]string, error) {
	gone, left, err := c.unshared(ctx, id, r.Top)
	if err != nil {
		return nil, err
	}
	c.change.Lock()
	err = c.apply(edit{gone: []digest.Digest{id}, forget: gone, left: left})
	c.change.Unlock()
	if err != nil {
		return nil, err
	}
	// The image is gone: files that cannot be deleted now are orphans, and the next Open sweeps them.
	for _, name := range gone {
		_ = c.layers.Remove(ctx, name)
	}
	_ = c.deleteContent(id, r)
	return append([]string{id.String()}, gone...), nil
}

// unshared lists the layers to delete with the image id, from its top down: it stops at the first that another image
// ends in, that is pinned, or that another layer stands on. left is that layer unless an image ends in it, "" for
// none.
func (c *Catalog) unshared(ctx context.Context, id, top digest.Digest) (gone []string, left string, err error) {
	tops := map[string]bool{}
	c.mu.RLock()
	for other, r := range c.rows {
		if other != id {
			tops[r.Top.String()] = true
		}
	}
	c.mu.RUnlock()
	if tops[top.String()] {
		return nil, "", nil
	}
	parents := map[string]int{}
	if err := c.layers.Walk(ctx, func(i fs.Info) error { parents[i.Parent]++; return nil }); err != nil {
		return nil, "", err
	}
	for name := top.String(); name != "" && !tops[name]; {
		standing := parents[name]
		if len(gone) > 0 {
			standing-- // the one above is deleted too
		}
		if standing > 0 || c.pins[digest.Digest(name)] > 0 {
			return gone, name, nil
		}
		info, err := c.layers.Stat(ctx, name)
		if errdefs.IsNotFound(err) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		gone, name = append(gone, name), info.Parent
	}
	return gone, "", nil
}

// Release deletes the layers from top down that no image or container needs: those a container leaves when its image
// was already removed.
func (c *Catalog) Release(ctx context.Context, top digest.Digest) error {
	c.layering.Lock()
	defer c.layering.Unlock()
	gone, _, err := c.unshared(ctx, "", top)
	for _, name := range gone {
		err = errors.Join(err, c.layers.Remove(ctx, name))
	}
	return err
}

func short(id digest.Digest) string { return id.Encoded()[:12] }
