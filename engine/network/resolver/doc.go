// Package resolver answers the questions for names (RFC 1035) of programs in containers. What it knows of networks it
// says itself; everything else it asks the servers that the container was given, or the host's. It makes no socket in
// another namespace: engine/keeper gives it those that it reads from, and what opens one towards servers.
package resolver
