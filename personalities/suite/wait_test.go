package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestWaitConditions: the head of the reply comes at once, so that a client knows that it waits before it starts what
// it waits for; the body comes when the condition is met and has the exit code of that end.
func TestWaitConditions(t *testing.T) {
	d := busyboxDaemon(t)
	docker := func(args ...string) { t.Helper(); d.docker(t, args...) }
	docker("create", "--name", "stays", "busybox", "sh", "-c",
		"trap 'exit 3' TERM; touch /up; while :; do sleep 0.02; done")
	docker("create", "--name", "goes", "--rm", "busybox", "sh", "-c", "exit 6")
	client := dialer(d)
	client.Timeout = 20 * time.Second
	// begin returns with the head of the reply, and code gives what its body says.
	begin := func(name, condition string) *http.Response {
		t.Helper()
		r, err := client.Post(fmt.Sprintf("http://d/containers/%s/wait?condition=%s", name, condition), "", nil)
		fatal(t, err)
		return r
	}
	code := func(r *http.Response) int {
		t.Helper()
		defer r.Body.Close()
		var body struct{ StatusCode int }
		fatal(t, json.NewDecoder(r.Body).Decode(&body))
		return body.StatusCode
	}
	for name, want := range map[string]int{"stays/wait?condition=nonsense&x=": http.StatusBadRequest,
		"absent/wait?condition=": http.StatusNotFound} {
		r, err := client.Post("http://d/containers/"+name, "", nil)
		fatal(t, err)
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, not %d", name, r.StatusCode, want)
		}
	}
	if got := code(begin("stays", "not-running")); got != 0 {
		t.Errorf("a container that never ran ended with %d", got)
	}
	next, removed := begin("stays", "next-exit"), begin("stays", "removed") // both heads are there before it starts
	docker("start", "stays")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if exec.Command(d.box, "docker", "-H", d.host(), "exec", "stays", "test", "-f", "/up").Run() == nil {
			break
		}
	}
	running := begin("stays", "")
	docker("stop", "stays")
	if a, b := code(next), code(running); a != 3 || b != 3 {
		t.Errorf("next exit %d, not running %d, both are 3", a, b)
	}
	if got := code(begin("stays", "not-running")); got != 3 {
		t.Errorf("a container that ended with 3 ended with %d", got)
	}
	over := make(chan int, 1)
	go func() {
		defer removed.Body.Close()
		var body struct{ StatusCode int }
		if json.NewDecoder(removed.Body).Decode(&body) != nil {
			body.StatusCode = -1
		}
		over <- body.StatusCode
	}()
	select {
	case got := <-over:
		t.Errorf("it was told to be removed with %d while it was not", got)
	case <-time.After(200 * time.Millisecond):
	}
	docker("rm", "stays")
	if got := <-over; got != 3 {
		t.Errorf("removed with %d, not 3", got)
	}
	gone := begin("goes", "removed")
	docker("start", "goes")
	if got := code(gone); got != 6 {
		t.Errorf("--rm: %d, not 6", got)
	}
	if out, _ := exec.Command(d.box, "docker", "-H", d.host(), "ps",
		"-aq").Output(); strings.TrimSpace(string(out)) != "" {
		t.Errorf("left: %s", out)
	}
}
