package inroot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs/inroot"
	"box/fs/inroot/inroottest"
)

// hostile is an open root whose links lead to and fro, beside a folder that nobody may get to.
func hostile(t testing.TB) (root int, at string) {
	t.Helper()
	top := t.TempDir()
	at = filepath.Join(top, "root")
	for _, dir := range []string{"root/dir/sub", "outside/sub"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"root/file", "root/dir/file", "outside/file", "outside/secret"} {
		if err := os.WriteFile(filepath.Join(top, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{
		"abs": "/dir", "rel": "dir", "up": "../../../..", "out": "../outside", "outabs": filepath.Join(top, "outside"),
		"dir/back": "../abs/sub", "loop": "loop", "loop1": "loop2", "loop2": "loop1/x", "self": ".",
		"slashes":  "///dir//sub///",
		"filelink": "file", "fileslash": "file/", "dangling": "gone", "dir/far": "../../outside",
		"halves":  strings.Repeat("sub/../", 500),
		"dir/top": "..", "chain0": "dir",
	}
	for i := range 41 {
		links[fmt.Sprint("chain", i+1)] = fmt.Sprint("chain", i)
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(root) })
	return root, at
}

// where is what a descriptor is open on, below the root; closes it.
func where(t testing.TB, fd int, root string) string {
	t.Helper()
	defer unix.Close(fd)
	p, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		t.Fatal(err)
	}
	if p == root {
		return "/"
	}
	return strings.TrimPrefix(p, root)
}

func TestOpen(t *testing.T) {
	const dir, look, itself = unix.O_DIRECTORY | unix.O_RDONLY, unix.O_PATH, unix.O_PATH | unix.O_NOFOLLOW
	rows := []struct {
		path        string
		flags       int
		open, below any // where each leads, or the error
	}{
		{"", look, "/", unix.ENOENT},
		{".", look, "/", "/"},
		{"/", dir, "/", unix.EXDEV},
		{"dir/sub", look, "/dir/sub", "/dir/sub"},
		{"dir//./sub/", dir, "/dir/sub", "/dir/sub"},
		{"dir/gone", look, unix.ENOENT, unix.ENOENT},
		{"..", look, "/", unix.EXDEV},
		{"dir/..", look, "/", "/"},
		{"dir/../..", dir, "/", unix.EXDEV},
		{"dir/../../dir/file", unix.O_RDONLY, "/dir/file", unix.EXDEV},
		{"abs/sub", look, "/dir/sub", unix.EXDEV},
		{"rel/sub/..", look, "/dir", "/dir"},
		{"up", look, "/", unix.EXDEV},
		{"up/dir", dir, "/dir", unix.EXDEV},
		{"out", look, unix.ENOENT, unix.EXDEV},
		{"out/secret", unix.O_RDONLY, unix.ENOENT, unix.EXDEV},
		{"outabs/secret", unix.O_RDONLY, unix.ENOENT, unix.EXDEV},
		{"dir/far", look, unix.ENOENT, unix.EXDEV},
		{"dir/top", look, "/", "/"},
		{"dir/top/..", look, "/", unix.EXDEV},
		{"dir/back/../file", unix.O_RDWR, "/dir/file", unix.EXDEV},
		{"self/self/dir", look, "/dir", "/dir"},
		{"slashes", look, "/dir/sub", unix.EXDEV},
		{"loop", look, unix.ELOOP, unix.ELOOP},
		{"loop1", dir, unix.ELOOP, unix.ELOOP},
		{"chain39", look, "/dir", "/dir"},
		{"chain40", look, unix.ELOOP, unix.ELOOP},
		{"dir/halves", look, unix.ENOENT, unix.ENOENT},
		{"halves", look, unix.ENOENT, unix.ENOENT},
		{"rel", itself, "/rel", "/rel"},
		{"rel/", itself, "/dir", "/dir"},
		{"rel/.", itself, "/dir", "/dir"},
		{"outabs", itself, "/outabs", "/outabs"},
		{"rel", unix.O_RDONLY | unix.O_NOFOLLOW, unix.ELOOP, unix.ELOOP},
		{"rel", dir | unix.O_NOFOLLOW, unix.ENOTDIR, unix.ENOTDIR},
		{"dangling", look, unix.ENOENT, unix.ENOENT},
		{"dangling", itself, "/dangling", "/dangling"},
		{"file", look, "/file", "/file"},
		{"file", look | dir, unix.ENOTDIR, unix.ENOTDIR},
		{"file", dir, unix.ENOTDIR, unix.ENOTDIR},
		{"file/", look, unix.ENOTDIR, unix.ENOTDIR},
		{"file/.", look, unix.ENOTDIR, unix.ENOTDIR},
		{"file/..", look, unix.ENOTDIR, unix.ENOTDIR},
		{"file/x", look, unix.ENOTDIR, unix.ENOTDIR},
		{"filelink", unix.O_WRONLY, "/file", "/file"},
		{"filelink/", look, unix.ENOTDIR, unix.ENOTDIR},
		{"fileslash", look, unix.ENOTDIR, unix.ENOTDIR},
		{strings.Repeat("n", 256), look, unix.ENAMETOOLONG, unix.ENAMETOOLONG},
		{strings.Repeat("./", 2046) + "dir", look, unix.ENAMETOOLONG, "/dir"},
		{strings.Repeat("./", 2047) + "dir", look, unix.ENAMETOOLONG, unix.ENAMETOOLONG},
		{"dir\x00", look, unix.EINVAL, unix.EINVAL},
		{"new", unix.O_CREAT | unix.O_WRONLY, unix.EINVAL, unix.EINVAL},
	}
	inroottest.Kernels(t, func(t *testing.T) {
		root, at := hostile(t)
		for _, r := range rows {
			for _, way := range []struct {
				name string
				open func(int, string, int) (int, error)
				want any
			}{{"Open", inroot.Open, r.open}, {"Beneath", inroot.Beneath, r.below}} {
				var got any
				fd, err := way.open(root, r.path, r.flags)
				if got = err; err == nil {
					got = where(t, fd, at)
				}
				if got != way.want {
					t.Errorf("%s %.30q with %#x: %v, want %v", way.name, r.path, r.flags, got, way.want)
				}
			}
		}
	})
}

// TestMagic: what /proc says of processes leads nowhere, its other links lead as they say.
func TestMagic(t *testing.T) {
	inroottest.Kernels(t, func(t *testing.T) {
		root, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(root)
		for _, p := range []string{"self/root", "self/root/etc", "self/cwd", "self/exe", "self/fd/0", "self/ns/mnt",
			"thread-self/root/"} {
			if fd, err := inroot.Open(root, p, unix.O_PATH); err != unix.ELOOP {
				t.Errorf("%s: %d, %v", p, fd, err)
			}
		}
		for _, p := range []string{"self/status", "mounts", "net/dev", "thread-self/status"} {
			fd, err := inroot.Open(root, p, unix.O_RDONLY)
			if err != nil {
				t.Errorf("%s: %v", p, err)
				continue
			}
			unix.Close(fd)
		}
	})
}

// TestRaces: while somebody turns folders into links that lead out and moves them out, no path leads there.
func TestRaces(t *testing.T) {
	inroottest.Kernels(t, func(t *testing.T) {
		root, at := hostile(t)
		top := filepath.Dir(at)
		deep := filepath.Join(at, "a/b/c")
		for _, dir := range []string{deep, filepath.Join(top, "a/b/c")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range []string{filepath.Join(at, "a/secret"), filepath.Join(at, "secret"), filepath.Join(top, "secret")} {
			if err := os.WriteFile(f, []byte(strconv.FormatBool(filepath.Dir(f) == top)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("../../../..", filepath.Join(at, "swap")); err != nil {
			t.Fatal(err)
		}
		var done atomic.Bool
		stopped := make(chan struct{})
		go func() { // the folder and the link change places, and the folder below moves out and in
			defer close(stopped)
			for !done.Load() {
				_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(at, "a"), unix.AT_FDCWD, filepath.Join(at, "swap"),
					unix.RENAME_EXCHANGE)
				_ = os.Rename(filepath.Join(at, "a/b/c"), filepath.Join(top, "c"))
				_ = os.Rename(filepath.Join(top, "c"), filepath.Join(at, "a/b/c"))
			}
		}()
		defer func() { done.Store(true); <-stopped }()
		met := map[string]int{}
		for range 5_000 {
			for _, p := range []string{"a/b/c/../../../secret", "a/b/c/../secret", "a/b/c/../../../../secret", "a/secret",
				"a/../secret", "swap/secret"} {
				fd, err := inroot.Open(root, p, unix.O_RDONLY)
				switch {
				case errors.Is(err, unix.ENOENT):
					met["not there"]++
				case err != nil:
					t.Fatalf("%s: %v", p, err)
				default:
					answer := make([]byte, 8)
					n, err := unix.Read(fd, answer)
					unix.Close(fd)
					if err != nil || string(answer[:n]) != "false" {
						t.Fatalf("%s leads to the secret outside: %q, %v", p, answer[:n], err)
					}
					met["in the root"]++
				}
				if fd, err := inroot.Beneath(root, p, unix.O_PATH); err == nil {
					unix.Close(fd)
					met["below"]++
				}
			}
		}
		t.Log(met)
	})
}

// FuzzOpen lets a path and a link lead anywhere: it is the same with and without openat2.
func FuzzOpen(f *testing.F) {
	for _, p := range []string{"dir/../..", "abs/../file", "/out/x", "./self/./loop", "chain9/../../..", "fuzz/fuzz",
		"fileslash/.."} {
		f.Add(p, "../"+p, false)
		f.Add(p+"/fuzz", "fuzz2/..", true)
	}
	f.Fuzz(func(t *testing.T, path, link string, itself bool) {
		root, at := hostile(t)
		if err := os.Symlink(link, filepath.Join(at, "fuzz")); err != nil {
			return
		}
		flags := unix.O_PATH
		if itself {
			flags |= unix.O_NOFOLLOW
		}
		var met []string
		inroottest.Kernels(t, func(t *testing.T) {
			for _, open := range []func(int, string, int) (int, error){inroot.Open, inroot.Beneath} {
				fd, err := open(root, path, flags)
				if err != nil {
					met = append(met, err.Error())
					continue
				}
				met = append(met, where(t, fd, at))
			}
		})
		if met[0] != met[2] || met[1] != met[3] {
			t.Errorf("%q, link to %q: %q", path, link, met)
		}
	})
}
