package context

import (
	"bytes"
	"testing"

	"box/personalities/docker/session"
)

func FuzzUnpackContext(f *testing.F) {
	c := &session.StoredContext{Name: "a", Metadata: map[string]any{"Description": "d"}}
	c.SetDocker(session.DockerEndpoint{Host: "tcp://h:1"})
	raw, err := packContext(c, map[string][]byte{"ca.pem": []byte("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, files, err := unpackContext(bytes.NewReader(raw))
		if err != nil {
			return
		}
		for name := range files {
			if !isTLSName(name) {
				t.Errorf("a file %q", name)
			}
		}
		again, err := packContext(c, files)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := unpackContext(bytes.NewReader(again)); err != nil || len(got) != len(files) {
			t.Errorf("%v: %v", got, err)
		}
	})
}
