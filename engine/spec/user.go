package spec

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/refuse"
	"box/fs/inroot"
)

// maxUserFile limits what is read of a container's passwd and group files, which come from the image and may be
// hostile.
const maxUserFile = 4 << 20

// Account is the user as which a program runs.
type Account struct {
	specs.User
	Home string // never empty
}

// User resolves a user as typed (name, uid, name:group, ...) and additional groups in the passwd and group files below
// root. Errors about missing names are Docker's.
func User(root, name string, groups []string) (Account, error) {
	return UserIn(func(path string, flags int) (int, error) { return openInRoot(root, path, flags) }, name, groups)
}

// UserIn is User with the files that open opens.
func UserIn(open inroot.Opener, name string, groups []string) (Account, error) {
	passwd, group := userFile(open, "/etc/passwd"), userFile(open, "/etc/group")
	defer passwd.Close()
	defer group.Close()
	found, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, io.LimitReader(passwd, maxUserFile),
		io.LimitReader(group, maxUserFile))
	if err != nil {
		return Account{}, refuse.Invalid("%v", err) // its text names the user
	}
	u := Account{User: specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}, Home: homeOf(open, found.Uid)}
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
	again := userFile(open, "/etc/group")
	defer again.Close()
	more, err := user.GetAdditionalGroups(groups, io.LimitReader(again, maxUserFile))
	if err != nil {
		return u, refuse.Invalid("%v", err)
	}
	for _, g := range more {
		u.AdditionalGids = append(u.AdditionalGids, uint32(g))
	}
	return u, nil
}

// homeOf returns the home of the first user with that uid. One that no environment can hold is none.
func homeOf(open inroot.Opener, uid int) string {
	passwd := userFile(open, "/etc/passwd")
	defer passwd.Close()
	found, err := user.ParsePasswdFilter(io.LimitReader(passwd, maxUserFile),
		func(u user.User) bool { return u.Uid == uid })
	if err != nil || len(found) == 0 || found[0].Home == "" || strings.Contains(found[0].Home, "\x00") {
		return "/"
	}
	return found[0].Home
}

// openInRoot opens a file below root. Links do not lead out of it.
func openInRoot(root, path string, flags int) (int, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return inroot.Open(dir, path, flags)
}

// userFile opens a file of users or groups. If it is not a regular file, or cannot be opened, it counts as empty.
// Nothing else is opened, since the root may contain devices.
func userFile(open inroot.Opener, path string) io.ReadCloser {
	none := io.NopCloser(emptyReader{})
	at, err := open(path, unix.O_PATH)
	if err != nil {
		return none
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return none
	}
	f, err := os.Open("/proc/self/fd/" + strconv.Itoa(at))
	if err != nil {
		return none
	}
	return f
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

// number parses a device number; * returns nil.
func number(s string) (*int64, error) {
	if s == "*" {
		return nil, nil
	}
	u, err := strconv.ParseUint(s, 10, 31) // which takes no sign
	if err != nil {
		return nil, fmt.Errorf("%q is no device number", s)
	}
	n := int64(u)
	return &n, nil
}
