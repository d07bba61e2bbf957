package tree

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// file copies a file with its content. It shares blocks if the file system can, and skips holes otherwise.
func (c *copier) file(e *entry) (err error) {
	in, err := openFile(e.src, e.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer in.Close()
	fd, err := c.disk.CreateAt(e.dst, e.name, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), e.name)
	defer func() { err = errors.Join(err, out.Close()) }()
	if c.disk.Clone(out, in) != nil {
		if err := c.copyData(in, out, e.st.Size); err != nil {
			return err
		}
		if err := c.disk.Truncate(fd, e.st.Size); err != nil {
			return err
		}
	}
	return c.copyMetadata(int(in.Fd()), int(out.Fd()), &e.st)
}

func openFile(dir int, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// copyData copies the data between holes. io.Copy between files uses copy_file_range(2).
func (c *copier) copyData(in, out *os.File, size int64) error {
	for at := int64(0); at < size; {
		start, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // a hole up to the end
		}
		end := size
		if err == nil {
			if end, err = unix.Seek(int(in.Fd()), start, unix.SEEK_HOLE); err != nil {
				return err
			}
		} else {
			start = at // the file system does not tell
		}
		if _, err := in.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(c.disk.Writer(out), in, end-start); err != nil {
			return err
		}
		at = end
	}
	return nil
}
