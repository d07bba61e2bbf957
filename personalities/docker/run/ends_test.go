package run_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"box/netapi/wire"
	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// container answers for a container whose stream holds raw bytes, and whose wait gets an answer of any kind.
func container(stream, wait string) map[string]http.HandlerFunc {
	ended := make(chan struct{})
	return map[string]http.HandlerFunc{
		"POST /containers/create":    clienttest.Reply(`{"Id":"abc"}`),
		"POST /containers/abc/start": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"POST /containers/abc/attach": func(w http.ResponseWriter, r *http.Request) {
			conn, err := wire.Hijack(w, r, wire.RawStream, nil)
			if err != nil {
				return
			}
			io.WriteString(conn, stream)
			conn.Close()
			close(ended)
		},
		"POST /containers/abc/wait": func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			<-ended
			io.WriteString(w, wait)
		},
	}
}

// stdout is a frame of standard output.
func stdout(text string) string {
	return "\x01\x00\x00\x00\x00\x00\x00" + string(rune(len(text))) + text
}

// How run ends: the program's code, or 125 where it is not known, never 0 for a run whose end nobody saw.
func TestRunEnds(t *testing.T) {
	for _, row := range []struct {
		title, stream, wait string
		code                int
		out, stderr         string // a part of stderr
	}{
		{"well", stdout("hello\n"), `{"StatusCode":0}`, 0, "hello\n", ""},
		{"with the program's code", stdout("x"), `{"StatusCode":3}`, 3, "x", ""},
		{"with the highest code", "", `{"StatusCode":255}`, 255, "", ""},
		{"killed", "", `{"StatusCode":137}`, 137, "", ""},
		{"with an error of the daemon", stdout("x"), `{"StatusCode":0,"Error":{"Message":"lost it"}}`, 125, "x", "lost it"},
		{"with null for an error", "", `{"StatusCode":4,"Error":null}`, 4, "", ""},
		{"with an answer that is cut", stdout("x"), `{"StatusCode":`, 125, "x", "error waiting for container"},
		{"without an answer", "", ``, 125, "", "error waiting for container"},
		{"with an answer of another type", "", `{"StatusCode":"zero"}`, 125, "", "error waiting for container"},
		{"with a page", "", `<html>`, 125, "", "error waiting for container"},
	} {
		f := clienttest.New(t, docker.Main, container(row.stream, row.wait))
		r := f.Docker(t, "", "run", "img")
		if r.Code != row.code || r.Out != row.out || !strings.Contains(r.Stderr, row.stderr) ||
			row.stderr == "" && r.Stderr != "" {
			t.Errorf("%s: %+v", row.title, r)
		}
	}
}

// Streams that are cut or are none: what arrived is printed, and the code is not 0.
func TestRunStreamsCut(t *testing.T) {
	for _, row := range []struct{ title, stream, out, stderr string }{
		{"in a header", stdout("a\n") + "\x01\x00", "a\n", "read the header of a stream frame"},
		{"in a text", stdout("a\n") + stdout("bcdef")[:10], "a\nbc", "lacks 3 bytes"},
		{"with an unknown stream", stdout("a\n") + "\x07\x00\x00\x00\x00\x00\x00\x00", "a\n", "unknown stream 7"},
		{"with no frames", "HTTP/1.1 502 Bad Gateway\r\n", "", "not a multiplexed stream"},
		{"with an error of the daemon", stdout("a\n") + "\x03\x00\x00\x00\x00\x00\x00\x04oops", "a\n", "oops"},
	} {
		f := clienttest.New(t, docker.Main, container(row.stream, `{"StatusCode":0}`))
		r := f.Docker(t, "", "run", "img")
		if r.Code == 0 || r.Out != row.out || !strings.Contains(r.Stderr, row.stderr) {
			t.Errorf("%s: %+v", row.title, r)
		}
	}
}

// Answers to create that are no container: run ends with 125 and starts nothing.
func TestRunCreateAnswers(t *testing.T) {
	for _, row := range []struct {
		answer http.HandlerFunc
		says   string
	}{
		{clienttest.Refuse(409, "the name is in use"), "the name is in use"},
		{clienttest.Refuse(400, "bad parameter"), "bad parameter"},
		{clienttest.Refuse(500, "disk failed"), "disk failed"},
		{clienttest.Reply(`{"Id":`), "POST /containers/create"},
		{clienttest.Reply(``), "POST /containers/create"},
		{clienttest.Reply(`[]`), "POST /containers/create"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"POST /containers/create": row.answer})
		r := f.Docker(t, "", "run", "img")
		asked := strings.Join(f.Seen, "\n")
		if r.Code != 125 || !strings.Contains(r.Stderr, row.says) || strings.Contains(asked, "start") ||
			strings.Contains(asked, "attach") {
			t.Errorf("%s: %+v asked %s", row.says, r, asked)
		}
	}
}

// Warnings of create go to stderr, and the container starts all the same.
func TestRunWarnings(t *testing.T) {
	routes := container(stdout("x"), `{"StatusCode":0}`)
	routes["POST /containers/create"] = clienttest.Reply(`{"Id":"abc","Warnings":["no swap","old option"]}`)
	f := clienttest.New(t, docker.Main, routes)
	r := f.Docker(t, "", "run", "img")
	if r.Code != 0 || r.Out != "x" || r.Stderr != "WARNING: no swap\nWARNING: old option\n" {
		t.Errorf("%+v", r)
	}
}

// The code of a start that failed tells why, as in a shell: 127 for what is missing, 126 for what cannot be run.
func TestStartCodes(t *testing.T) {
	for _, row := range []struct {
		status int
		text   string
		code   int
	}{
		{400, `exec: "nope": executable file not found in $PATH`, 127},
		{400, `exec: "/nope": stat /nope: no such file or directory`, 127},
		{400, `exec: "/etc": permission denied`, 126},
		{500, "something else", 125},
	} {
		routes := container("", `{"StatusCode":0}`)
		routes["POST /containers/abc/start"] = clienttest.Refuse(row.status, row.text)
		f := clienttest.New(t, docker.Main, routes)
		r := f.Docker(t, "", "run", "-d", "img")
		if r.Code != row.code || !strings.Contains(r.Stderr, row.text) {
			t.Errorf("%s: %+v", row.text, r)
		}
	}
}

// What exec asks for each flag, and how it ends.
func TestExecBody(t *testing.T) {
	for _, row := range []struct {
		flags, member string
		want          any
	}{
		{"", "AttachStdout", true}, {"", "AttachStdin", false}, {"", "Tty", false}, {"", "Privileged", false},
		{"-i", "AttachStdin", true}, {"--privileged", "Privileged", true}, {"-u 5:6", "User", "5:6"},
		{"-w /tmp", "WorkingDir", "/tmp"}, {"-d", "AttachStdout", false},
		{"--detach-keys ctrl-x", "DetachKeys", "ctrl-x"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /containers/c/exec": clienttest.Reply(`{"Id":"e"}`),
			"POST /exec/e/start": func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Upgrade") == "" {
					return
				}
				if conn, err := wire.Hijack(w, r, wire.RawStream, nil); err == nil {
					conn.Close()
				}
			},
			"GET /exec/e/json": clienttest.Reply(`{"ExitCode":7}`)})
		args := append(append([]string{"exec"}, strings.Fields(row.flags)...), "c", "true", "-x")
		r := f.Docker(t, "", args...)
		body := clienttest.Decoded(t, f.Bodies["POST /containers/c/exec"])
		got := clienttest.At(body, row.member)
		if got == nil && row.want == false {
			got = false
		}
		code := 7
		if strings.Contains(row.flags, "-d") && !strings.Contains(row.flags, "keys") {
			code = 0
		}
		if r.Code != code || got != row.want || fmt.Sprint(clienttest.At(body, "Cmd")) != "[true -x]" {
			t.Errorf("exec %s: %+v sent %v", row.flags, r, body)
		}
	}
}
