package docker

import (
	"slices"
	"strings"

	"box/netapi/wire"
)

// unbuilt returns the message for a command of Docker's that this client lacks, in the words of the daemon, or "".
func unbuilt(words []string) string {
	switch first := strings.Join(words[:min(2, len(words))], " "); {
	case first == "image build", first == "builder build", words[0] == "build", words[0] == "buildx":
		return wire.NoBuilds
	case words[0] == "plugin":
		return wire.NoPlugins
	case first == "swarm leave":
		return wire.NotInSwarm
	case first == "swarm ca", first == "swarm join-token", first == "swarm unlock", first == "swarm unlock-key",
		first == "swarm update":
		return wire.NotManager
	case words[0] == "swarm":
		return wire.NoSwarm
	case slices.Contains([]string{"config", "node", "secret", "service", "stack"}, words[0]):
		return wire.NotManager
	case words[0] == "checkpoint":
		return wire.NoCheckpoints
	}
	return ""
}
