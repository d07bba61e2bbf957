package docker

import (
	"strings"
	"testing"

	"box/netapi/wire"
)

// TestUnbuiltCommands: what is missing says so in the daemon's words, and neither help nor completion nor the manual
// offers it.
func TestUnbuiltCommands(t *testing.T) {
	f := newFake(t, nil)
	for line, want := range map[string]string{
		"build .": wire.NoBuilds, "image build -t x .": wire.NoBuilds, "builder build .": wire.NoBuilds,
		"buildx ls": wire.NoBuilds,
		"plugin ls": wire.NoPlugins, "plugin install x": wire.NoPlugins, "swarm init": wire.NoSwarm,
		"swarm leave": wire.NotInSwarm,
		"node ls":     wire.NotManager, "service create x": wire.NotManager, "secret ls": wire.NotManager,
		"checkpoint ls x": wire.NoCheckpoints,
	} {
		if r := f.Docker(t, "", strings.Fields(line)...); r.Code != 1 || !strings.Contains(r.Stderr, want) || r.Out != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if r := f.Docker(t, "", "image", "bulid"); !strings.Contains(r.Stderr, "unknown command") {
		t.Errorf("a misspelt command: %+v", r)
	}
	var shown strings.Builder
	shown.WriteString(f.Docker(t, "", "--help").Out + f.Docker(t, "", "network", "--help").Out +
		f.Docker(t, "", "image", "--help").Out)
	shown.WriteString(f.Docker(t, "", "__complete", "network", "").Out + f.Docker(t, "", "__complete", "").Out)
	for _, p := range Pages() {
		shown.WriteString(" " + p.Path + "\n")
	}
	for _, word := range []string{"build ", "swarm", "service", "plugin"} {
		if strings.Contains(shown.String(), word) {
			t.Errorf("help, completion or manual offers %q", word)
		}
	}
	if !strings.Contains(shown.String(), "Display detailed information on one or more networks") {
		t.Errorf("no help: %s", shown.String())
	}
}
