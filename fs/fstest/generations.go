package fstest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs"
)

// generations: what programs do to files, over many layers that are committed one on the other and branch off, looks
// as it does in a plain folder, and comes back the same from the layers.
func generations(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("mounts and owners need root")
	}
	if _, ok := b.Driver.(fs.Differ); !ok {
		b.Skip("the driver does not tell changes")
	}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 13))
		plain := b.TempDir()
		b.must(os.Chmod(plain, 0o755))
		trees := map[string]map[string]string{"": {}} // what each layer shows
		layer := ""
		for g := range 8 {
			what := fmt.Sprintf("seed %d, generation %d", seed, g)
			c := fmt.Sprintf("c-%d-%d", seed, g)
			below := c + "-init" // nothing is told about the changes of a layer that stands on nothing
			b.container(below, layer)
			b.container(c, below)
			root, undo := b.mounted(c)
			b.alike(what+", before", trees[layer], b.look(root))
			for step := range 40 {
				change(b, r, plain, root, step)
			}
			want := b.look(plain)
			b.alike(what, want, b.look(root))
			undo()
			next := fmt.Sprintf("l-%d-%d", seed, g)
			b.commitDiff(c, next, layer)
			layer, trees[next] = next, want
		}
		for name, want := range trees {
			c := "check-" + name
			b.container(c, name)
			root, undo := b.mounted(c)
			b.alike("layer "+name+" in the end", want, b.look(root))
			undo()
			b.must(b.Remove(b.Context(), c))
		}
	}
}

// commitDiff makes a container's changes a layer on parent, and checks that its tar comes back.
func (b *bench) commitDiff(c, name, parent string) {
	b.Helper()
	var tar, back bytes.Buffer
	b.must(b.Driver.(fs.Differ).Diff(b.Context(), c, &tar))
	b.must(b.Prepare(b.Context(), "s-"+name, parent, fs.PrepareOptions{}))
	size, err := b.Apply(b.Context(), "s-"+name, bytes.NewReader(tar.Bytes()))
	b.must(err)
	b.must(b.db.Update(func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: "s-" + name, Name: name, Parent: parent, Size: size})
	}))
	b.must(b.Tar(b.Context(), name, &back))
	if !bytes.Equal(tar.Bytes(), back.Bytes()) {
		b.Errorf("the tar of %s comes back otherwise", name)
	}
}

// change does one thing to a random entry of both folders, if it can be done in both.
func change(b *bench, r *rand.Rand, plain, root string, step int) {
	b.Helper()
	names := []string{"a", "b", "c", ".d", "name\xff\xfe", "ünï", "new\nline", "sp ace"}
	pick := func() string {
		var parts []string
		for range 1 + r.IntN(3) {
			parts = append(parts, names[r.IntN(len(names))])
		}
		return strings.Join(parts, "/")
	}
	p, q, n := pick(), pick(), r.IntN(14)
	mode, size := uint32(0o600|r.IntN(0o200)), r.IntN(9000)
	do := func(top string) error { return changeIn(top, p, q, n, step, mode, size) }
	err := do(root)
	if errors.Is(err, unix.EXDEV) { // a folder of a layer below overlayfs is not renamed, but copied by programs
		return
	}
	if other := do(plain); (err == nil) != (other == nil) {
		b.Errorf("change %d of %q: %v, in a plain folder %v", n, p, err, other)
	}
}

func changeIn(top, p, q string, n, step int, mode uint32, size int) error {
	at, to := filepath.Join(top, p), filepath.Join(top, q)
	st, err := os.Lstat(at)
	there := err == nil
	regular, folder := there && st.Mode().IsRegular(), there && st.IsDir()
	text := bytes.Repeat([]byte{byte(step)}, size)
	switch n {
	case 0, 1:
		return os.MkdirAll(at, os.FileMode(mode|0o100))
	case 2, 3:
		if there && !regular { // nobody reads a pipe
			return nil
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, text, 0o644)); err != nil {
			return err
		}
		return dated(at, step)
	case 4:
		if !there { // os.RemoveAll opens what is above, and waits where that is a pipe
			return nil
		}
		return os.RemoveAll(at)
	case 5: // another folder in the place of this one
		if !folder {
			return nil
		}
		return errors.Join(os.RemoveAll(at), os.Mkdir(at, 0o755), os.WriteFile(filepath.Join(at, "a"), nil, 0o600),
			dated(filepath.Join(at, "a"), step))
	case 6:
		return os.Rename(at, to)
	case 7:
		return os.Symlink(q, at)
	case 8:
		return unix.Mkfifo(at, mode)
	case 9:
		return unix.Mknod(at, unix.S_IFCHR|mode, int(unix.Mkdev(1, uint32(3+step%5))))
	case 10:
		return os.Lchown(at, step, step+1)
	case 11:
		if !regular && !folder {
			return nil
		}
		return errors.Join(unix.Chmod(at, mode|uint32(step%8)<<9), unix.Setxattr(at, "user.k", []byte{byte(step), 0}, 0))
	case 12:
		if !regular {
			return nil
		}
		return errors.Join(os.Truncate(at, int64(size)*100), dated(at, step))
	}
	if !regular {
		return nil
	}
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close(), dated(at, step))
}

// dated gives a file the time of a step, with nanoseconds, which a commit cuts off.
func dated(at string, step int) error {
	t := unix.Timespec{Sec: int64(1_000_000_000 + step), Nsec: 123_456_789}
	return unix.UtimesNanoAt(unix.AT_FDCWD, at, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
}

// rewritten: a file that each of 40 layers brings anew is that of the top, and in each layer its own.
func rewritten(b *bench) {
	needMounts(b)
	parent, tars := "", [][]byte{}
	for i := range 40 {
		name := fmt.Sprint("r", i)
		tars = append(tars, b.layer(name, parent, Entry{Name: "f", Body: strings.Repeat(name, 1+i)}, Entry{Name: "d/"},
			Entry{Name: "d/g", Body: name}))
		parent = name
	}
	for _, i := range []int{0, 17, 39} {
		c := fmt.Sprint("c", i)
		b.container(c, fmt.Sprint("r", i))
		root, _ := b.mounted(c)
		b.reads(root, "f", strings.Repeat(fmt.Sprint("r", i), 1+i))
		b.reads(root, "d/g", fmt.Sprint("r", i))
	}
	for i, want := range tars {
		var got bytes.Buffer
		b.must(b.Tar(b.Context(), fmt.Sprint("r", i), &got))
		if !bytes.Equal(got.Bytes(), want) {
			b.Errorf("the tar of layer %d comes back otherwise", i)
		}
	}
}

// layerTree: layers branch off, each branch has its own, and a branch goes without the others.
func layerTree(b *bench) {
	needMounts(b)
	before := b.folders()
	var made []string
	var grow func(name, parent string, depth int)
	grow = func(name, parent string, depth int) {
		b.layer(name, parent, Entry{Name: "all/"}, Entry{Name: "all/" + name, Body: name}, Entry{Name: "last", Body: name},
			Entry{Name: "all/.wh." + name[:max(len(name)-1, 1)]})
		made = append(made, name)
		for i := range 3 {
			if depth > 0 {
				grow(fmt.Sprint(name, i), name, depth-1)
			}
		}
	}
	grow("t", "", 3)
	for _, name := range made {
		b.container("c-"+name, name)
	}
	b.restart()
	for _, name := range made {
		root, undo := b.mounted("c-" + name)
		b.reads(root, "last", name)
		b.reads(root, "all/"+name, name)
		if above := name[:len(name)-1]; above != "" {
			b.reads(root, "all/"+above, "")
		}
		undo()
		b.must(b.Remove(b.Context(), "c-"+name))
	}
	slices.Reverse(made)
	for _, name := range made {
		b.must(b.Remove(b.Context(), name))
	}
	b.settles(before, "all layers are removed")
}
