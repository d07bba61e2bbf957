package image

import (
	"fmt"
	"testing"
)

// TestCommand checks that a command may be a single string, and that anything but strings is refused.
func TestCommand(t *testing.T) {
	for body, want := range map[string]string{
		`{"Cmd":"echo hi"}`: "[echo hi] [] []",
		`{"Cmd":["a","b"],"Entrypoint":"sh","Shell":"x"}`:      "[a b] [sh] [x]",
		`{"Cmd":null,"Env":["A=b"]}`:                           "[] [] []",
		`{"Cmd":5}`:                                            "refused",
		`{"Env":"A=b"}`:                                        "refused",
		`{"Entrypoint":["a"],"Healthcheck":{"Test":["NONE"]}}`: "[] [a] []",
	} {
		img, err := Parse([]byte(`{"architecture":"amd64","os":"linux","author":"me","config":` + body +
			`,"rootfs":{"type":"layers","diff_ids":[]}}`))
		got := "refused"
		if err == nil {
			c := img.Config.Config
			got = fmt.Sprintf("%v %v %v", c.Cmd, c.Entrypoint, c.Shell)
			if img.Config.Author != "me" || img.Config.RootFS.Type != "layers" {
				t.Errorf("%s: the rest is %+v", body, img.Config)
			}
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", body, got, err, want)
		}
	}
}
