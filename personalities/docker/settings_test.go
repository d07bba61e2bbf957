package docker

import (
	"strings"
	"testing"

	"box/personalities/docker/clienttest"
)

// TestAliases: of the settings only an alias for builder is taken, and none that stands for a command of the client's.
func TestAliases(t *testing.T) {
	for _, row := range []struct{ config, says string }{
		{`{"aliases":{"builder":"buildx"}}`, ""},
		{`{"aliases":{"ps":"x"}}`, `not allowed to alias "ps"`},
		{`{"aliases":{"builder":"run"}}`, `not allowed to alias with builtin "run" as target`},
		{`{"aliases":{"builder":"image"}}`, `not allowed to alias with builtin "image" as target`},
		{`{"aliases":{"builder":"image ls"}}`, `not allowed to alias with builtin "image ls" as target`},
		{`{"aliases":{"builder":"imag"}}`, ""},
		{`{"aliases":`, "read the client's settings"},
	} {
		home := t.TempDir()
		clienttest.WriteConfig(t, home, row.config)
		r := dockerIn(t, home, "unix:///nowhere/at/all", "", "pull", "x:1")
		if refused := strings.Contains(r.Stderr, row.says) && row.says != ""; refused != (row.says != "") ||
			row.says == "" && !strings.Contains(r.Stderr, "nowhere") {
			t.Errorf("%s: %+v", row.config, r)
		}
	}
}
