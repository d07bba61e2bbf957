package wire

// Messages of daemon and client about what box does not support.
const (
	NoBuilds = "building images is not built into this box yet: build elsewhere and load the image, or make one of " +
		"a container with commit"
	NoNetworks = "networks of one's own are not built into this box yet: containers share bridge, host or another " +
		"container's network"
	NoCheckpoints = "checkpoints are not supported: containers are started afresh"
	NoPlugins     = "installing plugins is not built into this box yet"
	NoSwarm       = "swarm mode is not built into this box yet"
	NotManager    = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`
	NotInSwarm    = "This node is not part of a swarm"
)
