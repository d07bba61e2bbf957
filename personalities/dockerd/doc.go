// Package dockerd is `box dockerd`: it reads the daemon's options, opens the engine and serves the API.
//
// The keeper passes the sockets of the API from one daemon to the next (personalities/dockerd/handover.go,
// engine/keeper/keep.go). It holds copies of them while a daemon lives, and for ten seconds after a daemon was killed
// or was stopped with --live-restore. Clients that connect in between wait for the next daemon. This works after a
// crash and with every init, whereas a daemon that executes its successor would need a signal that no init sends. A
// socket is identified by its address and, if it has a path, by its inode. A daemon that is told to stop finishes
// requests that it has accepted (netapi/shutdown.go). A daemon that refuses to start because the state is from a newer
// version writes nothing and returns the sockets.
package dockerd
