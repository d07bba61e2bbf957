package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// refuseCalls makes system calls unknown to the process, as they are to older kernels.
func (s *steps) refuseCalls(numbers ...int) {
	statement := func(code uint16, jt, jf byte, k uint32) (p []byte) { // struct sock_filter
		p = binary.NativeEndian.AppendUint16(p, code)
		return binary.NativeEndian.AppendUint32(append(p, jt, jf), k)
	}
	program := statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, 0)
	for _, n := range numbers {
		program = append(program, statement(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 1, uint32(n))...)
		program = append(program, statement(unix.BPF_RET|unix.BPF_K, 0, 0, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))...)
	}
	program = append(program, statement(unix.BPF_RET|unix.BPF_K, 0, 0, unix.SECCOMP_RET_ALLOW)...)
	s.do("no new privileges", unix.SYS_PRCTL, value(unix.PR_SET_NO_NEW_PRIVS), value(1))
	s.do("filter", unix.SYS_SECCOMP, value(unix.SECCOMP_SET_MODE_FILTER), value(0),
		s.words(value(len(program)/8), s.bytes(program)))
}

// placed returns where a place is, as the kernel says, and the error of opening it. old stands for a kernel without
// openat2(2).
func placed(t testing.TB, root, path string, kind placeKind, old bool) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	out := int(w.Fd())
	s, err := newSteps(out)
	if err != nil {
		t.Fatal(err)
	}
	if old {
		s.refuseCalls(unix.SYS_OPENAT2)
	}
	s.do("umask", unix.SYS_UMASK, value(0))
	top := s.open("root", unix.SYS_OPENAT, current, cstring(root), value(unix.O_PATH|unix.O_DIRECTORY))
	found := s.register()
	s.do("place", opPlace, top, s.fresh(path), kind).into(found)
	link, name, size := s.link("/proc/self/fd/"), s.space(2*unix.PathMax), s.register()
	s.show(link, found)
	s.do("name", unix.SYS_READLINKAT, current, link.text, name, value(2*unix.PathMax)).into(size)
	s.do("say", unix.SYS_WRITE, value(out), name, size)
	s.last("/bin/true", "true")
	pid, err := s.start(0, -1)
	if err != nil {
		return "", err
	}
	reap(pid)
	w.Close()
	p := make([]byte, 2*unix.PathMax)
	n, err := r.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n]), nil
}

// hostile makes a folder with a root in it whose links lead in and out.
func hostile(t testing.TB) (root string) {
	t.Helper()
	top := t.TempDir()
	root = filepath.Join(top, "root")
	for _, dir := range []string{"root/dir/sub", "root/usr/lib", "outside"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"root/file", "root/dir/file", "outside/file"} {
		if err := os.WriteFile(filepath.Join(top, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range [][2]string{
		{"abs", "/dir"}, {"rel", "dir"}, {"up", "../../../.."}, {"out", "../outside"},
		{"outabs", filepath.Join(top, "outside")},
		{"dangling", "gone"}, {"danglingabs", "/gone/deep"}, {"danglingup", "../../outside/new"}, {"dir/back", "../abs/sub"},
		{"loop", "loop"}, {"loop1", "loop2"}, {"loop2", "loop1/x"}, {"self", "."}, {"slashes", "///dir//sub///"},
		{"filelink", "file"},
		{"dangle1", "dangle2"}, {"dangle2", "/dir/dangle3"}, {"dir/dangle3", "../last"},
		{"dangleloop", "missing/../dangleloop"}, {"long", strings.Repeat("x", 255)}, {"toolong", strings.Repeat("x", 256)},
		{"halves", strings.Repeat("sub/../", 580)}, {"run", "/var/run"},
	} {
		if err := os.Symlink(l[1], filepath.Join(root, l[0])); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 41 {
		to := fmt.Sprint("chain", i-1)
		if i == 0 {
			to = "dir"
		}
		if err := os.Symlink(to, filepath.Join(root, fmt.Sprint("chain", i))); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// listing returns all that lies beside root.
func listing(t testing.TB, root string) (list string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(root), func(p string, _ os.DirEntry, err error) error {
		if p == root {
			return filepath.SkipDir
		}
		list += p + "\n"
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPlace(t *testing.T) {
	long := strings.Repeat("n", 255)
	for _, c := range []struct {
		path string
		kind placeKind
		want string // below the root
		err  error
	}{
		{"/", there, "", nil},
		{"/dir/sub", there, "/dir/sub", nil},
		{"dir//./sub/", there, "/dir/sub", nil},
		{"/dir/gone", there, "", unix.ENOENT},
		{"/..", there, "", nil},
		{"/../../dir/../dir", there, "/dir", nil},
		{"/abs/sub", there, "/dir/sub", nil},
		{"/rel/sub/..", there, "/dir", nil},
		{"/up", there, "", nil},
		{"/up/dir", folder, "/dir", nil},
		{"/dir/back", there, "/dir/sub", nil},
		{"/dir/back/../file", there, "/dir/file", nil},
		{"/self/self/dir", there, "/dir", nil},
		{"/slashes", there, "/dir/sub", nil},
		{"/out", there, "", unix.ENOENT},
		{"/outabs", there, "", unix.ENOENT},
		{"/loop", folder, "", unix.ELOOP},
		{"/loop1", folder, "", unix.ELOOP},
		{"/chain39", there, "/dir", nil},
		{"/chain40", there, "", unix.ELOOP},
		{"/file/x", folder, "", unix.ENOTDIR},
		{"/filelink/x/y", file, "", unix.ENOTDIR},
		{"/file/../dir", there, "", unix.ENOTDIR},
		{"/filelink/.", there, "", unix.ENOTDIR},
		{"/file", folder, "/file", nil}, // mount(2) will complain that it is no folder
		{"/dir", file, "/dir", nil},
		{"/new", folder, "/new", nil},
		{"/a/b/c", folder, "/a/b/c", nil},
		{"/a/b/f", file, "/a/b/f", nil},
		{"/abs/a/f", file, "/dir/a/f", nil},
		{"/dangling", folder, "/gone", nil},
		{"/dangling/x", file, "/gone/x", nil},
		{"/danglingabs/x", folder, "/gone/deep/x", nil},
		{"/danglingup", file, "/outside/new", nil},
		{"/out/file", file, "/outside/file", nil},
		{"/dangle1/x", folder, "/last/x", nil},
		{"/dangleloop", folder, "", unix.ELOOP},
		{"/run/docker.sock", file, "/var/run/docker.sock", nil},
		{"/" + long, folder, "/" + long, nil},
		{"/" + long + "n", folder, "", unix.ENAMETOOLONG},
		{"/" + long + "/" + long, file, "/" + long + "/" + long, nil},
		{"/long", folder, "/" + strings.Repeat("x", 255), nil},
		{"/toolong", folder, "", unix.ENAMETOOLONG},
		{strings.Repeat("/"+long, 15), folder, strings.Repeat("/"+long, 15), nil},
		{strings.Repeat("/"+long, 16), folder, "", unix.ENAMETOOLONG},
		{strings.Repeat("/./", 1300) + "dir", folder, "/dir", nil},
		{"/dir/sub", folder | realPath, "/dir/sub", nil},
		{"/p/q", folder | realPath, "/p/q", nil},
		{"/abs", folder | realPath, "", unix.ELOOP},
		{"/abs/sub", folder | realPath, "", unix.ELOOP},
		{"/dangling", folder | realPath, "", unix.ELOOP},
		{"/dangling/x", folder | realPath, "", unix.ELOOP},
		{"/dir/sub", there | realPath, "/dir/sub", nil},
		{"/rel", there | realPath, "", unix.ELOOP},
	} {
		for _, old := range []bool{false, true} {
			root := hostile(t)
			before := listing(t, root)
			name := c.path[:min(len(c.path), 30)]
			got, err := placed(t, root, c.path, c.kind, old)
			switch {
			case !errors.Is(err, c.err):
				t.Errorf("%q, kind %d, old kernel %v: %v; want %v", name, c.kind, old, err, c.err)
			case err == nil && strings.TrimPrefix(got, root) != c.want:
				t.Errorf("%q, kind %d, old kernel %v: is %.100s; want %.100s", name, c.kind, old, got, c.want)
			case err == nil && c.kind != there:
				st, err := os.Lstat(got)
				if err != nil && !errors.Is(err, unix.ENAMETOOLONG) {
					t.Error(err)
				} else if err == nil && c.kind == file && strings.HasSuffix(got, "f") &&
					(!st.Mode().IsRegular() || st.Mode().Perm() != 0o644) {
					t.Errorf("%q is made with mode %v", name, st.Mode())
				}
			}
			if after := listing(t, root); after != before {
				t.Errorf("%q, kind %d, old kernel %v: outside is now:\n%s", name, c.kind, old, after)
			}
			if err := os.RemoveAll(root); err != nil {
				t.Error(err)
			}
		}
	}
}

// FuzzPlace lets a path and a link to it lead anywhere. The place is in the root, and it is the same on old kernels.
func FuzzPlace(f *testing.F) {
	for _, p := range []string{"dir/../..", "abs/../file", "/out/x", "dangle1/../x", "./self/./loop", "chain9/../../..",
		"fuzz/fuzz"} {
		f.Add(p, "../"+p, uint8(1))
		f.Add(p+"/fuzz", "fuzz2/..", uint8(2))
	}
	f.Fuzz(func(t *testing.T, path, link string, kind uint8) {
		if strings.ContainsRune(path+link, 0) || link == "" || path == "" {
			return
		}
		var got [2]string
		var errs [2]error
		for i, old := range []bool{false, true} {
			root := hostile(t)
			_ = os.Symlink(link, filepath.Join(root, "fuzz"))
			before := listing(t, root)
			got[i], errs[i] = placed(t, root, path, placeKind(kind%3), old)
			if errs[i] == nil && got[i] != root && !strings.HasPrefix(got[i], root+"/") {
				t.Errorf("%q leads to %q, not in %q", path, got[i], root)
			}
			if after := listing(t, root); after != before {
				t.Errorf("%q: outside is now:\n%s", path, after)
			}
			got[i] = strings.TrimPrefix(got[i], root)
		}
		if (errs[0] == nil) != (errs[1] == nil) || got[0] != got[1] {
			t.Errorf("%q, link to %q: %q and %v, on old kernels %q and %v", path, link, got[0], errs[0], got[1], errs[1])
		}
	})
}
