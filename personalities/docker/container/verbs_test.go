package container_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// Every operand is tried even if others fail; what worked is on stdout, what failed on stderr, and the code is 1.
func TestSeveralOperands(t *testing.T) {
	for _, row := range []struct{ verb, method, end string }{
		{"stop", "POST", "/stop"}, {"restart", "POST", "/restart"}, {"kill", "POST", "/kill"},
		{"pause", "POST", "/pause"}, {"unpause", "POST", "/unpause"}, {"rm", "DELETE", ""},
	} {
		routes := map[string]http.HandlerFunc{}
		for _, name := range []string{"a", "b"} {
			routes[row.method+" /containers/"+name+row.end] = noContent
		}
		routes[row.method+" /containers/zz"+row.end] = clienttest.Refuse(404, "No such container: zz")
		routes[row.method+" /containers/yy"+row.end] = clienttest.Refuse(409, "is busy")
		f := clienttest.New(t, docker.Main, routes)
		r := f.Docker(t, "", row.verb, "a", "zz", "b", "yy")
		errs := strings.Split(strings.TrimSpace(r.Stderr), "\n")
		slices.Sort(errs)
		if r.Code != 1 || r.Out != "a\nb\n" || !slices.Equal(errs, []string{
			"Error response from daemon: No such container: zz", "Error response from daemon: is busy"}) {
			t.Errorf("%s: %+v", row.verb, r)
		}
	}
}

// With -f, rm of a missing container is said but is no failure; any other error is one.
func TestRemoveForced(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"DELETE /containers/a":  noContent,
		"DELETE /containers/zz": clienttest.Refuse(404, "No such container: zz"),
		"DELETE /containers/yy": clienttest.Refuse(500, "device busy"),
	})
	for _, row := range []struct {
		args   string
		code   int
		out    string
		stderr string
	}{
		{"-f a zz", 0, "a\n", "Error response from daemon: No such container: zz\n"},
		{"-f zz yy", 1, "", "Error response from daemon: No such container: zz\nError response from daemon: device busy\n"},
		{"zz a", 1, "a\n", "Error response from daemon: No such container: zz\n"},
	} {
		r := f.Docker(t, "", append([]string{"rm"}, strings.Fields(row.args)...)...)
		got, want := strings.SplitAfter(r.Stderr, "\n"), strings.SplitAfter(row.stderr, "\n")
		slices.Sort(got)
		slices.Sort(want)
		if r.Code != row.code || r.Out != row.out || !slices.Equal(got, want) {
			t.Errorf("rm %s: %+v", row.args, r)
		}
	}
}

// Each flag of update is one member of the body; others stay zero, which the daemon reads as unchanged.
func TestUpdateFlags(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/a/update": clienttest.Reply(`{"Warnings":null}`)})
	for _, row := range []struct {
		flags, member string
		want          any
	}{
		{"-m 64m", "Memory", 64.0 * 1024 * 1024},
		{"--memory-reservation 1k", "MemoryReservation", 1024.0},
		{"--memory-swap -1", "MemorySwap", -1.0},
		{"--memory-swap 1g", "MemorySwap", 1024.0 * 1024 * 1024},
		{"--cpus 1.5", "NanoCpus", 1.5e9},
		{"--cpus 1/4", "NanoCpus", 0.25e9},
		{"-c 512", "CpuShares", 512.0},
		{"--cpu-period 10000", "CpuPeriod", 10000.0},
		{"--cpu-quota -1", "CpuQuota", -1.0},
		{"--cpu-rt-period 5", "CpuRealtimePeriod", 5.0},
		{"--cpu-rt-runtime 6", "CpuRealtimeRuntime", 6.0},
		{"--cpuset-cpus 0-1,3", "CpusetCpus", "0-1,3"},
		{"--cpuset-mems 0", "CpusetMems", "0"},
		{"--blkio-weight 300", "BlkioWeight", 300.0},
		{"--pids-limit 0", "PidsLimit", 0.0},
		{"--pids-limit -1", "PidsLimit", -1.0},
	} {
		r := f.Docker(t, "", append(append([]string{"update"}, strings.Fields(row.flags)...), "a")...)
		body := clienttest.Decoded(t, f.Bodies["POST /containers/a/update"]).(map[string]any)
		if r.Code != 0 || r.Out != "a\n" || body[row.member] != row.want {
			t.Errorf("update %s: %+v, %s is %v", row.flags, r, row.member, body[row.member])
		}
		for key, v := range body {
			if key != row.member && v != nil && v != "" && v != 0.0 && v != false && key != "RestartPolicy" {
				t.Errorf("update %s also sends %s: %v", row.flags, key, v)
			}
		}
	}
	for _, row := range []struct {
		flag, name string
		retries    float64
	}{
		{"no", "no", 0}, {"always", "always", 0}, {"unless-stopped", "unless-stopped", 0},
		{"on-failure", "on-failure", 0}, {"on-failure:3", "on-failure", 3},
	} {
		f.Docker(t, "", "update", "--restart", row.flag, "a")
		body := clienttest.Decoded(t, f.Bodies["POST /containers/a/update"])
		if at := clienttest.At(body, "RestartPolicy", "Name"); at != row.name ||
			clienttest.At(body, "RestartPolicy", "MaximumRetryCount") != row.retries {
			t.Errorf("--restart %s: %v", row.flag, clienttest.At(body, "RestartPolicy"))
		}
	}
	for _, bad := range []string{"-m x", "--cpus a", "--cpus 0.0000000001", "--blkio-weight 70000", "--pids-limit x",
		"--restart on-failure:x", "--restart on-failure:1:2", "--memory-swap -2x"} {
		before := len(f.Seen)
		r := f.Docker(t, "", append(append([]string{"update"}, strings.Fields(bad)...), "a")...)
		if r.Code == 0 || r.Stderr == "" || slices.Contains(f.Seen[before:], "POST /containers/a/update") {
			t.Errorf("update %s: %+v, asked %q", bad, r, f.Seen[before:])
		}
	}
}

// Warnings come after the names, and also if another container fails.
func TestUpdateWarnings(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/a/update":  clienttest.Reply(`{"Warnings":["one","two"]}`),
		"POST /containers/zz/update": clienttest.Refuse(404, "No such container: zz"),
		"POST /containers/b/update":  clienttest.Reply(`{}`)})
	r := f.Docker(t, "", "update", "-m", "9m", "a", "zz", "b")
	if r.Code != 1 || r.Out != "a\nb\none\ntwo\n" ||
		r.Stderr != "Error response from daemon: No such container: zz\n" {
		t.Errorf("%+v", r)
	}
}

// The answers to wait: a code, an error of the daemon, and answers that are cut or are none.
func TestWaitAnswers(t *testing.T) {
	for _, row := range []struct {
		answer, out string
		code        int
	}{
		{`{"StatusCode":0}`, "0\n", 0},
		{`{"StatusCode":137}`, "137\n", 0},
		{`{"StatusCode":0,"Error":null}`, "0\n", 0},
		{`{"StatusCode":`, "", 1},
		{``, "", 1},
		{`[]`, "", 1},
		{`{"StatusCode":"x"}`, "", 1},
		{`<html>`, "", 1},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /containers/a/wait": clienttest.Reply(row.answer)})
		r := f.Docker(t, "", "wait", "a")
		if r.Code != row.code || r.Out != row.out || (row.code != 0) != (r.Stderr != "") {
			t.Errorf("wait answered %q: %+v", row.answer, r)
		}
	}
}

func TestPortAnswers(t *testing.T) {
	ports := `{"Id":"a","NetworkSettings":{"Ports":{` +
		`"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"},{"HostIp":"::1","HostPort":"8080"}],` +
		`"80/udp":[{"HostIp":"0.0.0.0","HostPort":"53"}],"443/tcp":null,"90/sctp":[]}}}`
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /containers/a/json":     clienttest.Reply(ports),
		"GET /containers/none/json":  clienttest.Reply(`{"NetworkSettings":{"Ports":{}}}`),
		"GET /containers/null/json":  clienttest.Reply(`{"NetworkSettings":null}`),
		"GET /containers/wrong/json": clienttest.Reply(`{"NetworkSettings":{"Ports":[1]}}`),
		"GET /containers/cut/json":   clienttest.Reply(`{"NetworkSettings":{`),
		"GET /containers/zz/json":    clienttest.Refuse(404, "No such container: zz"),
	})
	for _, row := range []struct {
		args, out, stderr string // a part of stderr
		code              int
	}{
		{"a", "80/tcp -> 127.0.0.1:8080\n80/tcp -> [::1]:8080\n80/udp -> 0.0.0.0:53\n", "", 0},
		{"a 80", "127.0.0.1:8080\n[::1]:8080\n", "", 0},
		{"a 80/tcp", "127.0.0.1:8080\n[::1]:8080\n", "", 0},
		{"a 80/udp", "0.0.0.0:53\n", "", 0},
		{"a 443", "", "Error: No public port '443' published for a\n", 1},
		{"a 90/sctp", "", "Error: No public port '90/sctp' published for a\n", 1},
		{"a 81", "", "Error: No public port '81' published for a\n", 1},
		{"none", "", "", 0},
		{"null", "", "", 0},
		{"wrong", "", "read the ports of container wrong: ", 1},
		{"cut", "", "unexpected end", 1},
		{"zz", "", "Error response from daemon: No such container: zz\n", 1},
	} {
		r := f.Docker(t, "", append([]string{"port"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != row.out || !strings.Contains(r.Stderr, row.stderr) {
			t.Errorf("port %s: %+v", row.args, r)
		}
	}
}

// frame is a frame of a log or an attached stream.
func frame(kind byte, text string) string {
	head := make([]byte, 8)
	head[0] = kind
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return string(head) + text
}

// Logs that arrive whole, that are cut, and that are not what they should be.
func TestLogStreams(t *testing.T) {
	huge := make([]byte, 8)
	huge[0] = 1
	binary.BigEndian.PutUint32(huge[4:], 1<<31)
	for _, row := range []struct {
		title, body, out, stderr string // a part of stderr
		code                     int
	}{
		{"both", frame(1, "out\n") + frame(2, "err\n") + frame(1, "more\n"), "out\nmore\n", "err\n", 0},
		{"nothing", "", "", "", 0},
		{"an empty frame", frame(1, "") + frame(1, "x\n"), "x\n", "", 0},
		{"cut in a head", frame(1, "out\n") + "\x01\x00\x00", "out\n", "read the header of a stream frame: unexpected EOF",
			1},
		{"cut in a text", frame(1, "out\n") + frame(1, "never seen whole")[:13], "out\nnever",
			"read a stream frame that lacks 11 bytes", 1},
		{"more promised than a frame may hold", string(huge) + "little", "", "not a multiplexed stream", 1},
		{"standard input", frame(0, "in\n") + frame(1, "out\n"), "in\nout\n", "", 0},
		{"an error of the daemon", frame(1, "out\n") + frame(3, "disk failed"), "out\n", "disk failed", 1},
		{"an unknown stream", frame(9, "x"), "", "9", 1},
		{"no frames at all", "plain text, not frames", "", "", 1},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /containers/a/json": clienttest.Reply(`{"Id":"a","Config":{"Tty":false}}`),
			"GET /containers/a/logs": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, row.body) }})
		r := f.Docker(t, "", "logs", "a")
		if r.Code != row.code || r.Out != row.out || !strings.Contains(r.Stderr, row.stderr) {
			t.Errorf("%s: %+v", row.title, r)
		}
	}
}

// Logs of a terminal are not framed.
func TestLogsOfTerminal(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /containers/a/json": clienttest.Reply(`{"Id":"full","Config":{"Tty":true}}`),
		"GET /containers/full/logs": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "\x01\x00raw\r\n")
		}})
	if r := f.Docker(t, "", "logs", "a"); r.Code != 0 || r.Out != "\x01\x00raw\r\n" || r.Stderr != "" {
		t.Errorf("%+v", r)
	}
}

// What logs asks for each flag.
func TestLogsQuery(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /containers/a/json": clienttest.Reply(`{"Id":"a","Config":{}}`),
		"GET /containers/a/logs": clienttest.Reply("")})
	for _, row := range []struct{ flags, asked string }{
		{"", "stderr=1&stdout=1&tail=all"},
		{"-n 5", "stderr=1&stdout=1&tail=5"},
		{"--tail 0", "stderr=1&stdout=1&tail=0"},
		{"-t --details", "details=1&stderr=1&stdout=1&tail=all&timestamps=1"},
		{"--since 100", "since=100&stderr=1&stdout=1&tail=all"},
		{"--since 1.5 --until 7", "since=1.5&stderr=1&stdout=1&tail=all&until=7"},
		{"--until 2026-01-02T03:04:05Z", "stderr=1&stdout=1&tail=all&until=1767323045.000000000"},
	} {
		r := f.Docker(t, "", append(append([]string{"logs"}, strings.Fields(row.flags)...), "a")...)
		if last := f.Seen[len(f.Seen)-1]; r.Code != 0 || last != "GET /containers/a/logs?"+row.asked {
			t.Errorf("logs %s asked %s", row.flags, last)
		}
	}
	for _, flag := range []string{"--since yesterday", "--until 2026-13-01"} {
		r := f.Docker(t, "", append(append([]string{"logs"}, strings.Fields(flag)...), "a")...)
		name := strings.TrimPrefix(strings.Fields(flag)[0], "--")
		if r.Code != 1 || !strings.Contains(r.Stderr, fmt.Sprintf("invalid value for %q: ", name)) {
			t.Errorf("logs %s: %+v", flag, r)
		}
	}
}

// The kinds of changes; what the daemon may add later does not end the list.
func TestDiffKinds(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /containers/a/changes":   clienttest.Reply(`[{"Kind":2,"Path":"/gone"},{"Kind":0,"Path":"/etc"},{"Kind":1,"Path":"/new file"}]`),
		"GET /containers/b/changes":   clienttest.Reply(`null`),
		"GET /containers/cut/changes": clienttest.Reply(`[{"Kind":2,`),
	})
	for _, row := range []struct {
		name, out string
		code      int
	}{
		{"a", "D /gone\nC /etc\nA /new file\n", 0},
		{"b", "", 0},
		{"cut", "", 1},
	} {
		if r := f.Docker(t, "", "diff", row.name); r.Code != row.code || r.Out != row.out {
			t.Errorf("diff %s: %+v", row.name, r)
		}
	}
}

func TestRename(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /containers/a/rename": noContent,
		"POST /containers/b/rename": clienttest.Refuse(409, "name in use")})
	for _, row := range []struct {
		old, name, stderr string
		code              int
	}{
		{"a", "new", "", 0},
		{"b", "new", "Error response from daemon: name in use\nError: failed to rename container named b\n", 1},
		{"", "new", "Error: Neither old nor new names may be empty\n", 1},
		{"a", "", "Error: Neither old nor new names may be empty\n", 1},
	} {
		if r := f.Docker(t, "", "rename", row.old, row.name); r.Code != row.code || r.Stderr != row.stderr {
			t.Errorf("rename %q %q: %+v", row.old, row.name, r)
		}
	}
}
