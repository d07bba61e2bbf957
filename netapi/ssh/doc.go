// Package ssh connects to a daemon over SSH: with the host's ssh program, or by itself on a host that has none. On the
// remote host, docker system dial-stdio connects to the daemon.
//
// With the program, each connection is one ssh in a session of its own. Without it, all connections share one SSH
// connection. That uses the known hosts, keys, agent and ~/.ssh/config as ssh would. It refuses hosts with unknown
// keys. It also refuses unknown directives, since those could lead to another machine or grant other rights.
package ssh
