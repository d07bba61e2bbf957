package run_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"box/netapi/wire"
	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// program answers for one container: what it prints, and its exit code once its input has ended.
func program(code int, print func(stdin string, stdout, stderr io.Writer)) map[string]http.HandlerFunc {
	ended := make(chan struct{})
	return map[string]http.HandlerFunc{
		"POST /containers/create":    clienttest.Reply(`{"Id":"abc"}`),
		"POST /containers/abc/start": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"POST /containers/abc/attach": func(w http.ResponseWriter, r *http.Request) {
			conn, err := wire.Hijack(w, r, wire.RawStream, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			var in []byte
			if r.URL.Query().Get("stdin") != "" {
				in, _ = io.ReadAll(conn)
			}
			var mu sync.Mutex
			print(string(in), wire.NewFrameWriter(conn, &mu, wire.Stdout), wire.NewFrameWriter(conn, &mu, wire.Stderr))
			close(ended)
		},
		"POST /containers/abc/wait": func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			<-ended
			fmt.Fprintf(w, `{"StatusCode":%d}`, code)
		},
	}
}

// The fewest calls that see every byte and the exit code, in an order that cannot miss either.
func TestRun(t *testing.T) {
	f := clienttest.New(t, docker.Main, program(7, func(_ string, out, errw io.Writer) {
		io.WriteString(out, "to stdout\n")
		io.WriteString(errw, "to stderr\n")
	}))
	r := f.Docker(t, "not read", "run", "--rm", "busybox", "sh", "-c", "exit 7")
	if r.Code != 7 || r.Out != "to stdout\n" || r.Stderr != "to stderr\n" {
		t.Errorf("%+v", r)
	}
	want := []string{"POST /containers/create", "POST /containers/abc/attach?stderr=1&stdout=1&stream=1",
		"POST /containers/abc/wait?condition=removed", "POST /containers/abc/start"}
	if fmt.Sprint(f.Seen) != fmt.Sprint(want) {
		t.Errorf("asked %q", f.Seen)
	}
}

func TestRunWithInput(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		program(0, func(in string, out, _ io.Writer) { io.WriteString(out, strings.ToUpper(in)) }))
	if r := f.Docker(t, "some input", "run", "-i", "busybox", "cat"); r.Code != 0 || r.Out != "SOME INPUT" {
		t.Errorf("%+v", r)
	}
}

func TestRunDetached(t *testing.T) {
	f := clienttest.New(t, docker.Main, program(0, nil))
	r := f.Docker(t, "", "run", "-d", "busybox")
	if r.Code != 0 || r.Out != "abc\n" {
		t.Errorf("%+v", r)
	}
	if want := []string{"POST /containers/create",
		"POST /containers/abc/start"}; fmt.Sprint(f.Seen) != fmt.Sprint(want) {
		t.Errorf("asked %q", f.Seen)
	}
	if body := clienttest.Decoded(t, f.Bodies["POST /containers/create"]); clienttest.At(body, "AttachStdout") != false {
		t.Error("a detached container is made attached")
	}
}

func TestRunStartFails(t *testing.T) {
	for _, row := range []struct {
		text string
		code int
	}{
		{`OCI runtime create failed: exec: "nosuch": executable file not found in $PATH: unknown`, 127},
		{`OCI runtime create failed: exec: "/x": stat /x: no such file or directory`, 127},
		{`OCI runtime create failed: exec: "/etc": permission denied: unknown`, 126},
		{`OCI runtime create failed: exec: "/etc": is a directory`, 126},
		{`driver failed programming external connectivity: port is already allocated`, 125},
		{`error mounting "/no such file or directory"`, 127},
	} {
		routes := program(0, func(string, io.Writer, io.Writer) {})
		routes["POST /containers/abc/start"] = clienttest.Refuse(500, row.text)
		r := clienttest.New(t, docker.Main, routes).Docker(t, "", "run", "--rm", "busybox", "x")
		want := "docker: Error response from daemon: " + row.text + "\n\nRun 'docker run --help' for more information\n"
		if r.Code != row.code || r.Stderr != want {
			t.Errorf("%s: %+v", row.text, r)
		}
	}
}

func TestRunPullsWhatIsMissing(t *testing.T) {
	routes := program(0, func(string, io.Writer, io.Writer) {})
	tries := 0
	routes["POST /containers/create"] = func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			wire.WriteError(w, 404, "No such image: reg:5000/x:1", false)
			return
		}
		clienttest.Reply(`{"Id":"abc"}`)(w, r)
	}
	routes["POST /images/create"] = clienttest.Reply(`{"status":"Pulling from x","id":"1"}` + "\r\n" +
		`{"status":"Status: Downloaded newer image for reg:5000/x:1"}`)
	f := clienttest.New(t, docker.Main, routes)
	r := f.Docker(t, "", "run", "-d", "reg:5000/x:1")
	if r.Code != 0 || r.Out != "abc\n" ||
		r.Stderr != "Unable to find image 'reg:5000/x:1' locally\n1: Pulling from x\nStatus: Downloaded newer image for "+
			"reg:5000/x:1\n" {
		t.Errorf("%+v", r)
	}
	if f.Seen[1] != "POST /images/create?fromImage=reg%3A5000%2Fx&tag=1" {
		t.Error(f.Seen[1])
	}
	tries = 0
	if r := f.Docker(t, "", "run", "-d", "--quiet", "reg:5000/x:1"); strings.Contains(r.Stderr, "Pulling") {
		t.Errorf("--quiet: %+v", r)
	}
	tries = 0
	if r := f.Docker(t, "", "run", "-d", "--pull", "never", "reg:5000/x:1"); r.Code != 125 ||
		!strings.Contains(r.Stderr, "No such image") {
		t.Errorf("--pull never: %+v", r)
	}
	tries = 1
	asked := len(f.Seen)
	f.Docker(t, "", "run", "-d", "--pull", "always", "reg:5000/x:1")
	if !strings.HasPrefix(f.Seen[asked], "POST /images/create") {
		t.Errorf("--pull always asked %q", f.Seen[asked:])
	}
}

func TestPullErrorEndsRun(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/create": clienttest.Refuse(404, "No such image: x:latest"),
		"POST /images/create":     clienttest.Reply(`{"errorDetail":{"message":"the registry is closed"},"error":"the registry is closed"}`),
	})
	r := f.Docker(t, "", "run", "x")
	if r.Code != 125 || !strings.HasPrefix(r.Stderr,
		"Unable to find image 'x:latest' locally\ndocker: the registry is closed\n\n") {
		t.Errorf("%+v", r)
	}
}

func TestTerminalIsNeeded(t *testing.T) {
	f := clienttest.New(t, docker.Main, nil)
	for _, args := range []string{"run -it img", "exec -it c sh"} {
		if r := f.Docker(t, "", strings.Fields(args)...); r.Code != 1 || r.Stderr != "the input device is not a TTY\n" {
			t.Errorf("%s: %+v", args, r)
		}
	}
}

func TestExec(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/c/exec": clienttest.Reply(`{"Id":"e"}`),
		"POST /exec/e/start": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				return
			}
			conn, err := wire.Hijack(w, r, wire.MultiplexedStream, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			var mu sync.Mutex
			io.WriteString(wire.NewFrameWriter(conn, &mu, wire.Stderr), "oops")
		},
		"GET /exec/e/json": clienttest.Reply(`{"ExitCode":5}`),
	})
	r := f.Docker(t, "", "exec", "-e", "A=1", "-e", "FOO", "-u", "x", "-w", "/d", "--privileged", "c", "ls", "-l")
	if r.Code != 5 || r.Stderr != "oops" {
		t.Errorf("%+v", r)
	}
	body := clienttest.Decoded(t, f.Bodies["POST /containers/c/exec"])
	for key, want := range map[string]any{"User": "x", "WorkingDir": "/d", "Privileged": true, "AttachStdin": false,
		"AttachStdout": true, "Tty": false} {
		if clienttest.At(body, key) != want {
			t.Errorf("%s is %v", key, clienttest.At(body, key))
		}
	}
	if got := fmt.Sprint(clienttest.At(body, "Env"), clienttest.At(body, "Cmd")); got != "[A=1 FOO=bar] [ls -l]" {
		t.Error(got)
	}
	if r := f.Docker(t, "", "exec", "-d", "c", "ls"); r.Code != 0 || r.Out != "" {
		t.Errorf("detached: %+v", r)
	}
	if body := clienttest.Decoded(t, f.Bodies["POST /exec/e/start"]); clienttest.At(body, "Detach") != true {
		t.Error("start of a detached exec does not say so")
	}
}
