package archive

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// folder is an open folder of a tree.
type folder struct {
	fd   int
	path string // from the root, without links; "" is the root
}

// tree opens the folders of a path one by one below a root, as a process would whose root that is: a link or ".."
// never leads out. Folders stay open, so that the next entry of the same folder costs no walk.
//
// It is no matter for fs/inroot because nobody else writes in the tree meanwhile, and because the folders stay open.
type tree struct {
	root   int
	create bool // make folders that are missing
	uid    int  // owner of those
	gid    int
	disk   *disk.Disk
	// hidden is called before a whiteout on the way of a path is replaced by a folder; nil when there are none.
	hidden func(dir folder, name string) error
	// made is called when a folder that no entry describes was made; may be nil.
	made  func(dir folder, name string) error
	open  map[string]folder // by path
	alias map[string]string // path as written in the archive -> path
}

// openFolders is how many folders a tree keeps open.
const openFolders = 128

func newTree(root int) *tree {
	return &tree{root: root, open: map[string]folder{}, alias: map[string]string{}}
}

// flush closes all folders, because after a removal a path may lead elsewhere.
func (t *tree) flush() {
	for _, f := range t.open {
		unix.Close(f.fd)
	}
	clear(t.open)
	clear(t.alias)
}

// trim limits the number of open folders. Folders got before must not be used after it.
func (t *tree) trim() {
	if len(t.open) > openFolders || len(t.alias) > 4*openFolders {
		t.flush()
	}
}

// dir opens the folder p, a clean path from the root. It stays open until trim or flush.
func (t *tree) dir(p string) (folder, error) {
	if p == "" || p == "." {
		return folder{fd: t.root}, nil
	}
	if real, ok := t.alias[p]; ok {
		if f, ok := t.open[real]; ok {
			return f, nil
		}
	}
	cur, links := folder{fd: t.root}, 0
	if above, _ := path.Split(p); above != "" {
		// One level up is nearly always open already.
		f, ok := t.open[t.alias[strings.TrimSuffix(above, "/")]]
		if ok {
			f, err := t.step(f, path.Base(p), &links)
			return t.name(p, f, err)
		}
	}
	cur, err := t.walk(cur, p, &links)
	return t.name(p, cur, err)
}

// name records where p led.
func (t *tree) name(p string, f folder, err error) (folder, error) {
	if err == nil {
		t.alias[p] = f.path
	}
	return f, err
}

// walk walks from cur along p.
func (t *tree) walk(cur folder, p string, links *int) (folder, error) {
	if strings.HasPrefix(p, "/") {
		cur = folder{fd: t.root}
	}
	for name := range strings.SplitSeq(p, "/") {
		var err error
		switch name {
		case "", ".":
			continue
		case "..":
			cur, err = t.up(cur)
		default:
			cur, err = t.step(cur, name, links)
		}
		if err != nil {
			return folder{}, err
		}
	}
	return cur, nil
}

// up returns the folder above cur. Above the root is the root.
func (t *tree) up(cur folder) (folder, error) {
	above := path.Dir(cur.path)
	if cur.path == "" || above == "." {
		return folder{fd: t.root}, nil
	}
	if f, ok := t.open[above]; ok {
		return f, nil
	}
	links := 0
	return t.walk(folder{fd: t.root}, above, &links)
}

// step opens the entry name in cur. It follows links inside the root.
func (t *tree) step(cur folder, name string, links *int) (folder, error) {
	next := folder{path: path.Join(cur.path, name)}
	if f, ok := t.open[next.path]; ok {
		return f, nil
	}
	if len(next.path) > maxPath {
		return folder{}, unix.ENAMETOOLONG
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	var err error
	next.fd, err = unix.Openat(cur.fd, name, flags, 0)
	switch {
	case err == nil:
	case errors.Is(err, unix.ENOENT) && t.create:
		if err := t.mkdir(cur, name); err != nil {
			return folder{}, err
		}
		if t.made != nil {
			if err := t.made(cur, name); err != nil {
				return folder{}, err
			}
		}
		if next.fd, err = unix.Openat(cur.fd, name, flags, 0); err != nil {
			return folder{}, err
		}
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return t.through(cur, name, links)
	default:
		return folder{}, err
	}
	t.open[next.path] = next
	return next, nil
}

// mkdir makes a folder that no entry describes, as that of the container's root.
func (t *tree) mkdir(dir folder, name string) error {
	if err := t.disk.MkdirAt(dir.fd, name, 0o755); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if os.Geteuid() == 0 && (int(st.Uid) != t.uid || int(st.Gid) != t.gid) {
		if err := unix.Fchownat(dir.fd, name, t.uid, t.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if st.Mode&0o7777 == 0o755 {
		return nil
	}
	return unix.Fchmodat(dir.fd, name, 0o755, 0) // set-group-ID of the folder above, or a umask
}

// through continues where an entry is not a folder: it follows a link, or replaces a whiteout by a folder.
func (t *tree) through(cur folder, name string, links *int) (folder, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(cur.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return folder{}, err
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		if *links++; *links > maxSymlinks {
			return folder{}, unix.ELOOP
		}
		target, err := readlink(cur.fd, name)
		if err != nil {
			return folder{}, err
		}
		return t.walk(cur, target, links)
	case isWhiteout(&st) && t.hidden != nil:
		if err := t.hidden(cur, name); err != nil {
			return folder{}, err
		}
		return t.step(cur, name, links)
	}
	return folder{}, unix.ENOTDIR
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, maxPath)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
