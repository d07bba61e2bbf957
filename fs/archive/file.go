package archive

import (
	"errors"
	"io"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// descriptor reads and writes an open file without the poller of os.File, which costs more than a small file.
type descriptor int

// Read implements io.Reader.
func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), p)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write implements io.Writer.
func (d descriptor) Write(p []byte) (int, error) { return (*disk.Disk)(nil).WriteAll(int(d), p) }

// file opens the file at p for reading; a link in its place is an error.
func (t *tree) file(p string) (int, error) {
	dir, err := t.dir(path.Dir(p))
	if err != nil {
		return -1, err
	}
	return unix.Openat(dir.fd, path.Base(p), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// viaProc returns a path to the entry name in dir, for calls that do not accept a descriptor.
func viaProc(dir folder, name string) string {
	return "/proc/self/fd/" + strconv.Itoa(dir.fd) + "/" + name
}
