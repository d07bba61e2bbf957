package docker

import (
	"slices"
	"strings"

	"box/netapi/wire"
)

// unlisted are the commands that box's daemon does not carry out yet. They work with other daemons, but are in no
// help, completion or manual.
func unlisted() []string {
	return []string{"network connect", "network create", "network disconnect", "network rm"}
}

// listed tells whether help shows the command.
func (c *command) listed() bool {
	return c.summary != "" && !slices.Contains(unlisted(), c.names[0])
}

// unbuilt says what is missing for a command of Docker's that this client does not have, in the words of its daemon;
// "" for other commands.
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
