package netapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// names are what the requests of FuzzLive call objects: few, so that the requests meet.
var names = []string{"aa", "bb", "cc", "running", "none", ""}

// created are the bodies of creates.
var created = []string{
	`{"Image":"edge","OpenStdin":true}`,
	`{"Image":"edge","Tty":true,"Labels":{"l":"1"},"HostConfig":{"AutoRemove":true}}`,
	`{"Image":"edge","Cmd":["false"],"HostConfig":{"RestartPolicy":{"Name":"always"}}}`,
	`{"Image":"edge","Cmd":["false"],"HostConfig":{"AutoRemove":true,"Binds":["v:/v"]}}`,
	`{"Image":"bare","Cmd":["echo"],"Volumes":{"/w":{}}}`,
	`{"Image":"edge","Healthcheck":{"Test":["CMD","x"],"Interval":1000000}}`,
	`{"Image":"edge","HostConfig":{"NetworkMode":"none"}}`,
	`{"Image":"edge","HostConfig":{"NetworkMode":"container:aa","PidMode":"container:bb","IpcMode":"container:cc","VolumesFrom":["aa"]}}`,
	`{"Image":"edge","HostConfig":{"Links":["aa:x","bb"]}}`,
	`{"Image":"none"}`,
	`{"Image":"edge","Cmd":"echo","Entrypoint":"","HostConfig":{"CapAdd":"ALL","Ulimits":[null],"BlkioWeightDevice":[null]}}`,
	`{"Image":"edge","NetworkingConfig":{"EndpointsConfig":{"host":null}},"MacAddress":"02:42:ac:11:00:02"}`,
	`{}`,
}

// call is one request of FuzzLive; %s in its path is a name.
type call struct {
	method, path string
	body         func(tb testing.TB, r *rand.Rand) (mediaType string, body []byte)
	open         bool // the reply may have no end: the client leaves
}

func jsons(bodies ...string) func(testing.TB, *rand.Rand) (string, []byte) {
	return func(_ testing.TB, r *rand.Rand) (string, []byte) {
		return "application/json", []byte(bodies[r.IntN(len(bodies))])
	}
}

// archives are images, with and without layers, and what is none.
func archives(tb testing.TB, r *rand.Rand) (string, []byte) {
	whole := [][]byte{edgeImage(tb), bareImage(tb), gzipped(tb, edgeImage(tb)), gzipped(tb, []byte("no archive")),
		bytes.Repeat([]byte("x"), 700000)}
	raw := whole[r.IntN(len(whole))]
	return "application/x-tar", raw[:len(raw)-r.IntN(2)*r.IntN(len(raw))]
}

// calls are all that clients do with what the engine has.
var calls = []call{
	{method: "POST", path: "/containers/create?name=%s", body: jsons(created...)},
	{method: "POST", path: "/containers/create?name=%s", body: jsons(created...)},
	{method: "POST", path: "/containers/%s/start"},
	{method: "POST", path: "/containers/%s/start"},
	{method: "POST", path: "/containers/%s/stop?t=0"},
	{method: "POST", path: "/containers/%s/restart?t=0"},
	{method: "POST", path: "/containers/%s/kill"},
	{method: "POST", path: "/containers/%s/kill?signal=HUP"},
	{method: "POST", path: "/containers/%s/pause"},
	{method: "POST", path: "/containers/%s/unpause"},
	{method: "POST", path: "/containers/%s/rename?name=%s"},
	{method: "POST", path: "/containers/%s/update",
		body: jsons(`{"RestartPolicy":{"Name":"no"}}`, `{"RestartPolicy":{"Name":"always"}}`, `{"CpuShares":2}`,
			`{"PidsLimit":0}`)},
	{method: "POST", path: "/containers/%s/resize?h=3&w=4"},
	{method: "POST", path: "/containers/%s/wait", open: true},
	{method: "POST", path: "/v1.24/containers/%s/wait", open: true},
	{method: "POST", path: "/containers/%s/wait?condition=removed", open: true},
	{method: "POST", path: "/containers/%s/attach?stream=1&stdin=1&stdout=1&logs=1", open: true},
	{method: "GET", path: "/containers/%s/json?size=1"},
	{method: "GET", path: "/v1.24/containers/%s/json"},
	{method: "GET", path: "/containers/%s/logs?stdout=1&follow=1", open: true},
	{method: "GET", path: "/containers/%s/logs?stderr=1&tail=2"},
	{method: "GET", path: "/containers/%s/top"},
	{method: "GET", path: "/containers/%s/stats?stream=0", open: true},
	{method: "GET", path: "/containers/%s/stats?one-shot=1&stream=0"},
	{method: "GET", path: "/containers/%s/changes"},
	{method: "GET", path: "/containers/%s/export"},
	{method: "GET", path: "/containers/%s/archive?path=/"},
	{method: "HEAD", path: "/containers/%s/archive?path=/etc"},
	{method: "PUT", path: "/containers/%s/archive?path=/", body: archives},
	{method: "DELETE", path: "/containers/%s"},
	{method: "DELETE", path: "/containers/%s?force=1&v=1"},
	{method: "DELETE", path: "/containers/%s?link=1"},
	{method: "POST", path: "/containers/%s/exec",
		body: jsons(`{"Cmd":["x"],"AttachStdin":true,"AttachStdout":true}`, `{"Cmd":["x"],"Tty":true}`, `{"Cmd":[]}`)},
	{method: "POST", path: "/commit?container=%s&repo=made&tag=%s", body: jsons(`{}`, `null`, `{"Cmd":["y"]}`)},
	{method: "POST", path: "/containers/prune"},
	{method: "GET", path: `/containers/json?all=1&size=1&filters={"ancestor":["edge"],"status":["running","exited"]}`},
	{method: "GET", path: `/containers/json?all=1&filters={"before":["%s"]}`},
	{method: "GET", path: "/v1.24/containers/json?all=1"},

	{method: "POST", path: "/images/load", body: archives},
	{method: "POST", path: "/images/load?quiet=0", body: archives},
	{method: "POST", path: "/images/create?fromSrc=-&repo=made", body: archives},
	{method: "GET", path: "/images/json?all=1&shared-size=1"},
	{method: "GET", path: "/images/edge/json"},
	{method: "GET", path: "/images/bare/json"},
	{method: "GET", path: "/v1.24/images/bare/json"},
	{method: "GET", path: "/images/bare/history"},
	{method: "GET", path: "/images/get?names=bare&names=edge"},
	{method: "POST", path: "/images/bare/tag?repo=made&tag=%s"},
	{method: "DELETE", path: "/images/made:%s"},
	{method: "DELETE", path: "/images/bare?force=1"},
	{method: "POST", path: `/images/prune?filters={"dangling":["true"]}`},

	{method: "POST", path: "/volumes/create", body: jsons(`{"Name":"v"}`, `{"Name":"w","Labels":{"a":"b"}}`, `{}`)},
	{method: "GET", path: "/volumes"},
	{method: "GET", path: "/volumes/v"},
	{method: "DELETE", path: "/volumes/v?force=1"},
	{method: "POST", path: `/volumes/prune?filters={"all":["1"]}`},
	{method: "GET", path: "/networks"},
	{method: "GET", path: "/networks/host"},
	{method: "POST", path: "/networks/create", body: jsons(`{"Name":"host"}`, `{"Name":"%s"}`, `{}`)},
	{method: "POST", path: "/networks/none/connect",
		body: jsons(`{"Container":"aa"}`, `{"Container":"running"}`, `{"Container":""}`)},
	{method: "POST", path: "/networks/host/disconnect", body: jsons(`{"Container":"aa"}`, `{"Container":"running"}`)},
	{method: "DELETE", path: "/networks/%s"},
	{method: "GET", path: "/plugins/%s/json"},
	{method: "GET", path: "/services/%s"},
	{method: "POST", path: "/build?t=%s", body: archives},
	{method: "GET", path: "/system/df"},
	{method: "GET", path: "/info"},
	{method: "GET", path: "/events?since=1&until=2000000000", open: true},
	{method: "GET", path: "/events?until=1"},
}

// left is when the client of a reply without an end goes.
const left = 10 * time.Millisecond

// do sends the request and reads its reply. Every reply that begins is well formed.
func (c *call) do(tb testing.TB, e *edge, r *rand.Rand) {
	path := c.path
	for strings.Contains(path, "%s") {
		path = strings.Replace(path, "%s", names[r.IntN(len(names))], 1)
	}
	path = strings.ReplaceAll(path, `"`, url.QueryEscape(`"`))
	sort, body := "", []byte(nil)
	if c.body != nil {
		sort, body = c.body(tb, r)
	}
	status, reply := e.ask(tb, c, path, sort, body)
	if c.path == "/containers/%s/exec" && status == http.StatusCreated {
		var made struct{ ID string }
		if err := json.Unmarshal(reply, &made); err != nil {
			tb.Errorf("reply %q: %v", reply, err)
		}
		e.ask(tb, &call{method: "POST", open: true}, "/exec/"+made.ID+"/start", "application/json",
			[]byte([]string{`{}`, `{"Detach":true}`, `{"Tty":true}`}[r.IntN(3)]))
		e.ask(tb, &call{method: "GET"}, "/exec/"+made.ID+"/json", "", nil)
		// It waits for the start, which may never come where that client has left first.
		e.ask(tb, &call{method: "POST", open: true}, "/exec/"+made.ID+"/resize?h=1&w=1", "", nil)
	}
}

// ask sends a request of which every reply is fine but none, and one that tells of a panic.
func (e *edge) ask(tb testing.TB, c *call, path, sort string, body []byte) (int, []byte) {
	conn := e.dial(tb)
	defer conn.Close()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: d\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n", c.method, path,
		len(body), sort)
	// Finds a connection of which too much was read, or too little
	next := "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
	if c.open {
		next = ""
	}
	go func() { _, _ = conn.Write(slices.Concat([]byte(head), body, []byte(next))) }()
	if c.open {
		time.AfterFunc(left, func() { conn.Close() })
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, &http.Request{Method: c.method})
	var reply []byte
	if err == nil {
		reply, err = io.ReadAll(res.Body)
	}
	if err == nil && !c.open && !res.Close {
		_, err = http.ReadResponse(in, nil)
	}
	if err == nil || c.open && res != nil {
		return res.StatusCode, reply
	}
	switch {
	case c.open:
	case errors.Is(err, os.ErrDeadlineExceeded):
		tb.Errorf("%s %s: no end of the reply after %v", c.method, path, patience)
	case !strings.HasSuffix(path, "/export") && !strings.Contains(path, "/archive") && !strings.Contains(path,
		"/get"): // cut by what went meanwhile
		tb.Errorf("%s %s: %v", c.method, path, err)
	}
	return 0, nil
}

// bareImage is a docker archive of an image without layers.
func bareImage(tb testing.TB) []byte {
	return archiveOf(tb, []string{
		"config.json", `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers"}}`,
		"manifest.json", `[{"Config":"config.json","RepoTags":["bare:latest"],"Layers":[]}]`,
	})
}

// clients send their requests side by side.
const clients = 4

// FuzzLive sends the requests that its input picks, several clients at a time, to one engine in which all kinds of
// objects are, in all states. None makes a handler panic, each is answered, and afterwards the engine answers and can
// be emptied.
func FuzzLive(f *testing.F) {
	e := startEdge(f)
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		picks := make([]byte, 60)
		for i := range picks {
			picks[i] = byte(r.IntN(len(calls)))
		}
		f.Add(picks, seed)
	}
	f.Fuzz(func(t *testing.T, picks []byte, seed uint64) {
		var all sync.WaitGroup
		for n := range clients {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			all.Go(func() {
				for i := n; i < min(len(picks), 200); i += clients {
					calls[int(picks[i])%len(calls)].do(t, e, r)
				}
			})
		}
		all.Wait()
		e.unharmed(t, picks)
		e.empty(t)
	})
}

// empty removes what requests made but for the images, and sees that nothing else is left. The container running is
// made anew.
func (e *edge) empty(t *testing.T) {
	for end := time.Now().Add(patience); ; {
		var list []struct{ ID, State string }
		if err := json.Unmarshal(e.must(t, "GET", "/containers/json?all=1", "", nil), &list); err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d containers cannot be removed: %v", len(list), list)
		}
		for _, c := range list {
			e.ask(t, &call{method: "DELETE"}, "/containers/"+c.ID+"?force=1&v=1", "", nil)
		}
	}
	for _, image := range [][]byte{edgeImage(t), bareImage(t)} {
		e.must(t, "POST", "/images/load", "application/x-tar", image)
	}
	e.run(t)
}
