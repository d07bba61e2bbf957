package netapi

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestHungUp: what was asked for happens, though the client hangs up before the reply.
func TestHungUp(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct{ request, want string }{
		{"POST /containers/%s/stop?t=1", "exited"},
		{"POST /containers/%s/restart?t=1", "running"},
		{"POST /v1.24/containers/%s/stop?t=1", "exited"},
	} {
		name := fmt.Sprintf("stubborn%d", time.Now().UnixNano())
		e.must(t, "POST", "/containers/create?name="+name, "application/json",
			[]byte(`{"Image":"edge","Cmd":["stubborn"],"HostConfig":{"NetworkMode":"host","RestartPolicy":{"Name":"unless-stopped"}}}`))
		e.must(t, "POST", "/containers/"+name+"/start", "", nil)
		events := e.follow(t)
		c := e.dial(t)
		if _, err := io.WriteString(c, fmt.Sprintf(row.request, name)+" HTTP/1.1\r\nHost: d\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		last := map[string]string{"exited": "stop", "running": "restart"}[row.want]
		for m := range events {
			if m.action == "kill" {
				c.Close() // the first of two: SIGTERM, which is not heard
			}
			if m.action == last {
				break
			}
		}
		if got := e.state(name); got != row.want {
			t.Errorf("%s: %s afterwards", row.request, got)
		}
		if got := string(e.must(t, "GET", "/containers/"+name+"/json", "", nil)); !strings.Contains(got,
			`"Name":"unless-stopped"`) {
			t.Errorf("%s: the restart policy is lost: %s", row.request, got)
		}
		e.must(t, "DELETE", "/containers/"+name+"?force=1", "", nil)
	}
}
