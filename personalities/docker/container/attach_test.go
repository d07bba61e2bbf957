package container_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"box/netapi/wire"
	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// attached answers for one container: its state, what its stream holds, and the end of its program.
func attached(state, stream, wait string) map[string]http.HandlerFunc {
	ended := make(chan struct{})
	return map[string]http.HandlerFunc{
		"GET /containers/c/json":    clienttest.Reply(state),
		"POST /containers/c1/start": noContent,
		"POST /containers/c1/attach": func(w http.ResponseWriter, r *http.Request) {
			if conn, err := wire.Hijack(w, r, wire.RawStream, nil); err == nil {
				io.WriteString(conn, stream)
				conn.Close()
				close(ended)
			}
		},
		"POST /containers/c/attach": func(w http.ResponseWriter, r *http.Request) {
			if conn, err := wire.Hijack(w, r, wire.RawStream, nil); err == nil {
				io.WriteString(conn, stream)
				conn.Close()
				close(ended)
			}
		},
		"POST /containers/c1/wait": func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			<-ended
			io.WriteString(w, wait)
		},
		"POST /containers/c/wait": func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			<-ended
			io.WriteString(w, wait)
		},
	}
}

// Which containers cannot be attached to, in Docker's words, and how attach ends for the others.
func TestAttachStates(t *testing.T) {
	for _, row := range []struct {
		state, wait, out, stderr string
		code                     int
	}{
		{`{"Id":"c1","State":{"Running":false},"Config":{}}`, "", "",
			"You cannot attach to a stopped container, start it first\n", 1},
		{`{"Id":"c1","State":{"Running":true,"Paused":true},"Config":{}}`, "", "",
			"You cannot attach to a paused container, unpause it first\n", 1},
		{`{"Id":"c1","State":{"Running":true,"Restarting":true},"Config":{}}`, "", "",
			"You cannot attach to a restarting container, wait until it is running\n", 1},
		{`{"Id":"c1","State":{"Running":true},"Config":{}}`, `{"StatusCode":0}`, "hi\n", "", 0},
		{`{"Id":"c1","State":{"Running":true},"Config":{}}`, `{"StatusCode":9}`, "hi\n", "", 9},
		{`{"Id":"c1","State":{"Running":true},"Config":{}}`, `{"StatusCode":0,"Error":{"Message":"lost"}}`, "hi\n",
			"lost\n", 125},
		{`{"Id":"c1","State":{"Running":true},"Config":{"Tty":true}}`, `{"StatusCode":0}`, frame(1, "hi\n"), "", 0},
	} {
		f := clienttest.New(t, docker.Main, attached(row.state, frame(1, "hi\n"), row.wait))
		r := f.Docker(t, "", "attach", "c")
		if r.Code != row.code || r.Out != row.out || !strings.HasSuffix(r.Stderr, row.stderr) {
			t.Errorf("attach to %s, which ends with %s: %+v", row.state, row.wait, r)
		}
	}
}

// start -a starts only when the stream and the wait are open, so that nothing is missed, and ends with the code.
func TestStartAttached(t *testing.T) {
	for _, row := range []struct {
		args, wait, out string
		code            int
	}{
		{"-a c", `{"StatusCode":0}`, "hi\n", 0},
		{"-a c", `{"StatusCode":4}`, "hi\n", 4},
		{"-ai c", `{"StatusCode":0}`, "hi\n", 0},
		{"-a c", `{"StatusCode":`, "hi\n", 125},
	} {
		f := clienttest.New(t, docker.Main, attached(`{"Id":"c1","State":{},"Config":{}}`, frame(1, "hi\n"), row.wait))
		r := f.Docker(t, "", append([]string{"start"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != row.out {
			t.Errorf("start %s, which ends with %s: %+v", row.args, row.wait, r)
		}
		asked := strings.Join(f.Seen, "\n")
		if i, j := strings.Index(asked, "/attach"), strings.Index(asked, "/start"); i < 0 || j < i ||
			!strings.Contains(asked, "/wait") || j < strings.Index(asked, "/wait") {
			t.Errorf("start %s asked\n%s", row.args, asked)
		}
	}
	f := clienttest.New(t, docker.Main, nil)
	if r := f.Docker(t, "", "start", "-a", "c", "d"); r.Code != 1 || len(f.Seen) != 0 ||
		!strings.Contains(r.Stderr, "you cannot start and attach multiple containers at once") {
		t.Errorf("%+v asked %q", r, f.Seen)
	}
}

// Containers that start one after another: those that fail are named together at the end.
func TestStartSeveral(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/a/start": noContent, "POST /containers/b/start": noContent,
		"POST /containers/zz/start": clienttest.Refuse(404, "No such container: zz"),
		"POST /containers/yy/start": clienttest.Refuse(500, "no memory")})
	r := f.Docker(t, "", "start", "a", "zz", "b", "yy")
	if r.Code != 1 || r.Out != "a\nb\n" || r.Stderr != "Error response from daemon: No such container: zz\n"+
		"Error response from daemon: no memory\nError: failed to start containers: zz, yy\n" {
		t.Errorf("%+v", r)
	}
	for _, flag := range []string{"--checkpoint=x", "--checkpoint-dir=/x"} {
		asked := len(f.Seen)
		if r := f.Docker(t, "", "start", flag, "a"); r.Code != 1 || len(f.Seen) != asked ||
			!strings.Contains(r.Stderr, "does not support checkpoints") {
			t.Errorf("%s: %+v", flag, r)
		}
	}
}

// How exec ends: with the code that the daemon knows afterwards, and never with 0 where the daemon could not be asked.
func TestExecEnds(t *testing.T) {
	for _, row := range []struct {
		title       string
		stream      string
		inspect     http.HandlerFunc
		code        int
		out, stderr string
	}{
		{"well", frame(1, "x"), clienttest.Reply(`{"ExitCode":0}`), 0, "x", ""},
		{"with a code", frame(1, "x") + frame(2, "e"), clienttest.Reply(`{"ExitCode":42}`), 42, "x", "e"},
		{"and is gone", frame(1, "x"), clienttest.Refuse(404, "No such exec instance: e"), 1, "x",
			"No such exec instance: e"},
		{"with an answer that is cut", "", clienttest.Reply(`{"ExitCode":`), 1, "", "ask for the exit code"},
		{"with an answer of another type", "", clienttest.Reply(`{"ExitCode":"x"}`), 1, "", "ask for the exit code"},
		{"with a stream that is cut", frame(1, "abcdef")[:10], clienttest.Reply(`{"ExitCode":0}`), 1, "ab", "lacks 4 bytes"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /containers/c/exec": clienttest.Reply(`{"Id":"e"}`),
			"POST /exec/e/start": func(w http.ResponseWriter, r *http.Request) {
				if conn, err := wire.Hijack(w, r, wire.RawStream, nil); err == nil {
					io.WriteString(conn, row.stream)
					conn.Close()
				}
			},
			"GET /exec/e/json": row.inspect})
		r := f.Docker(t, "", "exec", "c", "true")
		if r.Code != row.code || r.Out != row.out || !strings.Contains(r.Stderr, row.stderr) {
			t.Errorf("exec ends %s: %+v", row.title, r)
		}
	}
	for _, row := range []struct {
		answer http.HandlerFunc
		says   string
	}{
		{clienttest.Refuse(409, "container c is not running"), "container c is not running"},
		{clienttest.Reply(`{"Id":`), "POST /containers/c/exec"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"POST /containers/c/exec": row.answer})
		if r := f.Docker(t, "", "exec", "c", "true"); r.Code != 1 || !strings.Contains(r.Stderr, row.says) {
			t.Errorf("%s: %+v", row.says, r)
		}
	}
}
