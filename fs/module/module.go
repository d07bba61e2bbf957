// Package module loads kernel modules on hosts without modprobe, which the kernel would run itself.
package module

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// With runs op, and once more if it failed as it would for want of a kernel module and one of those named could be
// loaded.
func With(names []string, op func() error) error {
	err := op()
	if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EOPNOTSUPP) && !errors.Is(err, syscall.EPROTONOSUPPORT) {
		return err
	}
	loaded := false
	for _, name := range names {
		did, loadErr := Load(name)
		loaded = loaded || did
		if loadErr != nil {
			err = errors.Join(err, loadErr)
		}
	}
	if loaded {
		return op()
	}
	return err
}

// Load loads a module and its dependencies. loaded tells whether it loaded any. A module that does not exist is no
// error, because it may be part of the kernel.
func Load(name string) (loaded bool, err error) {
	if _, err := os.Stat("/sys/module/" + name); err == nil {
		return false, nil
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, fmt.Errorf("kernel release: %w", err)
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]))
	list, err := os.Open(filepath.Join(dir, "modules.dep"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list of kernel modules: %w", err)
	}
	defer list.Close()
	paths, err := dependencies(list, name)
	if err != nil {
		return false, fmt.Errorf("list of kernel modules: %w", err)
	}
	for _, p := range paths {
		if err := insert(filepath.Join(dir, p)); err != nil {
			return loaded, fmt.Errorf("loading kernel module %s: %w", p, err)
		}
		loaded = true
	}
	return loaded, nil
}

// dependencies finds a module in modules.dep (modules.dep(5): "module: dependency...", the deepest dependency last) and
// returns the files to load in order.
func dependencies(list io.Reader, name string) ([]string, error) {
	lines := bufio.NewScanner(list)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		file, needs, _ := strings.Cut(lines.Text(), ":")
		base, _, _ := strings.Cut(filepath.Base(file), ".")
		if strings.ReplaceAll(base, "-", "_") != name {
			continue
		}
		paths := strings.Fields(needs)
		for i, j := 0, len(paths)-1; i < j; i, j = i+1, j-1 {
			paths[i], paths[j] = paths[j], paths[i]
		}
		return append(paths, file), nil
	}
	return nil, lines.Err()
}

// moduleInitCompressed makes the kernel decompress the file (MODULE_INIT_COMPRESSED_FILE, Linux 5.17).
const moduleInitCompressed = 4

// insert loads a file. A module that is loaded already is no error.
func insert(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	flags := 0
	if !strings.HasSuffix(path, ".ko") {
		flags = moduleInitCompressed
	}
	err = unix.FinitModule(int(file.Fd()), "", flags)
	if err != nil && !errors.Is(err, syscall.EEXIST) && strings.HasSuffix(path, ".gz") {
		err = insertUnpacked(file)
	}
	if errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return err
}

// maxSize is the maximum size of a decompressed module in bytes.
const maxSize = 64 << 20

func insertUnpacked(file io.Reader) error {
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	image, err := io.ReadAll(io.LimitReader(z, maxSize))
	if err != nil {
		return err
	}
	return unix.InitModule(image, "")
}
