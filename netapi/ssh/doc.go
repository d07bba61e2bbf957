// Package ssh reaches a daemon over SSH from a host that has no ssh: with the keys, the agent, the known hosts and
// the configuration that ssh would use, and a refusal where it would need more of that than this package knows.
//
// The client's contexts are in Docker's files. ssh:// is the host's ssh, in a session of its own, that runs docker
// system dial-stdio at the far end; one connection is one ssh. On a host without ssh, netapi/ssh makes one connection
// for all: it reads known hosts, keys, the agent and ~/.ssh/config, and refuses a host whose key it does not know, and
// a directive that it does not know, since that may lead to another machine or let in with other rights.
package ssh
