package wire

// Messages of daemon and client about what box does not support.
const (
	NoBuilds      = "this version of box does not build images: build elsewhere and load the image, or use commit"
	NoCheckpoints = "checkpoints are not supported"
	NoPlugins     = "this version of box does not support plugins"
	NoSwarm       = "this version of box does not support swarm mode"
	NotManager    = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`
	NotInSwarm    = "This node is not part of a swarm"
)
