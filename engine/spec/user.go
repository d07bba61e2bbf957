package spec

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/moby/sys/user"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxUserFile bounds what is read of a container's passwd and group files, which are the image's and so hostile.
const maxUserFile = 4 << 20

// User resolves a user as typed (name, uid, name:group, ...) and additional groups by the passwd and group files below
// root. Names that are not there give the errors Docker prints.
func User(root, name string, groups []string) (specs.User, error) {
	passwd, group := openInRoot(root, "/etc/passwd"), openInRoot(root, "/etc/group")
	defer passwd.Close()
	defer group.Close()
	found, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, io.LimitReader(passwd, maxUserFile), io.LimitReader(group, maxUserFile))
	if err != nil {
		return specs.User{}, invalid("%v", err) // its text names the user
	}
	u := specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}
	// The kernel counts a process's own group among the additional ones only when it is listed there.
	u.AdditionalGids = []uint32{u.GID}
	for _, g := range found.Sgids {
		if uint32(g) != u.GID {
			u.AdditionalGids = append(u.AdditionalGids, uint32(g))
		}
	}
	if len(groups) == 0 {
		return u, nil
	}
	again := openInRoot(root, "/etc/group")
	defer again.Close()
	more, err := user.GetAdditionalGroups(groups, io.LimitReader(again, maxUserFile))
	if err != nil {
		return u, invalid("%v", err)
	}
	for _, g := range more {
		u.AdditionalGids = append(u.AdditionalGids, uint32(g))
	}
	return u, nil
}

// openInRoot opens a file below root, whose symbolic links lead nowhere else (openat2(2), RESOLVE_IN_ROOT). A file that
// cannot be opened reads as empty.
func openInRoot(root, path string) io.ReadCloser {
	none := io.NopCloser(emptyReader{})
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return none
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err == unix.ENOSYS { // before 5.6: only a path that holds no link at all is followed
		fd, err = unix.Openat(dir, filepath.Clean(path)[1:], unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return none
	}
	f := os.NewFile(uintptr(fd), path)
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return none
	}
	return f
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

// number reads a device number, nil for *.
func number(s string) (*int64, error) {
	if s == "*" {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is no device number", s)
	}
	return &n, nil
}
