package screen

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pull tells from time to time how far it is, whatever the daemon says, and ends with the error in its messages.
func TestPullProgress(t *testing.T) { synctest.Test(t, pullProgress) }

func pullProgress(t *testing.T) {
	for _, row := range []struct {
		lines []string
		want  []string
		err   string
	}{
		{[]string{
			`{"status":"Pulling from library/ng","id":"latest"}`,
			`{"status":"Pulling fs layer","progressDetail":{},"id":"aa"}`,
			`{"status":"Already exists","progressDetail":{},"id":"bb"}`,
			`{"status":"Pulling fs layer","id":"cc"}`,
			`{"status":"Downloading","progressDetail":{"current":1048576,"total":4194304},"id":"aa"}`,
			`{"status":"Download complete","id":"aa"}`,
			`{"status":"Downloading","progressDetail":{"current":1,"total":1048576},"id":"cc"}`,
			`{"status":"Pull complete","id":"aa"}`,
			`{"status":"Digest: sha256:1"}`,
			`{"status":"Status: Downloaded newer image for ng:latest"}`,
		}, []string{"0 of 1 layers", "1 of 2 layers", "1 of 3 layers", "1 of 3 layers, 1.0M of 4.0M",
			"1 of 3 layers, 4.0M of 4.0M", "1 of 3 layers, 4.0M of 5.0M", "2 of 3 layers, 4.0M of 5.0M",
			"2 of 3 layers, 4.0M of 5.0M", "2 of 3 layers, 4.0M of 5.0M"}, ""},
		{[]string{`{"status":"Waiting\u001b[2J"}`, `{"status":"Downloading","progressDetail":{"current":-5},"id":"none"}`,
			`{"errorDetail":{"message":"no such image\n"},"error":"x"}`}, []string{"Waiting[2J", "Waiting[2J"}, "no such image"},
		{[]string{`{"error":"it is full"}`}, nil, "it is full"},
		{[]string{`{"status":`, `]`}, nil, "read a line of the stream: invalid character ']' looking for beginning of value"},
	} {
		r, w := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() {
			for _, line := range row.lines {
				fmt.Fprintln(w, line)
				time.Sleep(2 * tellEvery)
			}
			w.Close()
		})
		var got []string
		err := followPull(r, func(data any) { got = append(got, string(data.(progress))) })
		r.Close()
		if !slices.Equal(got, row.want) || fmt.Sprint(err) != row.err && (err != nil || row.err != "") {
			t.Errorf("%q, %v", got, err)
		}
		writing.Wait()
	}
}

// A transfer is seen on the last line of the screen until its result is.
func TestPullIsSeen(t *testing.T) {
	m := model(t, edge("default", noon))
	pull := Request{Verb: "pull", Target: "ng"}
	if list := m.Take(Answer{Request: pull, Data: progress("2 of 3 layers, 4.0M of 5.0M")}); list != nil {
		t.Errorf("%+v", list)
	}
	sees(t, shot(t, m, 80, 24), "pull ng: 2 of 3 layers, 4.0M of 5.0M")
	m.Take(Answer{Request: pull})
	sees(t, shot(t, m, 80, 24), "pulled ng")
}
