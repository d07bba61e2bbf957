package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/netapi/wire"
)

// daemon is an API server on a socket of its own that records what it is asked.
type daemon struct {
	mu   sync.Mutex
	seen []string
	host string

	unknown string // a route that is refused before its version is looked at
}

func newDaemon(t *testing.T, version string, routes map[string]http.HandlerFunc) *daemon {
	d := &daemon{host: "unix://" + filepath.Join(t.TempDir(), "d.sock")}
	l, err := net.Listen("unix", strings.TrimPrefix(d.host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.seen = append(d.seen, r.Method+" "+r.URL.RequestURI())
		d.mu.Unlock()
		if version != "" {
			w.Header().Set("Api-Version", version)
		}
		asked, path := "", r.URL.Path
		if strings.HasPrefix(path, "/v") {
			asked, path, _ = strings.Cut(path[2:], "/")
			path = "/" + path
		}
		switch handler := routes[r.Method+" "+path]; {
		case path == d.unknown:
			wire.WriteError(w, 404, "page not found", false)
		case asked != "" && version != "" && older(version, asked):
			wire.WriteError(w, 400, fmt.Sprintf("client version %s is too new. Maximum supported API version is %s", asked,
				version), false)
		case path == "/_ping":
		case handler != nil:
			handler(w, r)
		default:
			wire.WriteError(w, 404, "page not found", false)
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return d
}

func (d *daemon) client(t *testing.T, o Options) *Client {
	o.Host = d.host
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, s)
	}
}

func TestNegotiation(t *testing.T) {
	list := map[string]http.HandlerFunc{"GET /containers/json": text("[]")}
	for _, row := range []struct {
		name, server string
		options      Options
		want         []string
	}{
		{"same version: one request a call", MaxVersion, Options{},
			[]string{"GET /v" + MaxVersion + "/containers/json", "GET /v" + MaxVersion + "/containers/json"}},
		{"newer daemon: never raised", "9.99", Options{},
			[]string{"GET /v" + MaxVersion + "/containers/json", "GET /v" + MaxVersion + "/containers/json"}},
		{"older daemon: asked once more", "1.41", Options{},
			[]string{"GET /v" + MaxVersion + "/containers/json", "GET /v1.41/containers/json", "GET /v1.41/containers/json"}},
		{"fixed", "1.41", Options{Version: "1.30"}, []string{"GET /v1.30/containers/json", "GET /v1.30/containers/json"}},
	} {
		d := newDaemon(t, row.server, list)
		c := d.client(t, row.options)
		for range 2 {
			if _, err := c.ContainerList(context.Background(), ListContainers{}); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
		if fmt.Sprint(d.seen) != fmt.Sprint(row.want) {
			t.Errorf("%s:\n got %q\nwant %q", row.name, d.seen, row.want)
		}
	}
}

// A body that can be sent once is not risked on a version that the daemon may refuse.
// An older daemon says 404 of a route that it does not know, in any version: that agrees on none.
func TestNegotiationAfterUnknownRoute(t *testing.T) {
	d := newDaemon(t, "1.41", map[string]http.HandlerFunc{"GET /containers/json": text("[]")})
	c := d.client(t, Options{})
	d.unknown = "/monitor"
	if _, err := c.MonitorOnce(context.Background()); !errdefs.IsNotFound(err) {
		t.Errorf("a daemon without the route: %v", err)
	}
	if _, err := c.ContainerList(context.Background(), ListContainers{}); err != nil {
		t.Error(err)
	}
}

func TestStreamsAskFirst(t *testing.T) {
	d := newDaemon(t, "1.41", map[string]http.HandlerFunc{"POST /images/load": func(w http.ResponseWriter,
		r *http.Request) {
		io.Copy(w, r.Body)
	}})
	body, err := d.client(t, Options{}).ImageLoad(context.Background(), strings.NewReader("a tar"), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, _ := io.ReadAll(body); string(got) != "a tar" {
		t.Errorf("the daemon got %q", got)
	}
	if want := []string{"HEAD /_ping", "POST /v1.41/images/load?quiet=1"}; fmt.Sprint(d.seen) != fmt.Sprint(want) {
		t.Errorf("asked %q", d.seen)
	}
}

func TestErrorClasses(t *testing.T) {
	for status, class := range map[int]func(error) bool{400: errdefs.IsInvalidArgument, 401: errdefs.IsUnauthorized,
		403: errdefs.IsPermissionDenied,
		404: errdefs.IsNotFound, 409: errdefs.IsConflict, 500: errdefs.IsUnknown, 501: errdefs.IsNotImplemented,
		503: errdefs.IsUnavailable} {
		d := newDaemon(t, MaxVersion, map[string]http.HandlerFunc{"POST /containers/x/kill": func(w http.ResponseWriter,
			r *http.Request) {
			wire.WriteError(w, status, "so <it> is", false)
		}})
		err := d.client(t, Options{}).ContainerKill(context.Background(), "x", "")
		if !class(err) || err.Error() != "Error response from daemon: so <it> is" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestNotModifiedIsNoError(t *testing.T) {
	d := newDaemon(t, MaxVersion, map[string]http.HandlerFunc{"POST /containers/x/stop": func(w http.ResponseWriter,
		r *http.Request) {
		w.WriteHeader(http.StatusNotModified)
	}})
	if err := d.client(t, Options{}).ContainerStop(context.Background(), "x", "", nil); err != nil {
		t.Error(err)
	}
}

// A socket whose daemon has ended is held for the next one: the user is told, and then that none came.
func TestAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	// The listener's process has to be gone: another one makes the socket and ends.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	held := exec.Command(self, "-test.run", "^TestHelperListens$")
	held.Env = append(os.Environ(), "LISTEN_AT="+path)
	out, in, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	held.ExtraFiles = []*os.File{in}
	if said, err := held.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	in.Close()
	l := receive(t, out)
	defer l.Close()
	told := make(chan struct{}, 10)
	c, err := New(Options{Host: "unix://" + path, Away: func() { told <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.ContainerList(context.Background(), ListContainers{})
		ended <- err
	}()
	select {
	case <-told:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("nobody was told")
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	var none *ConnectError
	if err := <-ended; !errors.As(err, &none) {
		t.Errorf("%T %v", err, err)
	}
}

// TestHelperListens is the process of TestAway that listens, hands its socket over and ends.
func TestHelperListens(t *testing.T) {
	path := os.Getenv("LISTEN_AT")
	if path == "" {
		return
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
}

func socketPair() (here, there *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(ends[0]), "here"), os.NewFile(uintptr(ends[1]), "there"), nil
}

func receive(t *testing.T, from *os.File) net.Listener {
	t.Helper()
	data, rights := make([]byte, 1), make([]byte, 64)
	_, n, _, _, err := unix.Recvmsg(int(from.Fd()), data, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) == 0 {
		t.Fatal("no descriptor", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNobodyThere(t *testing.T) {
	c, err := New(Options{Host: "unix:///nonexistent/docker.sock"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ContainerList(context.Background(), ListContainers{})
	if !errdefs.IsUnavailable(err) ||
		err.Error() != "Cannot connect to the Docker daemon at unix:///nonexistent/docker.sock. Is the docker daemon "+
			"running?" {
		t.Error(err)
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{"unix:///a/b": "unix /a/b", "tcp://h:1": "tcp h:1", "h:1": "tcp h:1",
		"tcp://h:1/sub/": "tcp h:1/sub",
		"":               "unix /var/run/docker.sock", "foo://x": "", "unix://": "unix /var/run/docker.sock",
		"tcp://": "tcp localhost:2375", "h": "tcp h:2375", "[::1]": "tcp [::1]:2375",
		"tcp://h:x": ""} {
		c, err := New(Options{Host: host})
		got := ""
		if err == nil {
			got = c.network + " " + c.address + c.base
		}
		if got != want {
			t.Errorf("%q: %q, %v; want %q", host, got, err, want)
		}
	}
}

func TestAttachStreams(t *testing.T) {
	d := newDaemon(t, "1.41", map[string]http.HandlerFunc{"POST /containers/x/attach": func(w http.ResponseWriter,
		r *http.Request) {
		conn, err := wire.Hijack(w, r, wire.RawStream, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		var mu sync.Mutex
		io.Copy(wire.NewFrameWriter(conn, &mu, wire.Stdout), conn)
	}})
	conn, err := d.client(t, Options{}).ContainerAttach(context.Background(), "x",
		Attach{Stdin: true, Stdout: true, DetachKeys: "ctrl-a"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "hello")
	conn.CloseWrite()
	var out strings.Builder
	if err := wire.Demux(&out, nil, conn); err != nil || out.String() != "hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if last := d.seen[len(d.seen)-1]; last != "POST /v1.41/containers/x/attach?detachKeys=ctrl-a&stdin=1&stdout=1&stream=1" {
		t.Error(last)
	}
}

func TestAttachRefused(t *testing.T) {
	d := newDaemon(t, MaxVersion, nil)
	_, err := d.client(t, Options{}).ContainerAttach(context.Background(), "x", Attach{})
	if !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

// A wait is in place once ContainerWait returns, before the result is there.
func TestWait(t *testing.T) {
	end := make(chan struct{})
	d := newDaemon(t, MaxVersion, map[string]http.HandlerFunc{"POST /containers/x/wait": func(w http.ResponseWriter,
		r *http.Request) {
		w.(http.Flusher).Flush()
		<-end
		io.WriteString(w, `{"StatusCode":7}`)
	}})
	w, err := d.client(t, Options{}).ContainerWait(context.Background(), "x", container.WaitConditionNextExit)
	if err != nil {
		t.Fatal(err)
	}
	close(end)
	if r, err := w.Result(); r.StatusCode != 7 || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEvents(t *testing.T) {
	d := newDaemon(t, MaxVersion, map[string]http.HandlerFunc{"GET /events": text(`{"Type":"container","Action":"start"}` +
		"\n" + `{"Type":"image","Action":"pull"}`)})
	var got []string
	stop := errors.New("enough")
	err := d.client(t, Options{}).Events(context.Background(), "1", "", Filters{"type": {"container", "image"}},
		func(m *Event) error {
			if got = append(got, string(m.Action)); len(got) == 2 {
				return stop
			}
			return nil
		})
	if !errors.Is(err, stop) || fmt.Sprint(got) != "[start pull]" {
		t.Errorf("%v, %v", got, err)
	}
	if d.seen[0] != "GET /v"+MaxVersion+
		"/events?filters=%7B%22type%22%3A%7B%22container%22%3Atrue%2C%22image%22%3Atrue%7D%7D&since=1" {
		t.Error(d.seen[0])
	}
}

// What daemons of 20.10 leave empty must not stop a listing.
func TestOldReplies(t *testing.T) {
	d := newDaemon(t, "1.41", map[string]http.HandlerFunc{
		"GET /containers/json": text(`[{"Id":"a","Ports":[{"PrivatePort":80,"Type":"tcp"},{"IP":"::","PrivatePort":1,"PublicPort":2,"Type":"udp"}],
			"NetworkSettings":{"Networks":{"bridge":{"IPAddress":"","Gateway":"","MacAddress":"","GlobalIPv6Address":""}}}}]`),
		"GET /networks": text(`[{"Name":"b","Id":"x","Created":"2020-01-01T00:00:00Z","IPAM":{"Config":[{"Subnet":"","Gateway":"172.17.0.1/16"}]}}]`),
	})
	c := d.client(t, Options{})
	if list, err := c.ContainerList(context.Background(), ListContainers{}); err != nil || len(list[0].Ports) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := c.NetworkList(context.Background(), nil); err != nil || list[0].Name != "b" {
		t.Errorf("%+v, %v", list, err)
	}
}
