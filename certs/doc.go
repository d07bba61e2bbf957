// Package certs is TLS of the API: a certificate authority in a folder with the names of Docker's files, what it
// signs and takes back, and the two halves of a connection. It knows nothing else of box.
//
// A listener of tcp is wrapped twice: one layer counts connections, the other is TLS (certs/listener.go). Every
// connection gets a configuration of its own when it is accepted, made from the files as they are then: the server
// looks whether they changed at each accept, at each request, and every 0.4 s while connections are open; with none
// open nothing wakes up. What cannot be read leaves the old in force. Sessions are not resumed, so that no verdict of
// another time is carried over. The list of revoked certificates and a change of the authority are applied to open
// connections, hijacked ones too, by closing the socket under TLS; at each request netapi asks again
// (netapi/peers.go), and writes who changes what into the log.
//
// box certs writes several files as one: they are staged in .certs-new, synced, renamed to .certs-ready, and moved
// from there; whoever reads the folder first ends what was cut off (certs/files.go). issued.pem has every certificate
// from before it is anywhere else, so that each can be revoked. Where the clock is before the time of the build, what
// is made is valid by that clock and by a right one.
package certs
