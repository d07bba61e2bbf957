package suite

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// manyContainers are what a daemon has to start with in time.
	manyContainers = 1000
	// startWithin is that time, to the first reply.
	startWithin = time.Second
)

// TestDamagedContainers: of a thousand containers some are damaged on the disk in every way while no daemon runs. The
// next daemon answers within a second all the same, shows what it cannot use as dead, and lets it be removed; all
// others are as they were.
func TestDamagedContainers(t *testing.T) {
	d := busyboxDaemon(t)
	docker := func(args ...string) string { t.Helper(); return d.docker(t, args...) }
	createMany(t, d, manyContainers)
	id := map[string]string{}
	for n, name := range []string{"fine", "record", "status", "no-folder", "file", "never-ran", "layer", "log"} {
		docker("rename", fmt.Sprintf("many-%d", n), name)
		if name != "never-ran" {
			docker("start", "-a", name)
		}
		id[name] = docker("inspect", "-f", "{{.Id}}", name)
	}
	folder := func(name string) string { return filepath.Join(d.dir, "data/containers", id[name]) }
	log := filepath.Join(folder("log"), id["log"]+"-json.log")
	time.Sleep(1500 * time.Millisecond) // until statuses are in the state file
	fatal(t, d.signal(syscall.SIGKILL))

	db := filepath.Join(d.dir, "data/box.db")
	raw, err := os.ReadFile(db)
	fatal(t, err)
	head := fmt.Appendf(nil, `{"ID":"%s"`, id["record"])
	if !bytes.Contains(raw, head) {
		t.Fatal("the record is not where this test looks for it")
	}
	lines, err := os.ReadFile(log)
	layer := filepath.Join(d.dir, "data/overlay2", id["layer"])
	fatal(t, errors.Join(err,
		os.WriteFile(db, bytes.ReplaceAll(raw, head, bytes.Repeat([]byte{0xff}, len(head))), 0o600),
		os.WriteFile(filepath.Join(d.dir, "run/containers", id["status"]+".json"), []byte(`{"Seq":99,"Sta`), 0o600),
		os.RemoveAll(folder("no-folder")), os.RemoveAll(folder("never-ran")),
		os.RemoveAll(folder("file")), os.WriteFile(folder("file"), nil, 0o600),
		os.RemoveAll(layer), os.WriteFile(layer, nil, 0o600),
		os.WriteFile(log, append(lines, lines[:len(lines)/2]...), 0o600),
	))

	begin := time.Now()
	fatal(t, d.start())
	if took := time.Since(begin); took > startWithin {
		t.Errorf("the first reply came after %s", took)
	} else {
		t.Logf("the first reply came after %s", took)
	}
	if n := len(strings.Fields(docker("ps", "-aq"))); n != manyContainers {
		t.Errorf("%d containers, there were %d", n, manyContainers)
	}
	for name, want := range map[string]string{
		"fine": "exited", "record": "dead", "status": "exited", "no-folder": "dead", "file": "dead", "never-ran": "created",
		"layer": "exited", "log": "exited",
	} {
		if got := docker("inspect", "-f", "{{.State.Status}}", id[name]); got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
		_, err := exec.Command(d.box, "docker", "-H", d.host(), "start", "-a", id[name]).Output()
		if refused := want == "dead" || name == "layer"; refused != (err != nil) {
			t.Errorf("start of %s: %v", name, err)
		}
	}
	if got := docker("logs", "log"); got != "said\nsaid" {
		t.Errorf("a log that was cut and written to again has %q", got)
	}
	for name := range id {
		docker("rm", id[name])
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		for _, dir := range []string{"containers", "overlay2"} {
			entries, err := os.ReadDir(filepath.Join(d.dir, "data", dir))
			fatal(t, err)
			for _, e := range entries {
				for name := range id {
					if strings.HasPrefix(e.Name(), id[name]) {
						left = append(left, dir+"/"+name)
					}
				}
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("removed containers left %v", left)
		}
	}
}

// createMany makes containers many-0, many-1 and so on.
func createMany(t *testing.T, d *daemon, count int) {
	t.Helper()
	c := dialer(d)
	var all sync.WaitGroup
	const workers = 4
	for w := range workers {
		all.Go(func() {
			for n := w; n < count; n += workers {
				r, err := c.Post(fmt.Sprintf("http://d/containers/create?name=many-%d", n), "application/json",
					strings.NewReader(`{"Image":"busybox","Cmd":["echo","said"],"HostConfig":{"NetworkMode":"none"}}`))
				if err != nil || r.StatusCode != http.StatusCreated {
					t.Errorf("create: %v %v", r, err)
					return
				}
				r.Body.Close()
			}
		})
	}
	all.Wait()
}
