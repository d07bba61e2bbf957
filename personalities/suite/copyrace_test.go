package suite

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// copies is how many requests each of the two directions gets.
const copies = 5000

// TestCopyAgainstFlippedLinks: ten thousand copies, in and out, of a path that a program in the container turns from
// a folder into a link to the host's files and back as fast as it can. Nothing outside the container's root is read
// or written.
func TestCopyAgainstFlippedLinks(t *testing.T) {
	d := busyboxDaemon(t)
	outside := t.TempDir() // the host's, and no container has it
	secret := filepath.Join(outside, "f")
	fatal(t, os.WriteFile(secret, []byte("SECRET"), 0o600))
	docker := func(args ...string) string { t.Helper(); return d.docker(t, args...) }
	// One program flips by commands, as slowly as a shell does; another one exchanges two names in one system call.
	docker("run", "-d", "--name", "flips", "busybox", "sh", "-c",
		`mkdir -p /w/a /w/folder; echo inside >/w/folder/f; ln -s `+outside+` /w/link
		while :; do ln -sfn `+outside+` /w/slow; rm /w/slow; mkdir /w/slow; echo inside >/w/slow/f; rm -r /w/slow; done`)
	root := "/proc/" + docker("inspect", "-f", "{{.State.Pid}}", "flips") + "/root"
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Lstat(root + "/w/link"); err == nil {
			break
		}
	}
	stop := flip(t, root)
	defer stop()
	c := dialer(d)
	upload := payload(t)
	var ok, failed atomic.Int64
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for n := range copies / 2 {
				in := []string{"/w/folder", "/w/link", "/w/slow", "/w/link/.", "/w"}[n%5]
				reply, body := request(c, http.MethodPut, in, upload)
				count(reply, &ok, &failed)
				_ = body
				out := []string{"/w/link/f", "/w/folder", "/w/link/", "/w", "/w/slow/f"}[n%5]
				reply, body = request(c, http.MethodGet, out, nil)
				count(reply, &ok, &failed)
				if bytes.Contains(body, []byte("SECRET")) {
					t.Errorf("a file of the host was read by %s", out)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	var st unix.Stat_t
	fatal(t, unix.Lstat(secret, &st))
	found, err := os.ReadDir(outside)
	got, rerr := os.ReadFile(secret)
	if errors.Join(err, rerr) != nil || string(got) != "SECRET" || st.Mode&0o7777 != 0o600 || st.Nlink != 1 ||
		len(found) != 1 {
		t.Fatalf("the host's folder was written to: %q, mode %o, %d links, %v %v", got, st.Mode, st.Nlink, found, err)
	}
	// The race was one: copies went well and copies met what they could not go through.
	t.Logf("%d copies went well, %d did not", ok.Load(), failed.Load())
	if ok.Load() < copies/2 || failed.Load() == 0 {
		t.Errorf("%d copies went well and %d did not: they did not meet the flips", ok.Load(), failed.Load())
	}
	docker("exec", "flips", "true")
}

// dialer is a client of the daemon's API.
func dialer(d *daemon) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.dir, "docker.sock"))
	}}}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func count(status int, ok, failed *atomic.Int64) {
	if status == http.StatusOK {
		ok.Add(1)
	} else {
		failed.Add(1)
	}
}

// flip exchanges the folder and the link until the function that it returns is called.
func flip(t *testing.T, root string) func() {
	dir, err := unix.Open(root+"/w", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	fatal(t, err)
	var over atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		for !over.Load() {
			_ = unix.Renameat2(dir, "folder", dir, "link", unix.RENAME_EXCHANGE)
		}
	})
	return sync.OnceFunc(func() { over.Store(true); done.Wait(); unix.Close(dir) })
}

// payload is an archive with an entry of each kind, through names that are flipped.
func payload(t *testing.T) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: "f", Size: 6, Mode: 0o777, Uid: 7, Gid: 7},
		{Typeflag: tar.TypeDir, Name: "folder/", Mode: 0o777, Uid: 7},
		{Typeflag: tar.TypeReg, Name: "folder/f", Size: 6, Mode: 0o777, Uid: 7},
		{Typeflag: tar.TypeReg, Name: "link/g", Size: 6, Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "link/sub", Mode: 0o777},
		{Typeflag: tar.TypeFifo, Name: "folder/p", Mode: 0o777},
		{Typeflag: tar.TypeLink, Name: "hard", Linkname: "link/f"},
		{Typeflag: tar.TypeSymlink, Name: "folder/s", Linkname: "../../../.."},
	} {
		fatal(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, strings.Repeat("x", int(h.Size)))
		fatal(t, err)
	}
	fatal(t, w.Close())
	return b.Bytes()
}

// request asks the archive endpoint of the container and reads the reply, which may break off.
func request(c *http.Client, method, path string, body []byte) (status int, reply []byte) {
	q, err := http.NewRequest(method, fmt.Sprintf("http://d/containers/flips/archive?path=%s", path),
		bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r, err := c.Do(q)
	if err != nil {
		return 0, nil
	}
	defer r.Body.Close()
	reply, _ = io.ReadAll(r.Body)
	return r.StatusCode, reply
}
