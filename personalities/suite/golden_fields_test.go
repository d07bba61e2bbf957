package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// verdict is what a daemon said to it.
type verdict struct {
	status  int
	message string
}

// TestGoldenFields sends every field of every request body once absent, null, of the wrong type, empty and out of
// range, and compares the status and the message with those of Debian's Docker in testdata/api/fields.tsv. `make
// golden` records them anew. fields-differs.txt has the differences that are meant.
func TestGoldenFields(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: the calls start a container")
	}
	record := os.Getenv("BOX_RECORD") != ""
	raw, err := os.ReadFile("testdata/api/bodies.json")
	must(t, err)
	var requests []served
	must(t, json.Unmarshal(raw, &requests))
	d := newFieldDaemon(t, goldenDaemon(t, record))
	var calls []fieldCall
	for i := range requests {
		calls = append(calls, spoilt(&requests[i])...)
	}
	var lines []string
	got := map[string]verdict{}
	for i, v := range d.sendAll(t, calls) {
		key := calls[i].of.Name + "\t" + calls[i].field + "\t" + calls[i].variant
		got[key] = v
		lines = append(lines, fmt.Sprintf("%s\t%d\t%s", key, v.status, v.message))
	}
	if record {
		must(t, os.WriteFile("testdata/api/fields.tsv", []byte(strings.Join(lines, "\n")+"\n"), 0o644))
		return
	}
	compareVerdicts(t, got)
}

// compareVerdicts holds what box said against what was recorded. Every meant difference must be one.
func compareVerdicts(t *testing.T, got map[string]verdict) {
	meant := readMeant(t)
	used := map[int]bool{}
	raw, err := os.ReadFile("testdata/api/fields.tsv")
	must(t, err)
	if n := strings.Count(string(raw), "\n"); n != len(got) {
		t.Errorf("%d replies are recorded and %d were given: `make golden` records anew", n, len(got))
	}
	for line := range strings.Lines(string(raw)) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 5)
		key := strings.Join(f[:3], "\t")
		mine, want := got[key], verdict{message: f[4]}
		fmt.Sscan(f[3], &want.status)
		if decoding(want.message) {
			want.status = http.StatusBadRequest // Docker 28 answers 400 to what it cannot decode, too
		}
		if mine == want || mine.status == http.StatusNotImplemented &&
			!decoding(want.message) { // what is not built yet is read all the same
			continue
		}
		if i := slices.IndexFunc(meant, func(m []string) bool { return meansIt(m, f[:3]) }); i >= 0 && mine.status < 500 {
			used[i] = true
			continue
		}
		t.Errorf("%s: %d %s\n\tDocker's: %d %s", key, mine.status, mine.message, want.status, want.message)
	}
	for i, m := range meant {
		if !used[i] {
			t.Errorf("fields-differs.txt: %s is no difference", strings.Join(m[:3], " "))
		}
	}
}

func meansIt(patterns, key []string) bool {
	for i := range key {
		if ok, err := path.Match(patterns[i], strings.ReplaceAll(key[i], "/", "|")); err != nil || !ok {
			return false
		}
	}
	return true
}

// readMeant reads lines "REQUEST FIELD VARIANT WHY", the first three with * and ?.
func readMeant(t *testing.T) (list [][]string) {
	raw, err := os.ReadFile("testdata/api/fields-differs.txt")
	must(t, err)
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " ", 4)
		if len(f) < 4 {
			t.Fatalf("fields-differs.txt: %q has no reason", line)
		}
		list = append(list, f)
	}
	return list
}

// decoding tells whether a message is about JSON that is not of the type.
func decoding(message string) bool { return strings.Contains(message, "json: cannot unmarshal") }

// fieldDaemon is a daemon with a running container, goldenrun.
type fieldDaemon struct {
	client http.Client
}

func newFieldDaemon(t *testing.T, socket string) *fieldDaemon {
	d := &fieldDaemon{http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", socket)
		}}}}
	t.Cleanup(d.client.CloseIdleConnections)
	if v, _ := d.ask(t, "POST", "/containers/create?name=goldenrun",
		`{"Image":"busybox","Cmd":["sleep","1000"],"StopSignal":"KILL"}`); v.status != http.StatusCreated {
		t.Fatal(v)
	}
	if v, _ := d.ask(t, "POST", "/containers/goldenrun/start", ""); v.status != http.StatusNoContent {
		t.Fatal(v)
	}
	t.Cleanup(func() { d.ask(t, "DELETE", "/containers/goldenrun?force=1", "") })
	return d
}

// sendAll makes the calls, those at once that do not meet.
func (d *fieldDaemon) sendAll(t *testing.T, calls []fieldCall) []verdict {
	out := make([]verdict, len(calls))
	places := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i, c := range calls {
		if c.of.Name != "create" || strings.HasPrefix(c.field, "HostConfig.Mounts") {
			out[i] = d.send(t, c)
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			out[i] = d.send(t, c)
			<-places
		})
	}
	all.Wait()
	return out
}

// send makes one call and removes what it made.
func (d *fieldDaemon) send(t *testing.T, c fieldCall) verdict {
	t.Helper()
	where := c.of.Path
	if strings.Contains(where, "{exec}") {
		_, id := d.ask(t, "POST", "/containers/goldenrun/exec", `{"Cmd":["true"]}`)
		where = strings.Replace(where, "{exec}", id, 1)
	}
	v, id := d.ask(t, "POST", where, c.body)
	if v.status != http.StatusCreated {
		return v
	}
	switch c.of.Name {
	case "create":
		d.ask(t, "DELETE", "/containers/"+id+"?force=1&v=1", "")
		d.ask(t, "DELETE", "/volumes/goldenfields", "")
	case "volume":
		d.ask(t, "DELETE", "/volumes/"+id, "")
	case "network":
		d.ask(t, "DELETE", "/networks/"+id, "")
	case "commit":
		d.ask(t, "DELETE", "/images/"+id, "")
	}
	return v
}

var (
	endpointPrefix = regexp.MustCompile(`^invalid config for network \w+: invalid endpoint settings:\n`) // of Docker 28
	inGo           = regexp.MustCompile(` into Go (struct field|value).*`)
	digits         = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
)

// ask returns what was said, without what differs from run to run and from program to program, and the name of what
// was made.
func (d *fieldDaemon) ask(t *testing.T, method, where, body string) (verdict, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "http://docker/v1.41"+where,
		bytes.NewReader([]byte(body)))
	if err != nil {
		t.Error(err)
		return verdict{}, ""
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	r, err := d.client.Do(q)
	if err != nil {
		t.Errorf("%s %s %s: %v", method, where, body, err)
		return verdict{}, ""
	}
	defer r.Body.Close()
	raw := []byte("{}")
	if r.Header.Get("Content-Type") == "application/json" {
		if raw, err = io.ReadAll(r.Body); err != nil {
			t.Errorf("%s %s %s: %v", method, where, body, err)
		}
	}
	var said struct{ Message, ID, Name string }
	if err := json.Unmarshal(raw, &said); err != nil && raw[0] != '[' {
		t.Errorf("%s %s %s: %q: %v", method, where, body, raw, err)
	}
	said.Message = endpointPrefix.ReplaceAllString(said.Message, "")
	text := inGo.ReplaceAllString(strings.TrimPrefix(said.Message, "invalid JSON: "), " into Go")
	text = digits.ReplaceAllString(strings.ReplaceAll(text, "\n", " "), "<id>")
	return verdict{r.StatusCode, text}, said.ID + said.Name
}
