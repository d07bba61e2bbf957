package docker

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"box/netapi/wire"
)

// program answers for one container: what it prints, and its exit code once its input has ended.
func program(code int, print func(stdin string, stdout, stderr io.Writer)) map[string]http.HandlerFunc {
	ended := make(chan struct{})
	return map[string]http.HandlerFunc{
		"POST /containers/create":    reply(`{"Id":"abc"}`),
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
	f := newFake(t, program(7, func(_ string, out, errw io.Writer) {
		io.WriteString(out, "to stdout\n")
		io.WriteString(errw, "to stderr\n")
	}))
	r := f.docker(t, "not read", "run", "--rm", "busybox", "sh", "-c", "exit 7")
	if r.code != 7 || r.out != "to stdout\n" || r.stderr != "to stderr\n" {
		t.Errorf("%+v", r)
	}
	want := []string{"POST /containers/create", "POST /containers/abc/attach?stderr=1&stdout=1&stream=1",
		"POST /containers/abc/wait?condition=removed", "POST /containers/abc/start"}
	if fmt.Sprint(f.seen) != fmt.Sprint(want) {
		t.Errorf("asked %q", f.seen)
	}
}

func TestRunWithInput(t *testing.T) {
	f := newFake(t, program(0, func(in string, out, _ io.Writer) { io.WriteString(out, strings.ToUpper(in)) }))
	if r := f.docker(t, "some input", "run", "-i", "busybox", "cat"); r.code != 0 || r.out != "SOME INPUT" {
		t.Errorf("%+v", r)
	}
}

func TestRunDetached(t *testing.T) {
	f := newFake(t, program(0, nil))
	r := f.docker(t, "", "run", "-d", "busybox")
	if r.code != 0 || r.out != "abc\n" {
		t.Errorf("%+v", r)
	}
	if want := []string{"POST /containers/create",
		"POST /containers/abc/start"}; fmt.Sprint(f.seen) != fmt.Sprint(want) {
		t.Errorf("asked %q", f.seen)
	}
	if body := decoded(t, f.bodies["POST /containers/create"]); at(body, "AttachStdout") != false {
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
		routes["POST /containers/abc/start"] = refuse(500, row.text)
		r := newFake(t, routes).docker(t, "", "run", "--rm", "busybox", "x")
		want := "docker: Error response from daemon: " + row.text + "\n\nRun 'docker run --help' for more information\n"
		if r.code != row.code || r.stderr != want {
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
		reply(`{"Id":"abc"}`)(w, r)
	}
	routes["POST /images/create"] = reply(`{"status":"Pulling from x","id":"1"}` + "\r\n" +
		`{"status":"Status: Downloaded newer image for reg:5000/x:1"}`)
	f := newFake(t, routes)
	r := f.docker(t, "", "run", "-d", "reg:5000/x:1")
	if r.code != 0 || r.out != "abc\n" ||
		r.stderr != "Unable to find image 'reg:5000/x:1' locally\n1: Pulling from x\nStatus: Downloaded newer image for "+
			"reg:5000/x:1\n" {
		t.Errorf("%+v", r)
	}
	if f.seen[1] != "POST /images/create?fromImage=reg%3A5000%2Fx&tag=1" {
		t.Error(f.seen[1])
	}
	tries = 0
	if r := f.docker(t, "", "run", "-d", "--quiet", "reg:5000/x:1"); strings.Contains(r.stderr, "Pulling") {
		t.Errorf("--quiet: %+v", r)
	}
	tries = 0
	if r := f.docker(t, "", "run", "-d", "--pull", "never", "reg:5000/x:1"); r.code != 125 ||
		!strings.Contains(r.stderr, "No such image") {
		t.Errorf("--pull never: %+v", r)
	}
	tries = 1
	asked := len(f.seen)
	f.docker(t, "", "run", "-d", "--pull", "always", "reg:5000/x:1")
	if !strings.HasPrefix(f.seen[asked], "POST /images/create") {
		t.Errorf("--pull always asked %q", f.seen[asked:])
	}
}

func TestPullErrorEndsRun(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{
		"POST /containers/create": refuse(404, "No such image: x:latest"),
		"POST /images/create":     reply(`{"errorDetail":{"message":"the registry is closed"},"error":"the registry is closed"}`),
	})
	r := f.docker(t, "", "run", "x")
	if r.code != 125 || !strings.HasPrefix(r.stderr,
		"Unable to find image 'x:latest' locally\ndocker: the registry is closed\n\n") {
		t.Errorf("%+v", r)
	}
}

func TestTerminalIsNeeded(t *testing.T) {
	f := newFake(t, nil)
	for _, args := range []string{"run -it img", "exec -it c sh"} {
		if r := f.docker(t, "", strings.Fields(args)...); r.code != 1 || r.stderr != "the input device is not a TTY\n" {
			t.Errorf("%s: %+v", args, r)
		}
	}
}

func TestExec(t *testing.T) {
	f := newFake(t, map[string]http.HandlerFunc{
		"POST /containers/c/exec": reply(`{"Id":"e"}`),
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
		"GET /exec/e/json": reply(`{"ExitCode":5}`),
	})
	r := f.docker(t, "", "exec", "-e", "A=1", "-e", "FOO", "-u", "x", "-w", "/d", "--privileged", "c", "ls", "-l")
	if r.code != 5 || r.stderr != "oops" {
		t.Errorf("%+v", r)
	}
	body := decoded(t, f.bodies["POST /containers/c/exec"])
	for key, want := range map[string]any{"User": "x", "WorkingDir": "/d", "Privileged": true, "AttachStdin": false,
		"AttachStdout": true, "Tty": false} {
		if at(body, key) != want {
			t.Errorf("%s is %v", key, at(body, key))
		}
	}
	if got := fmt.Sprint(at(body, "Env"), at(body, "Cmd")); got != "[A=1 FOO=bar] [ls -l]" {
		t.Error(got)
	}
	if r := f.docker(t, "", "exec", "-d", "c", "ls"); r.code != 0 || r.out != "" {
		t.Errorf("detached: %+v", r)
	}
	if body := decoded(t, f.bodies["POST /exec/e/start"]); at(body, "Detach") != true {
		t.Error("start of a detached exec does not say so")
	}
}
